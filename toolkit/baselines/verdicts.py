"""What became of every case of a baseline.

The first row that applies is the verdict. `slower` by `lo` to `hi` is the 95 % interval of time
now ÷ time then, `limit` that of `--fail-if-slower` (5 % where nothing is gated), and `band` how
far apart identical code may be seen: the A/A band of this run beside a saved artefact, else of
both runs together.

| | then | now | verdict | exit |
|---|---|---|---|---|
| 1 | not there, or not timed | timed | `new` | 0 |
| 2 | timed | not there, or not timed; its check does not say that it fails | `missing` | 1 |
| 3 | timed | its check fails | `parity drift` | 1 |
| 4 | timed | the same file, over as many cases, with another score | `parity drift` | 1 |
| 5 | timed | the same file, conditions and commit of the toolkit | `as before` | 0 |
| 6 | timed | timed, and itself what the others are held against | `yardstick` | 0 |
| 7 | noisy, unstable, timed alone, or in one process without artefact | or so | `cannot tell` | 3 |
| 8 | timed | lo is over the limit and over the band | `speed drift` | 1 |
| 9 | timed | hi is under 1 by more than the band | `faster` | 0 |
| 10 | timed | hi is over the limit, or the band is | `cannot tell` | 3 |
| 11 | timed | lo is over the band | `slower` | 0 |
| 12 | timed | anything else | `as before` | 0 |

Exits of rows 7, 8 and 10 are those of a gate, where row 5 too is `cannot tell` if this run is
noisy. A gate passes only what is proven not to be slower by more than the limit, and says no only
to what is proven to be: what lies between is not known. It passes as a whole when every case does,
so no pass is owed to the number of cases. A gate that judged nothing exits 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from toolkit.baselines.alike import commit_differences, differences, same_toolkit
from toolkit.baselines.cases import Case, Table, Timed, check_of, tables
from toolkit.baselines.changes import Change, Pair, by_ratios, side_by_side
from toolkit.baselines.limits import USUAL_LIMIT
from toolkit.baselines.parity import Told, parity_drift, same_file
from toolkit.errors import RefusedError
from toolkit.results import Against, BaselineVerdict, Document, Drift
from toolkit.timing.statistics import NOISY_BAND

_NAMED = 3
"""So many cases that a gate cannot tell are named."""
_BESIDE = (
    "the saved files ran under the conditions of this run: what these cost old and new alike"
    " cannot be seen side by side"
)


class NoisyGateError(RefusedError):
    """A gate cannot tell whether a case has become slower (exit 3)."""

    name = "cannot-tell"


def said(change: Change, limit: float) -> Drift:
    """What a change says about speed: rows 8 to 12 of the table."""
    low, high = change.interval.low, change.interval.high
    band = 1 + change.band
    if low > max(1 + limit, band):
        return "speed drift"
    if high < 1 / band:
        return "faster"
    if high > 1 + limit or change.band > limit:
        return "cannot tell"
    return "slower" if low > band else "as before"


def judged(baseline: Document, now: Document, name: str, limit: float | None = None) -> Against:
    """What became of the baseline's cases; `limit` is the gate's, None where nothing is gated."""
    unlike = differences(baseline, now)
    gated = limit is not None
    judging = _Judging(baseline, now, not unlike, USUAL_LIMIT if limit is None else limit, gated)
    verdicts = list(judging.verdicts())
    beside = unlike and any(one.how == "side by side" for one in verdicts)
    return Against(
        baseline=name,
        limit=judging.limit,
        gated=gated,
        verdicts=verdicts,
        differences=unlike,
        commits=commit_differences(baseline, now),
        notes=[_BESIDE] if beside else [],
    )


def gate_error(against: Against) -> NoisyGateError | None:
    """Why a gate cannot be answered; None where it can, or where something failed anyway."""
    if against.exit_code != NoisyGateError.exit_code:
        return None
    unknown = [one for one in against.verdicts if one.drift == "cannot tell"]
    if not unknown:
        return NoisyGateError(
            f"nothing could be held against the baseline {against.baseline}",
            hint="a baseline must hold a form beside what its speed-ups refer to",
        )
    named = ", ".join(f"{one.model} {one.variant}" for one in unknown[:_NAMED])
    more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
    return NoisyGateError(
        f"whether {named}{more} became slower than in {against.baseline} cannot be told:"
        f" {unknown[0].message}",
        hint="--quick, which times in one process, is too little for most gates; --rigorous narrows"
        " intervals, and so does a quiet machine; or widen the limit",
    )


@dataclass(frozen=True)
class _Judging:
    """Two documents, case by case."""

    baseline: Document
    now: Document
    alike: bool
    limit: float
    gated: bool

    @cached_property
    def _now(self) -> dict[Case, Table]:
        return {case: table for table in tables(self.now) for case in table.rows}

    def verdicts(self) -> Iterator[BaselineVerdict]:
        """The baseline's cases in its order, then the new ones."""
        known = set()
        for table in tables(self.baseline):
            for case, timed in table.rows.items():
                if timed.is_timed:
                    known.add(case)
                    yield self._verdict(case, table)
        for case, table in self._now.items():
            row = table.rows[case]
            if row.is_timed and case not in known:
                yield _verdict(case, "new", score_now=row.row.parity_score)

    def _verdict(self, case: Case, table: Table) -> BaselineVerdict:
        then = Told.of(self.baseline, table.rows[case])
        current = self._now.get(case)
        if current is None:
            return self._gone(case, then, then.timed, "it is not in this run")
        now = Told.of(self.now, current.rows[case])
        if not now.timed.is_timed:
            return self._gone(case, then, now.timed, now.timed.row.note or "it was not timed")
        drifted = parity_drift(then, now, alike=self.alike)
        if drifted is not None:
            found = _verdict(case, "parity drift", message=drifted)
        elif self._is_unchanged(then.timed, now.timed):
            found = self._unchanged(case, now.timed.comparison.aa_band)
        else:
            found = self._speed(case, table, current)
        return found.model_copy(update={"score_then": then.score, "score_now": now.score})

    def _is_unchanged(self, then: Timed, now: Timed) -> bool:
        """Another commit of the toolkit could time the same file otherwise."""
        return self.alike and same_toolkit(self.baseline, self.now) and same_file(then, now)

    def _unchanged(self, case: Case, band: float | None) -> BaselineVerdict:
        """The very same file; a machine that is too noisy for a gate is too noisy for it too."""
        if self.gated and band is not None and band > NOISY_BAND:
            apart = f"in this run identical code was seen {100 * band:.3g} % apart"
            return _verdict(case, "cannot tell", message=apart)
        return _verdict(case, "as before", how="same file")

    def _gone(self, case: Case, then: Told, row: Timed, reason: str) -> BaselineVerdict:
        """A case without a time now: its form is wrong, or it is missing."""
        check = check_of(self.now, row.row)
        drifted = parity_drift(then, Told(row, check), alike=self.alike)
        if drifted is not None:
            return _verdict(case, "parity drift", message=drifted, score_then=then.score)
        if check is not None and check.status != "pass":
            reason = f"its check: {check.status}"
        return _verdict(case, "missing", message=reason, score_then=then.score)

    def _speed(self, case: Case, then: Table, now: Table) -> BaselineVerdict:
        again = now.again.get(case)
        if again is not None and again.is_timed:
            return self._told(case, side_by_side(now.rows[case], again))
        other = self._yardstick(case, then, now)
        if other is not None:
            pairs = Pair(then.rows[case], other[0]), Pair(now.rows[case], other[1])
            return self._told(case, by_ratios(*pairs))
        if case == then.baseline:
            return _verdict(case, "yardstick", message="the others are held against it")
        return self._told(case, "nothing was timed beside it in both runs")

    def _told(self, case: Case, change: Change | str) -> BaselineVerdict:
        if isinstance(change, str):
            return _verdict(case, "cannot tell", message=change)
        drift = said(change, self.limit)
        return _verdict(
            case,
            drift,
            how=change.how,
            yardstick=change.yardstick and f"{change.yardstick.model} {change.yardstick.variant}",
            change=change.ratio,
            message=self._why_not(change) if drift == "cannot tell" else None,
        )

    def _why_not(self, change: Change) -> str:
        if change.band > self.limit:
            return (
                f"identical code may lie {100 * change.band:.3g} % apart"
                f" and the limit is {100 * self.limit:.3g} %"
            )
        low, high = change.interval.low, change.interval.high
        return (
            f"its time is {100 * (low - 1):+.2g} to {100 * (high - 1):+.2g} % of what it was"
            f" and the limit is {100 * self.limit:+.3g} %"
        )

    def _yardstick(self, case: Case, then: Table, now: Table) -> tuple[Timed, Timed] | None:
        """What both runs timed beside a case: the very same program before the baseline's code."""
        exact = [
            (row, found)
            for other, row in then.rows.items()
            if other != case and (found := self._same_program(other, row, now)) is not None
        ]
        baseline = then.baseline
        if baseline is not None and baseline != case and baseline in now.rows:
            exact.append((then.rows[baseline], now.rows[baseline]))
        return next((pair for pair in exact if all(map(_serves, pair))), None)

    def _same_program(self, other: Case, then: Timed, now: Table) -> Timed | None:
        if not self.alike:
            return None
        found = now.rows.get(other)
        if found is not None and same_file(then, found):
            return found
        return now.again.get(other)


def _serves(timed: Timed) -> bool:
    return timed.is_timed and not timed.row.alone


def _verdict(case: Case, drift: Drift, **told: Any) -> BaselineVerdict:
    return BaselineVerdict(**case.facts, drift=drift, **told)

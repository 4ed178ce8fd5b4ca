"""The sets of one comparison as rows of a table. No torch here: what is timed is timed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import TypeVar

from toolkit import results
from toolkit.baselines import Remeasure
from toolkit.benching.values import Described, Row, SetOfRounds
from toolkit.cold import summary
from toolkit.options import BenchOptions, Cell
from toolkit.timing import ceilings, roofline
from toolkit.timing.comparison import Outcome, Timing, compare, times
from toolkit.timing.conditions import Conditions
from toolkit.timing.measured import Measured

Kept = TypeVar("Kept", bound=results.rows.Value)


@dataclass
class Gathered:
    """All that was found of one comparison; `alone` are the sets of what has its own processes."""

    options: BenchOptions
    cell: Cell
    sets: list[SetOfRounds] = field(default_factory=list)
    alone: dict[str, list[SetOfRounds]] = field(default_factory=dict)
    described: Described = field(default_factory=Described)
    again: Sequence[Remeasure] = ()
    stopped: str | None = None
    dead: dict[str, str] = field(default_factory=dict)
    """What ended a process, or could not be timed in one of its own, and why."""
    ended: dict[str, results.Ended] = field(default_factory=dict)
    """How each of these ended."""

    @property
    def measured(self) -> list[Measured]:
        """What the sets measured."""
        return [one.measured for one in self.sets]

    @property
    def measured_alone(self) -> dict[str, list[Measured]]:
        """What the sets of what has its own processes measured, as far as they could be timed."""
        rows = self.rows
        return {
            name: [one.measured for one in own]
            for name, own in self.alone.items()
            if own and rows[name].note is None
        }

    @property
    def rows(self) -> dict[str, Row]:
        """The rows of the table; what could not be timed in one of the sets says so."""
        rows = dict(self.sets[0].rows)
        for sets in self.alone.values():  # what its own processes alone have loaded
            rows |= sets[0].rows if sets else {}
        for one in (*self.sets[1:], *(own for sets in self.alone.values() for own in sets)):
            for name, row in one.rows.items():
                if row.note is not None and rows[name].note is None:
                    rows[name] = row
        dead = {name: self.dead[name] for name in rows if name in self.dead}
        return rows | {name: replace(rows[name], note=why) for name, why in dead.items()}


def merged(gathered: Gathered) -> results.Comparison:
    """One comparison of everything that was timed."""
    rows = gathered.rows
    missing = {name: row.note for name, row in rows.items() if row.note is not None}
    outcome = compare(
        [_without(one, missing) for one in gathered.measured],
        alone=gathered.measured_alone,
    )
    timings = {timing.name: timing for timing in outcome.timings}
    ceiling = _ceiling(gathered.sets)
    first = gathered.sets[0]
    return results.Comparison(
        baseline=outcome.baseline,
        aa_band=outcome.aa_band,
        rounds=outcome.rounds,
        sets=outcome.sets,
        set_rounds=list(outcome.set_rounds),
        seed=outcome.seed,
        aa=_as(results.Speedup, outcome.aa),
        within_one_process=len(gathered.sets) == 1,
        preset=gathered.options.preset,
        stopped=gathered.stopped,
        family=outcome.family,
        ceilings=[ceiling] if ceiling else [],
        settings=dict(first.settings),
        load_start=outcome.load_start,
        load_end=outcome.load_end,
        harness_ns=outcome.harness_ns,
        conditions=_conditions(outcome.conditions),
        aa_samples_ns=list(outcome.aa_samples_ns),
        extras_ns={name: list(own) for name, own in outcome.extras_ns.items()},
        remeasured=_remeasured(gathered, outcome, rows),
        variants=[
            _Rendered(name, row, timings.get(name), gathered, ceiling).variant()
            for name, row in rows.items()
        ],
    )


def _conditions(rounds: Iterable[Conditions]) -> list[results.RoundConditions]:
    return [results.RoundConditions.model_validate(one, from_attributes=True) for one in rounds]


def _without(measured: Measured, missing: Mapping[str, str]) -> Measured:
    """What a set measured, without what another could not time."""
    kept = {name: own for name, own in measured.samples_ns.items() if name not in missing}
    here = {name: why for name, why in missing.items() if name in measured.items}
    return replace(measured, samples_ns=kept, failed={**measured.failed, **here})


def _ceiling(sets: Sequence[SetOfRounds]) -> results.Ceiling | None:
    """What the machine reached over all sets."""
    found = [one.ceiling for one in sets if one.ceiling is not None]
    if not found:
        return None
    reached = [ceilings.Reached(**one.model_dump()) for one in found]
    return _as(results.Ceiling, ceilings.together(reached))


def _remeasured(
    gathered: Gathered, outcome: Outcome, rows: Mapping[str, Row]
) -> list[results.Variant]:
    """The rows of a saved run's files, with the words of the cases that they belong to."""
    known = {(row.model, row.variant): name for name, row in rows.items()}
    found = []
    for again in gathered.again:
        name = known.get((again.case.model, again.case.variant))
        if name is not None and outcome.extras_ns.get(again.name):
            sets = [one.extras_ns[again.name] for one in gathered.measured]
            items = gathered.measured[0].items.get(name, 1)
            timing = replace(times(again.name, sets, items, outcome.seed), verdict="same")
            own = replace(
                rows[name],
                sha256=again.sha256,
                size_bytes=None,
                parity_score=None,
                note=None,
                ended=None,
            )
            found.append(_Rendered(again.name, own, timing, gathered, None).variant())
    return found


def _as(kind: type[Kept], value: object) -> Kept | None:
    """A value as results hold it; None stays None."""
    return None if value is None else kind.model_validate(value, from_attributes=True)


@dataclass(frozen=True)
class _Rendered:
    """One row of the table, with all that is known of it."""

    name: str
    row: Row
    timing: Timing | None
    gathered: Gathered
    ceiling: results.Ceiling | None

    def variant(self) -> results.Variant:
        """The row as results hold it."""
        row, cell = self.row, self.gathered.cell
        timing = self.timing or Timing(self.name, "not timed", note=row.note or self._untimed())
        return results.Variant(
            model=row.model,
            variant=row.variant,
            format=row.format,
            runtime=row.runtime,
            device=cell.device,
            dtype=row.dtype,
            threads=row.threads,
            batch=row.batch,
            sizes=None if row.sizes is None else dict(row.sizes),
            p50_us=timing.p50_us,
            p50_low_us=timing.p50_low_us,
            p50_high_us=timing.p50_high_us,
            p90_us=timing.p90_us,
            p95_us=timing.p95_us,
            p99_us=timing.p99_us,
            calls=timing.calls,
            items_per_s=timing.items_per_s,
            speedup=_as(results.Speedup, timing.speedup),
            minima_ratio=timing.minima_ratio,
            verdict=timing.verdict,
            clean=_as(results.Clean, timing.clean),
            rank=timing.rank,
            alone=timing.alone,
            size_bytes=row.size_bytes,
            parity_score=row.parity_score,
            sha256=row.sha256,
            placed=row.placed,
            note=self._note(timing),
            ended=self._ended(),
            weights=row.weights,
            settings=dict(row.settings),
            warm_up_calls=timing.warm_up_calls,
            samples_ns=list(timing.samples_ns),
        ).model_copy(update=self._beside(timing))

    def _beside(self, timing: Timing) -> dict[str, object]:
        """What is no time of the shared rounds."""
        roof, cold = self._roof(timing.p50_us), self._cold()
        return {**roof, **cold, **self._on_device(), **self._own_rounds()}

    def _own_rounds(self) -> dict[str, object]:
        """The rounds of a variant that has processes of its own."""
        own = self.gathered.measured_alone.get(self.name, [])
        rounds = [condition for one in own for condition in one.conditions]
        return {"set_rounds": [one.rounds for one in own], "conditions": _conditions(rounds)}

    def _ended(self) -> results.Ended | None:
        """How it came to have no times; None where it has them, or was found wrong before."""
        known = self.gathered.ended.get(self.name) or self.row.ended
        raised = self.timing is not None and self.timing.verdict == "not timed"
        return known or ("error" if raised and self.row.note is None else None)

    def _untimed(self) -> str | None:
        return "it needs a process of its own" if self.row.alone else None

    def _note(self, timing: Timing) -> str | None:
        """What is to be doubted, or why there are no times; and why it was not started cold.

        What its runner remarks stands between.
        """
        cold = self.gathered.described.notes.get(self.name)
        said = [timing.note, self.row.remark, cold and f"no cold start: {cold}"]
        return "; ".join(one for one in said if one) or None

    def _roof(self, p50_us: float | None) -> dict[str, object]:
        work = self.gathered.described.work.get(self.name)
        if work is None or self.ceiling is None or not self._is_under(self.ceiling):
            return {"work": work}
        return {
            "work": work,
            "roof_percent": roofline.roof_percent(work, self.ceiling, p50_us),
            "bound": roofline.bound(work, self.ceiling, p50_us),
        }

    def _on_device(self) -> dict[str, object]:
        """Over all sets the median of the times, and the largest of the peaks."""
        sets = [*self.gathered.sets, *self.gathered.alone.get(self.name, ())]
        found = [one.on_device[self.name] for one in sets if self.name in one.on_device]
        if not found or self.timing is None:
            return {}
        return {
            "device_p50_us": median(one.p50_us for one in found),
            "device_peak_bytes": max(one.peak_bytes for one in found),
        }

    def _is_under(self, ceiling: results.Ceiling) -> bool:
        """Whether the ceiling was measured at the threads and in the dtype of the row."""
        dtypes = (None, ceilings.product_dtype(self.row.dtype))
        return self.row.threads == self.gathered.cell.threads and ceiling.dtype in dtypes

    def _cold(self) -> dict[str, object]:
        starts = self.gathered.described.cold.get(self.name, ())
        if not starts:
            return {}
        usual = summary(starts)
        return {
            "cold": list(starts),
            "load_s": usual.load_s,
            "import_s": usual.import_s,
            "first_call_us": usual.first_call_us,
            "first_result_s": usual.first_result_s,
            "peak_rss_bytes": usual.peak_rss_bytes,
        }

"""Parity then and now: whether a case still computes what it did."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.baselines.cases import Timed, check_of
from toolkit.results import CheckResult, Document

SCORE_FACTOR = 2.0
"""How far the score of one and the same file may move: its judge is seeded, its cases the same."""
LEAST_SCORE = 1.0
"""Below it a form is closer to the oracle than eager is, and a factor means nothing."""


@dataclass(frozen=True)
class Told:
    """A case in one of the two documents, with the check of what it timed."""

    timed: Timed
    check: CheckResult | None

    @classmethod
    def of(cls, document: Document, timed: Timed) -> Told:
        """The case with its check."""
        return cls(timed, check_of(document, timed.row))

    @property
    def score(self) -> float | None:
        """The parity score of the file."""
        return self.timed.row.parity_score

    @property
    def failed(self) -> bool:
        """Whether the form departs from eager."""
        return self.check is not None and self.check.status == "fail"


def same_file(then: Timed, now: Timed) -> bool:
    """Whether both timed the very same file."""
    return then.row.sha256 is not None and then.row.sha256 == now.row.sha256


def parity_drift(then: Told, now: Told, *, alike: bool) -> str | None:
    """What became of the parity of a case that was right, in words; None where it holds.

    Drift is a form that fails its check now, or one and the same file under conditions that are
    `alike` whose score over as many cases is another by more than `SCORE_FACTOR`: what computes
    it has changed. A new file's score may be anything that passes.
    """
    if now.failed and not then.failed:
        return f"the form fails its check{_scores(then, now)}"
    same = alike and same_file(then.timed, now.timed) and _cases(then) == _cases(now)
    if same and score_factor(then, now) > SCORE_FACTOR:
        return f"the same file has another score{_scores(then, now)}"
    return None


def score_factor(then: Told, now: Told) -> float:
    """How many times larger the larger score is; 1 where there are not two."""
    if then.score is None or now.score is None:
        return 1.0
    low, high = sorted(max(LEAST_SCORE, told.score or 0.0) for told in (then, now))
    return high / low


def _cases(told: Told) -> int:
    """How many cases the check ran: its time may end it earlier."""
    return told.check.cases if told.check else 0


def _scores(then: Told, now: Told) -> str:
    known = now.check.score if now.check and now.score is None else now.score
    if then.score is None or known is None:
        return ""
    return f": {then.score:.3g} then, {known:.3g} now"

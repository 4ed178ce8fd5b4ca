"""How much longer a case takes than it took, with an interval: from paired rounds alone.

Yesterday's times prove nothing by themselves: the machine was in another state. A saved artefact
that was timed again in today's rounds is compared with directly. Where there is none, the case's
ratio to a yardstick (a program that both runs timed beside it) is compared with what it was.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from toolkit.baselines.cases import Case, Timed
from toolkit.results import How, Samples, TimeRatio
from toolkit.timing import statistics
from toolkit.timing.statistics import MINIMA_TOLERANCE, NOISY_BAND, Interval

LEAST_SETS = 2
"""Processes on either side of a comparison over time.

Of one nobody knows how others differ: two runs of one process each, over the very same file, came
out 3.4 % apart with an interval from 1.9 to 4.0 %.
"""


@dataclass(frozen=True)
class Change:
    """Time now ÷ time then; `band` is how far from 1 this may lie for identical code."""

    interval: Interval
    band: float
    how: How
    yardstick: Case | None = None

    @property
    def ratio(self) -> TimeRatio:
        """The interval as results hold it."""
        return TimeRatio.model_validate(self.interval, from_attributes=True)


@dataclass(frozen=True)
class Pair:
    """A case and what it is held against, timed in the same rounds."""

    case: Timed
    other: Timed

    @property
    def sets(self) -> int:
        """How many processes timed them."""
        return self.case.comparison.sets

    def ratio(self) -> Interval | str:
        """Time of the case ÷ time of the other; in words why it cannot be told."""
        doubt = self._doubt()
        if doubt is not None:
            return doubt
        sets = self._paired()
        if not sets:
            return "its rounds cannot be paired"
        own, other = [one for one, _ in sets], [one for _, one in sets]
        ratios = [statistics.log_ratios(one, another) for one, another in sets]
        found = statistics.speedup(ratios, self.case.comparison.seed)
        minima = statistics.minima_ratio(own, other)
        if abs(math.log(minima / found.estimate)) > math.log1p(MINIMA_TOLERANCE):
            return "its fastest rounds contradict its medians"
        return found

    def _doubt(self) -> str | None:
        if self.case.row.alone or self.other.row.alone:
            return "it was timed in a process of its own"
        band = self.case.comparison.aa_band
        if band is None:
            return "there is no A/A row"
        if band > NOISY_BAND:
            return f"identical code was seen {100 * band:.3g} % apart"
        return None

    def _paired(self) -> list[tuple[list[Samples], list[Samples]]]:
        """The rounds of each set, of the one and of the other; empty where they do not match."""
        own, other = self.case.rounds_by_set, self.other.rounds_by_set
        if own is None or other is None or list(map(len, own)) != list(map(len, other)):
            return []
        return list(zip(own, other, strict=True))


def side_by_side(now: Timed, again: Timed) -> Change | str:
    """What was timed in the same rounds as its saved artefact; in words why nothing is known."""
    found = Pair(now, again).ratio()
    if isinstance(found, str):
        return found
    return Change(found, now.comparison.aa_band or 0.0, "side by side")


def by_ratios(then: Pair, now: Pair) -> Change | str:
    """A case's ratio to a yardstick, against what it was; in words why nothing is known."""
    found = []
    for pair, run in ((then, "the baseline"), (now, "this run")):
        ratio = pair.ratio()
        if isinstance(ratio, str):
            return f"in {run} {ratio}"
        if pair.sets < LEAST_SETS:
            return f"in {run} it was timed within one process"
        found.append(ratio)
    bands = [pair.case.comparison.aa_band or 0.0 for pair in (then, now)]
    return Change(quotient(found[1], found[0]), math.hypot(*bands), "ratios", now.other.case)


def quotient(dividend: Interval, divisor: Interval) -> Interval:
    """The quotient of independent estimates with its interval, whatever the shape of theirs.

    Distances of the ends from the estimates add up in squares, on a scale of logarithms.
    Source: Zou and Donner, Construction of confidence limits about effect measures, Statistics
    in Medicine 27 (2008), 1693-1702.
    """
    estimate = dividend.estimate / divisor.estimate
    below = math.hypot(
        math.log(dividend.estimate / dividend.low), math.log(divisor.high / divisor.estimate)
    )
    above = math.hypot(
        math.log(dividend.high / dividend.estimate), math.log(divisor.estimate / divisor.low)
    )
    return Interval(estimate, estimate * math.exp(-below), estimate * math.exp(above))

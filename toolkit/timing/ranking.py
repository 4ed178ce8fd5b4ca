"""Ranks of many variants: ties told as ties, and no order that chance could have made.

Any two variants are compared by their own paired ratio. Two are told apart when its interval
clears the A/A band. The family of all pairs is corrected by Holm's steps: as sharp as one
comparison where all pairs but one are plain, and never over 5 % to tell any pair apart wrongly,
however the pairs hang together. (The intervals that a table shows are Bonferroni's, of the claims
against the baseline: steps have no intervals.)

"Cannot be told apart" is not transitive: the first may tie with the second, the second with the
third, and the first still be faster than the third. Ranks are made transitive so: in the order of
the estimates, a rank ends only where everything before is told to be faster than everything after.
Different ranks are then always a claim, and those that cannot be told apart always share one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from toolkit.timing import statistics
from toolkit.timing.statistics import Floats

Logs = Sequence[Floats]
"""Logarithms of block medians: one array a set, one value a round."""


@dataclass(frozen=True)
class _Pair:
    """Two variants, the first faster by the estimates; log ratios second ÷ first of every set."""

    faster: str
    slower: str
    ratios: Logs


def ranks(times: Mapping[str, Logs], band: float, seed: int = 0) -> dict[str, int]:
    """The rank of each: one more than the number of those in faster ranks, so 1, 1, 3.

    `times` are logarithms of paired block medians. `band` is how far from 1 identical code may lie.
    """
    ordered = sorted(times, key=lambda name: _centre(times[name]))
    pairs = [
        _Pair(first, second, _differences(times[second], times[first]))
        for first, second in combinations(ordered, 2)
    ]
    apart = _told_apart(pairs, band, seed)
    found, rank = {}, 1
    for place, name in enumerate(ordered):
        above, below = ordered[:place], ordered[place:]
        if all((one, other) in apart for one in above for other in below):
            rank = place + 1
        found[name] = rank
    return found


def _centre(logs: Logs) -> float:
    return float(np.mean([np.median(one) for one in logs]))


def _differences(of: Logs, from_: Logs) -> Logs:
    return [one - other for one, other in zip(of, from_, strict=True)]


def _told_apart(pairs: Sequence[_Pair], band: float, seed: int) -> set[tuple[str, str]]:
    """Holm's steps: the plainest pair at the level of all, the next of one fewer, until one fails.

    The error of the family is bounded in whatever order the steps are taken; the plainest first
    is what makes them sharp.
    """
    margin = math.log1p(band)
    found = set()
    for step, pair in enumerate(_plainest_first(pairs, margin, seed)):
        if not statistics.clears(pair.ratios, margin, seed, len(pairs) - step):
            break
        found.add((pair.faster, pair.slower))
    return found


def _plainest_first(pairs: Sequence[_Pair], margin: float, seed: int) -> list[_Pair]:
    def plainness(pair: _Pair) -> float:
        """How far the estimate is beyond the margin, in halves of its own interval."""
        interval = statistics.speedup(pair.ratios, seed)
        half = math.log(interval.estimate / interval.low)
        beyond = math.log(interval.estimate) - margin
        return beyond / half if half else math.copysign(math.inf, beyond)

    return sorted(pairs, key=plainness, reverse=True)

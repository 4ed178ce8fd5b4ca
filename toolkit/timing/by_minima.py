"""Variants that cannot share a process with the others: each in its own, judged by minima only.

Blocks of two processes share no rounds. Whatever slows the machine hits one of them and not the
other: identical code in two processes was seen 39.5 % apart by medians. The fastest block of a set
is what the machine left alone, and sets draw anew what stays for the life of a process.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolkit.timing import statistics
from toolkit.timing.measured import Measured
from toolkit.timing.statistics import Floats, Interval, Verdict

NOTE = "in a process of its own: compared by minima"
OF_ONE_SET = "one set has no interval, so nothing is claimed"

LEAST_CLAIM = 0.05
"""What may lie between the minima of identical code in two processes: no claim is smaller."""
LEAST_SETS = 2
"""The fewest that differ from one another."""


def speedup(
    baseline: Sequence[Measured], own: Sequence[Measured], family: int = 1
) -> Interval | None:
    """Baseline ÷ variant of the fastest blocks, set by set; None under two sets of either.

    Each of `own` has the variant for its baseline.
    """
    pairs = list(zip(_fastest(baseline), _fastest(own), strict=False))
    if len(pairs) < LEAST_SETS:
        return None
    ratios: list[Floats] = [np.array([theirs - ours]) for theirs, ours in pairs]
    return statistics.speedup(ratios, baseline[0].seed, family)


def _fastest(measured: Sequence[Measured]) -> list[float]:
    """The logarithm of the fastest block of every set."""
    blocks = [one.samples_ns[one.baseline] for one in measured]
    return [float(np.log(statistics.block_medians(one).min())) for one in blocks]


def verdict(ratio: Interval | None, band: float | None) -> Verdict:
    """What may be claimed by the interval over sets; nothing of one set, which has none."""
    if band is None or band > statistics.NOISY_BAND or ratio is None:
        return "noisy"
    if ratio.low > 1 + LEAST_CLAIM:
        return "faster"
    return "slower" if ratio.high < 1 / (1 + LEAST_CLAIM) else "same"

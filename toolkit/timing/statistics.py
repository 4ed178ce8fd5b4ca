"""Statistics of interleaved rounds: intervals, percentiles, the A/A band and verdicts.

Everything here is arithmetic on recorded samples; nothing measures. A round gives each variant
one block of calls, and the block's median stands for it. Calls within a block share the state of
the machine, so rounds and sets are resampled and calls never are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Blocks = Sequence[NDArray[np.int64]]
"""Durations of single calls in nanoseconds: one array a round."""

Verdict = Literal["faster", "slower", "same", "unstable", "noisy", "not timed"]

CONFIDENCE = 0.95
RESAMPLES = 2000
# So many resampled estimates must lie beyond each end for the end to be steady; a family so large
# that this takes more has t over sets, or all rounds, for the wider interval anyway.
RESAMPLES_BEYOND = 20
RESAMPLES_MOST = 200_000

# Sets beyond the usual five are added one at a time, until their interval is narrow enough. An end
# chosen so finds intervals that are narrow by luck: at 95 % Student's t then covers as little as
# 93.0 % (40,000 simulated comparisons), at 96 % never under 93.8 %.
SETS_WITHOUT_A_LOOK = 5
LOOKS_LEVEL = 0.96

# The fewest calls at which a percentile's 99 % upper bound still lies inside the sample with one
# call above it: smallest n with P(Binomial(n, 1 - p) ≤ 1) ≤ 1 % (MLPerf's early stopping rule).
CALLS_FOR_PERCENTILE = {50: 1, 90: 64, 95: 130, 99: 662}

# Identical code was seen 0.5 % apart (sd) when interleaved on two shared cores, 1.2 % at worst:
# a band under 1 % would claim more than was ever resolved, one over 5 % resolves nothing useful.
LEAST_BAND = 0.01
NOISY_BAND = 0.05

# How far the fastest blocks may contradict the medians before neither is to be believed.
MINIMA_TOLERANCE = 0.05


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval, in the unit of what is estimated."""

    estimate: float
    low: float
    high: float

    def reaches(self, tolerance: float) -> bool:
        """Whether both ends lie within `tolerance` (0.01: one per cent) of the estimate."""
        return max(self.high / self.estimate, self.estimate / self.low) <= 1 + tolerance


def block_medians(blocks: Blocks) -> Floats:
    """The median call of every round, in nanoseconds; at least 1."""
    return np.array([block_median(block) for block in blocks], dtype=np.float64)


def block_median(block: NDArray[np.int64]) -> float:
    """The median call of one round, in nanoseconds; at least 1."""
    # A coarse clock may show 0 for a very short call, which has no logarithm.
    return max(float(np.median(block)), 1.0)


def percentile(samples: NDArray[np.int64], percent: int) -> float | None:
    """The percentile of single calls, or None where so few calls cannot bound it."""
    if samples.size < CALLS_FOR_PERCENTILE[percent]:
        return None
    return float(np.percentile(samples, percent))


def confidence(family: int) -> float:
    """The level of each of `family` intervals at which all of them together hold at 95 %.

    Bonferroni's: it needs nothing of how the claims hang together, and here they share a baseline
    and a machine; and an interval that is shown remains one that a reader can take as it stands.
    """
    return 1 - (1 - CONFIDENCE) / max(family, 1)


def median_interval(rounds: Floats, level: float = CONFIDENCE) -> tuple[float, float] | None:
    """Binomial order statistics around the median; None where too few rounds reach the level.

    At 95 % that is under six rounds.

    The order statistic needs no distribution, no seed and no resampling, and holds exactly for
    independent rounds at any count; a bootstrap of a median only approximates it.
    """
    count = rounds.size
    outside = (1 - level) / 2
    below, tail = 0, 0.5**count
    if tail > outside:
        return None
    while tail + math.comb(count, below + 1) * 0.5**count <= outside:
        below += 1
        tail += math.comb(count, below) * 0.5**count
    ordered = np.sort(rounds)
    return float(ordered[below]), float(ordered[count - 1 - below])


def log_ratios(baseline: Blocks, variant: Blocks) -> Floats:
    """log(baseline / variant) of the block medians, paired by round."""
    if len(baseline) != len(variant):
        raise ValueError(f"{len(baseline)} rounds against {len(variant)}: they cannot be paired")
    ratios: Floats = np.log(block_medians(baseline)) - np.log(block_medians(variant))
    return ratios


def speedup(sets: Sequence[Floats], seed: int = 0, family: int = 1) -> Interval:
    """Baseline ÷ variant from the log ratios of every set's rounds, with its 95 % interval.

    A set's value is the median over its rounds, the estimate their mean. The interval is the
    wider of a bootstrap over sets and rounds and of what needs no resampling: order statistics
    of the rounds of one set, Student's t over several. Alone, the bootstrap covers 92 to 94 % of
    truths in one set and as little as 81 % over three. With a `family` it is as much wider as it
    takes for that many intervals to hold together. Logarithms of times give the interval of a time.
    """
    _require_rounds(sets)
    centre = float(np.mean([np.median(ratios) for ratios in sets]))
    level = confidence(family)
    bounds = (_unresampled(sets, level), _bootstrap(sets, np.random.default_rng(seed), level))
    low = min(centre, *(low for low, _ in bounds))
    high = max(centre, *(high for _, high in bounds))
    return Interval(math.exp(centre), math.exp(low), math.exp(high))


def is_within(sets: Sequence[Floats], tolerance: float, seed: int = 0, family: int = 1) -> bool:
    """Whether both ends of the speed-up's interval lie within `tolerance` of the estimate.

    The bootstrap is drawn only where the rest of the interval is narrow enough.
    """
    _require_rounds(sets)
    low, high = _unresampled(sets, confidence(family))
    centre = float(np.mean([np.median(ratios) for ratios in sets]))
    if max(high - centre, centre - low) > math.log1p(tolerance):
        return False
    return speedup(sets, seed, family).reaches(tolerance)


def clears(sets: Sequence[Floats], margin: float, seed: int = 0, family: int = 1) -> bool:
    """Whether the low end of the speed-up's interval lies beyond `margin`, a log ratio.

    The bootstrap is drawn only where the rest does not tell: no resampled estimate is under the
    least round.
    """
    _require_rounds(sets)
    centre = float(np.mean([np.median(ratios) for ratios in sets]))
    if min(centre, _unresampled(sets, confidence(family))[0]) <= margin:
        return False
    if min(float(ratios.min()) for ratios in sets) > margin:
        return True
    return math.log(speedup(sets, seed, family).low) > margin


def _require_rounds(sets: Sequence[Floats]) -> None:
    if not sets or not all(ratios.size for ratios in sets):
        raise ValueError("a speed-up needs at least one set, and a round in each")


def _unresampled(sets: Sequence[Floats], level: float) -> tuple[float, float]:
    """Order statistics of one set's rounds, or all of them where these are few; t over sets."""
    if len(sets) == 1:
        rounds = sets[0]
        return median_interval(rounds, level) or (float(rounds.min()), float(rounds.max()))
    values = np.array([np.median(ratios) for ratios in sets])
    half = _student_half_width(values, level)
    return float(values.mean()) - half, float(values.mean()) + half


def _bootstrap(
    sets: Sequence[Floats], rng: np.random.Generator, level: float
) -> tuple[float, float]:
    """Percentile interval of the mean over sets of the median over rounds."""
    count, outside = len(sets), (1 - level) / 2
    resamples = min(RESAMPLES_MOST, max(RESAMPLES, math.ceil(RESAMPLES_BEYOND / outside)))
    chosen = rng.integers(0, count, size=(resamples, count))
    means = _resampled_medians(sets, chosen, rng).mean(axis=1)
    low, high = np.quantile(means, [outside, 1 - outside])
    return float(low), float(high)


def _resampled_medians(
    sets: Sequence[Floats], chosen: NDArray[np.int64], rng: np.random.Generator
) -> Floats:
    """The median of resampled rounds of every chosen set.

    The middle of n draws with replacement is drawn itself: the k-th smallest of n uniform numbers
    is Beta(k, n + 1 - k), and the one above it the least of n - k numbers over the rest.
    """
    sizes = np.array([ratios.size for ratios in sets])
    starts = np.cumsum(sizes) - sizes
    ordered = np.concatenate([np.sort(ratios) for ratios in sets])
    count, start = sizes[chosen], starts[chosen]
    middle = (count + 1) // 2
    lower = rng.beta(middle, count + 1 - middle)
    above = lower + (1 - lower) * rng.beta(1, np.maximum(count - middle, 1))
    upper = np.where(count % 2, lower, above)
    medians: Floats = ordered[start + _ranks(lower, count)] + ordered[start + _ranks(upper, count)]
    return medians / 2


def _ranks(uniform: Floats, count: NDArray[np.int64]) -> NDArray[np.int64]:
    """The round that each uniform number falls on; 1.0 itself would fall beyond the last."""
    return np.minimum((uniform * count).astype(np.int64), count - 1)


def _student_half_width(values: Floats, level: float) -> float:
    from scipy.special import stdtrit  # loads slowly, and only sets need it

    looked = values.size > SETS_WITHOUT_A_LOOK
    outside = (1 - level) * ((1 - LOOKS_LEVEL) / (1 - CONFIDENCE) if looked else 1)
    quantile = float(stdtrit(values.size - 1, 1 - outside / 2))
    return quantile * float(values.std(ddof=1)) / math.sqrt(values.size)


def minima_ratio(baseline: Sequence[Blocks], variant: Sequence[Blocks]) -> float:
    """Baseline ÷ variant of the fastest blocks: the least disturbed state that each one saw."""
    return _fastest(baseline) / _fastest(variant)


def _fastest(sets: Sequence[Blocks]) -> float:
    return min(float(block_medians(blocks).min()) for blocks in sets)


def aa_band(twin: Interval) -> float:
    """How far from 1 a ratio of identical code may lie here: 0.02 means 2 %; at least 1 %."""
    return max(LEAST_BAND, twin.high - 1, 1 / twin.low - 1)


def verdict(ratio: Interval, band: float | None, minima: float) -> Verdict:
    """What may be claimed of a variant; a `band` of None (no A/A row) allows no claim."""
    if band is None or band > NOISY_BAND:
        return "noisy"
    if abs(math.log(minima / ratio.estimate)) > math.log1p(MINIMA_TOLERANCE):
        return "unstable"
    if ratio.low > 1 + band:
        return "faster"
    if ratio.high < 1 / (1 + band):
        return "slower"
    return "same"

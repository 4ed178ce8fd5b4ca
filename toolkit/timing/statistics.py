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
    medians = np.array([np.median(block) for block in blocks], dtype=np.float64)
    # A coarse clock may show 0 for a very short call, which has no logarithm.
    return np.maximum(medians, 1.0)


def percentile(samples: NDArray[np.int64], percent: int) -> float | None:
    """The percentile of single calls, or None where so few calls cannot bound it."""
    if samples.size < CALLS_FOR_PERCENTILE[percent]:
        return None
    return float(np.percentile(samples, percent))


def median_interval(rounds: Floats) -> tuple[float, float] | None:
    """Binomial order statistics around the median of `rounds`; None under six rounds.

    The order statistic needs no distribution, no seed and no resampling, and holds exactly for
    independent rounds at any count; a bootstrap of a median only approximates it.
    """
    count = rounds.size
    outside = (1 - CONFIDENCE) / 2
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


def speedup(sets: Sequence[Floats], seed: int = 0) -> Interval:
    """Baseline ÷ variant from the log ratios of every set's rounds, with its 95 % interval.

    A set's value is the median over its rounds, the estimate their mean. The interval is the
    wider of a bootstrap over sets and rounds and of what needs no resampling: order statistics
    of the rounds of one set, Student's t over several. Alone, the bootstrap covers 92 to 94 % of
    truths in one set and as little as 81 % over three.
    """
    if not sets or not all(ratios.size for ratios in sets):
        raise ValueError("a speed-up needs at least one set, and a round in each")
    values = np.array([np.median(ratios) for ratios in sets])
    centre = float(values.mean())
    bounds = [(centre, centre), _bootstrap(sets, np.random.default_rng(seed))]
    if len(sets) > 1:
        half = _student_half_width(values)
        bounds.append((centre - half, centre + half))
    else:
        bounds.append(median_interval(sets[0]) or bounds[-1])
    low, high = min(low for low, _ in bounds), max(high for _, high in bounds)
    return Interval(math.exp(centre), math.exp(low), math.exp(high))


def _bootstrap(sets: Sequence[Floats], rng: np.random.Generator) -> tuple[float, float]:
    """Percentile interval of the mean over sets of the median over rounds."""
    count = len(sets)
    medians = np.stack([_resampled_medians(ratios, count, rng) for ratios in sets])
    chosen = rng.integers(0, count, size=(RESAMPLES, count))
    picked = medians[chosen, np.arange(RESAMPLES)[:, None], np.arange(count)]
    outside = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(picked.mean(axis=1), [outside, 100 - outside])
    return float(low), float(high)


def _resampled_medians(ratios: Floats, slots: int, rng: np.random.Generator) -> Floats:
    """Medians of resampled rounds, shape (RESAMPLES, slots): one for each place a set may take.

    The middle of n draws with replacement is drawn itself: the k-th smallest of n uniform numbers
    is Beta(k, n + 1 - k), and the one above it the least of n - k numbers over the rest.
    """
    count, ordered = ratios.size, np.sort(ratios)
    middle = (count + 1) // 2
    lower = rng.beta(middle, count + 1 - middle, size=(RESAMPLES, slots))
    picked: Floats = ordered[_ranks(lower, count)]
    if count % 2:
        return picked
    upper = lower + (1 - lower) * rng.beta(1, count - middle, size=lower.shape)
    mean: Floats = (picked + ordered[_ranks(upper, count)]) / 2
    return mean


def _ranks(uniform: Floats, count: int) -> NDArray[np.int64]:
    """The round that each uniform number falls on; 1.0 itself would fall beyond the last."""
    return np.minimum((uniform * count).astype(np.int64), count - 1)


def _student_half_width(values: Floats) -> float:
    from scipy.special import stdtrit  # loads slowly, and only sets need it

    quantile = float(stdtrit(values.size - 1, 1 - (1 - CONFIDENCE) / 2))
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

"""From raw samples to the rows of a latency table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.timing import statistics
from toolkit.timing.conditions import NS_PER_S, Conditions
from toolkit.timing.measuring import Measured, Samples
from toolkit.timing.statistics import Interval, Verdict

NS_PER_US = 1_000
ITSELF = Interval(1.0, 1.0, 1.0)
"""The speed-up of the baseline over itself."""


@dataclass(frozen=True)
class Timing:
    """One row: times of single calls over every timed call; `note` says what is to be doubted.

    `p50_low_us` and `p50_high_us` bound the median from round to round (None under six rounds);
    a percentile is None where too few calls were made. `items_per_s` is items over the time
    spent in timed calls. Everything is None when `verdict` is `not timed`.
    """

    name: str
    verdict: Verdict
    calls: int = 0
    p50_us: float | None = None
    p50_low_us: float | None = None
    p50_high_us: float | None = None
    p90_us: float | None = None
    p95_us: float | None = None
    p99_us: float | None = None
    items_per_s: float | None = None
    speedup: Interval | None = None
    minima_ratio: float | None = None
    warm_up_calls: int | None = None
    samples_ns: Samples = ()
    note: str | None = None


@dataclass(frozen=True)
class Outcome:
    """One comparison: its rows in the order given, and what the machine could resolve.

    `aa` is the speed-up of identical code (None when the baseline failed) and `aa_band` how far
    from 1 that may lie. Rounds and conditions are those of all sets together.
    """

    baseline: str
    timings: tuple[Timing, ...]
    rounds: int
    sets: int
    seed: int
    aa: Interval | None
    aa_band: float | None
    aa_samples_ns: Samples
    conditions: tuple[Conditions, ...]
    load_start: float | None
    load_end: float | None
    harness_ns: float


def compare(sets: Measured | Sequence[Measured]) -> Outcome:
    """The rows of one comparison from its sets of rounds: each set one process, the same names."""
    measured = [sets] if isinstance(sets, Measured) else list(sets)
    first, last = measured[0], measured[-1]
    aa = None
    if all(one.twin_ns for one in measured):
        aa = _speedup(measured, [one.twin_ns for one in measured], first.seed)
    band = None if aa is None else statistics.aa_band(aa)
    return Outcome(
        baseline=first.baseline,
        timings=tuple(_timing(name, measured, band) for name in first.items),
        rounds=sum(one.rounds for one in measured),
        sets=len(measured),
        seed=first.seed,
        aa=aa,
        aa_band=band,
        aa_samples_ns=tuple(block for one in measured for block in one.twin_ns),
        conditions=tuple(condition for one in measured for condition in one.conditions),
        load_start=first.load_start,
        load_end=last.load_end,
        harness_ns=float(np.median([one.harness_ns for one in measured])),
    )


def _speedup(measured: Sequence[Measured], blocks: Sequence[Samples], seed: int) -> Interval:
    pairs = zip(measured, blocks, strict=True)
    ratios = [statistics.log_ratios(one.samples_ns[one.baseline], own) for one, own in pairs]
    return statistics.speedup(ratios, seed)


def _timing(name: str, measured: Sequence[Measured], band: float | None) -> Timing:
    failures = [one.failed[name] for one in measured if name in one.failed]
    warm_up_calls = max((one.warm_up_calls.get(name, 0) for one in measured), default=0) or None
    if failures:
        return Timing(name, "not timed", warm_up_calls=warm_up_calls, note=failures[0])
    blocks = tuple(block for one in measured for block in one.samples_ns[name])
    calls = np.concatenate(blocks)
    low, high = _p50_interval(measured, name, calls)
    ratio, minima, verdict = _judged(name, measured, band)
    return Timing(
        name=name,
        verdict=verdict,
        calls=calls.size,
        p50_us=_us(statistics.percentile(calls, 50)),
        p50_low_us=_us(low),
        p50_high_us=_us(high),
        p90_us=_us(statistics.percentile(calls, 90)),
        p95_us=_us(statistics.percentile(calls, 95)),
        p99_us=_us(statistics.percentile(calls, 99)),
        items_per_s=_items_per_s(calls, measured[0].items[name]),
        speedup=ratio,
        minima_ratio=minima,
        warm_up_calls=warm_up_calls,
        samples_ns=blocks,
        note=_doubt(name, measured, ratio),
    )


def _us(time_ns: float | None) -> float | None:
    return None if time_ns is None else time_ns / NS_PER_US


def _items_per_s(calls: NDArray[np.int64], items: int) -> float | None:
    """Items over the time spent in calls: what the harness adds between calls is not charged."""
    total_ns = int(calls.sum())
    return items * calls.size * NS_PER_S / total_ns if total_ns else None


def _p50_interval(
    measured: Sequence[Measured], name: str, calls: NDArray[np.int64]
) -> tuple[float | None, float | None]:
    """Bounds of the median, which is of all calls and so may itself lie outside by a hair."""
    medians = [statistics.block_medians(one.samples_ns[name]) for one in measured]
    bounds = statistics.median_interval(np.concatenate(medians))
    if bounds is None:
        return None, None
    p50 = float(np.median(calls))
    return min(bounds[0], p50), max(bounds[1], p50)


def _judged(
    name: str, measured: Sequence[Measured], band: float | None
) -> tuple[Interval | None, float | None, Verdict]:
    baseline = measured[0].baseline
    if any(baseline in one.failed for one in measured):
        return None, None, "noisy"
    if name == baseline:
        return ITSELF, 1.0, statistics.verdict(ITSELF, band, 1.0)
    blocks = [one.samples_ns[name] for one in measured]
    ratio = _speedup(measured, blocks, measured[0].seed)
    minima = statistics.minima_ratio([one.samples_ns[baseline] for one in measured], blocks)
    return ratio, minima, statistics.verdict(ratio, band, minima)


def _doubt(name: str, measured: Sequence[Measured], ratio: Interval | None) -> str | None:
    if ratio is None:
        return f"the baseline {measured[0].baseline} was not timed: there is no ratio"
    if any(name in one.unsettled for one in measured):
        return "its warm-up never came to rest"
    return None

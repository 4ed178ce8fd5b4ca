"""From raw samples to the rows of a latency table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from toolkit.timing import by_minima, clean, ranking, sets, statistics
from toolkit.timing.clean import Bools, Clean
from toolkit.timing.conditions import NS_PER_S, NS_PER_US, Conditions
from toolkit.timing.measured import Measured, Samples
from toolkit.timing.statistics import Floats, Interval, Verdict

ITSELF = Interval(1.0, 1.0, 1.0)
"""The speed-up of the baseline over itself."""
UNRANKED: tuple[Verdict, ...] = ("not timed", "unstable")
UNSETTLED = "its warm-up never came to rest"


@dataclass(frozen=True)
class Timing:
    """One row: times of single calls over every timed call; `note` says what is to be doubted.

    `p50_low_us` and `p50_high_us` bound the median from set to set, or from round to round of one
    set (None under six rounds); a percentile is None where too few calls were made. `items_per_s`
    is items over the time spent in timed calls. `clean` are the figures of the rounds in which the
    machine was left alone (None where nothing tells them). `rank` is 1 for the fastest, and those
    that cannot be told apart share one. `alone` was timed in a process of its own: its speed-up is
    one of minima, and it has no rank. Everything is None when `verdict` is `not timed`.
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
    clean: Clean | None = None
    rank: int | None = None
    alone: bool = False


@dataclass(frozen=True)
class Outcome:
    """One comparison: its rows in the order given, and what the machine could resolve.

    `aa` is the speed-up of identical code (None when the baseline failed) and `aa_band` how far
    from 1 that may lie. Rounds and conditions are those of all sets together, `set_rounds` tells
    them apart. `family` is the number of claims that the intervals of speed-ups were widened for.
    `extras_ns` are what took turns with the rows without being one.
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
    set_rounds: tuple[int, ...] = ()
    family: int = 1
    extras_ns: Mapping[str, Samples] = field(default_factory=dict)


@dataclass(frozen=True)
class _Judging:
    """What every row of one comparison is judged with."""

    measured: Sequence[Measured]
    band: float | None
    family: int
    cleans: Sequence[Bools] | None

    @property
    def baseline(self) -> str:
        return self.measured[0].baseline

    @property
    def seed(self) -> int:
        return self.measured[0].seed


def compare(
    measured: Measured | Sequence[Measured],
    *,
    alone: Mapping[str, Sequence[Measured]] | None = None,
    family: int | None = None,
) -> Outcome:
    """The rows of one comparison from its sets of rounds: each set one process, the same names.

    `alone` holds variants that were timed in processes of their own, each set with the variant as
    its baseline; their rows come last. The intervals of speed-ups hold together for a `family` of
    so many claims: all that the table makes unless told otherwise.
    """
    measured = [measured] if isinstance(measured, Measured) else list(measured)
    apart = alone or {}
    first, last = measured[0], measured[-1]
    aa = None
    if all(one.twin_ns for one in measured):
        aa = statistics.speedup([one.twin_ratios() for one in measured], first.seed)
    judging = _Judging(
        measured,
        band=None if aa is None else statistics.aa_band(aa),
        family=max(1, sets.claims(measured, apart) if family is None else family),
        cleans=clean.masks(measured),
    )
    rows = [_timing(name, judging) for name in first.items]
    rows += [_timing_alone(name, own, judging) for name, own in apart.items()]
    return Outcome(
        baseline=first.baseline,
        timings=_ranked(rows, judging),
        rounds=sum(one.rounds for one in measured),
        sets=len(measured),
        seed=first.seed,
        aa=aa,
        aa_band=judging.band,
        aa_samples_ns=tuple(block for one in measured for block in one.twin_ns),
        conditions=tuple(condition for one in measured for condition in one.conditions),
        load_start=first.load_start,
        load_end=last.load_end,
        harness_ns=float(np.median([one.harness_ns for one in measured])),
        set_rounds=tuple(one.rounds for one in measured),
        family=judging.family,
        extras_ns=_extras(measured),
    )


def _extras(measured: Sequence[Measured]) -> dict[str, Samples]:
    """What every set measured of the extras, one set after the other."""
    names = [name for name in measured[0].extras_ns if all(name in m.extras_ns for m in measured)]
    return {name: tuple(b for one in measured for b in one.extras_ns[name]) for name in names}


def _failure(name: str, measured: Sequence[Measured]) -> Timing | None:
    """The row of what failed in some set."""
    failures = [one.failed[name] for one in measured if name in one.failed]
    if not failures:
        return None
    return Timing(name, "not timed", warm_up_calls=_warm_up_calls(name, measured), note=failures[0])


def _warm_up_calls(name: str, measured: Sequence[Measured]) -> int | None:
    return max((one.warm_up_calls.get(name, 0) for one in measured), default=0) or None


def _timing(name: str, judging: _Judging) -> Timing:
    measured = judging.measured
    failed = _failure(name, measured)
    if failed is not None:
        return failed
    row = _timed(name, measured)
    ratio, minima, verdict = _judged(name, judging)
    own = None
    if judging.cleans is not None and row.p50_us is not None:
        of_all = (row.p50_us, None if name == judging.baseline else ratio)
        own = clean.figures(measured, judging.cleans, name, of_all, judging.family)
    return replace(
        row,
        verdict=verdict,
        speedup=ratio,
        minima_ratio=minima,
        note=_doubt(name, measured, ratio),
        clean=own,
    )


def _timed(name: str, measured: Sequence[Measured]) -> Timing:
    first = measured[0]
    row = times(name, [one.samples_ns[name] for one in measured], first.items[name], first.seed)
    return replace(row, warm_up_calls=_warm_up_calls(name, measured))


def times(name: str, sets: Sequence[Samples], items: int, seed: int) -> Timing:
    """The times of a row, which need nothing to compare them with: no claim is made of them."""
    blocks = tuple(block for one in sets for block in one)
    calls = np.concatenate(blocks)
    low, high = _p50_interval(sets, calls, seed)
    return Timing(
        name=name,
        verdict="noisy",
        calls=calls.size,
        p50_us=_us(statistics.percentile(calls, 50)),
        p50_low_us=_us(low),
        p50_high_us=_us(high),
        p90_us=_us(statistics.percentile(calls, 90)),
        p95_us=_us(statistics.percentile(calls, 95)),
        p99_us=_us(statistics.percentile(calls, 99)),
        items_per_s=_items_per_s(calls, items),
        samples_ns=blocks,
    )


def _us(time_ns: float | None) -> float | None:
    return None if time_ns is None else time_ns / NS_PER_US


def _items_per_s(calls: NDArray[np.int64], items: int) -> float | None:
    """Items over the time spent in calls: what the harness adds between calls is not charged."""
    total_ns = int(calls.sum())
    return items * calls.size * NS_PER_S / total_ns if total_ns else None


def _p50_interval(
    sets: Sequence[Samples], calls: NDArray[np.int64], seed: int
) -> tuple[float | None, float | None]:
    """Bounds of the median, which is of all calls and so may itself lie outside by a hair."""
    medians = [statistics.block_medians(one) for one in sets]
    if len(medians) > 1:
        over_sets = statistics.speedup([np.log(one) for one in medians], seed)
        bounds: tuple[float, float] | None = (over_sets.low, over_sets.high)
    else:
        bounds = statistics.median_interval(medians[0])
    if bounds is None:
        return None, None
    p50 = float(np.median(calls))
    return min(bounds[0], p50), max(bounds[1], p50)


def _judged(name: str, judging: _Judging) -> tuple[Interval | None, float | None, Verdict]:
    measured, baseline = judging.measured, judging.baseline
    if any(baseline in one.failed for one in measured):
        return None, None, "noisy"
    if name == baseline:
        return ITSELF, 1.0, statistics.verdict(ITSELF, judging.band, 1.0)
    ratios = [one.ratios(name) for one in measured]
    ratio = statistics.speedup(ratios, judging.seed, judging.family)
    blocks = [one.samples_ns[name] for one in measured]
    minima = statistics.minima_ratio([one.samples_ns[baseline] for one in measured], blocks)
    return ratio, minima, statistics.verdict(ratio, judging.band, minima)


def _doubt(name: str, measured: Sequence[Measured], ratio: Interval | None) -> str | None:
    if ratio is None:
        return f"the baseline {measured[0].baseline} was not timed: there is no ratio"
    if any(name in one.unsettled for one in measured):
        return UNSETTLED
    return None


def _timing_alone(name: str, own: Sequence[Measured], judging: _Judging) -> Timing:
    """A row from processes of its own; its name there is that of their baseline."""
    there = own[0].baseline
    failed = _failure(there, own)
    if failed is not None:
        return replace(failed, name=name, alone=True)
    row = replace(_timed(there, own), name=name, alone=True)
    if any(judging.baseline in one.failed for one in judging.measured):
        return replace(row, note=_doubt(name, judging.measured, None))
    baseline = [one.samples_ns[judging.baseline] for one in judging.measured]
    minima = statistics.minima_ratio(baseline, [one.samples_ns[there] for one in own])
    ratio = by_minima.speedup(judging.measured, own, judging.family)
    doubts = [by_minima.NOTE]
    doubts += [by_minima.OF_ONE_SET] if ratio is None else []
    doubts += [UNSETTLED] if any(there in one.unsettled for one in own) else []
    return replace(
        row,
        verdict=by_minima.verdict(ratio, judging.band),
        speedup=ratio,
        minima_ratio=minima,
        note="; ".join(doubts),
    )


def _ranked(rows: Sequence[Timing], judging: _Judging) -> tuple[Timing, ...]:
    """The rows with their ranks, where the machine can resolve them and there are two to rank.

    A rank is a claim: a row whose medians and minima contradict each other has none.
    """
    band, measured = judging.band, judging.measured
    names = [row.name for row in rows if row.verdict not in UNRANKED and not row.alone]
    if band is None or band > statistics.NOISY_BAND or names == [judging.baseline]:
        return tuple(rows)
    times = {name: [np.log(_medians(one, name)) for one in measured] for name in names}
    found = ranking.ranks(times, band, judging.seed)
    return tuple(replace(row, rank=found.get(row.name)) for row in rows)


def _medians(measured: Measured, name: str) -> Floats:
    return statistics.block_medians(measured.samples_ns[name])

"""Rounds in which the machine left the process alone: figures beside those of all, never instead.

What disturbs a round slows it, and the round is true all the same: users' machines are disturbed
too. So nothing is dropped. But where the clean rounds alone say something else than all of them,
the table has to say so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.timing import statistics
from toolkit.timing.conditions import NS_PER_US, Conditions
from toolkit.timing.measured import Measured
from toolkit.timing.statistics import Floats, Interval

# Robust standard deviations beyond what is usual: of undisturbed normal rounds 0.1 % lie there.
FENCE = 3.0
MAD_TO_SD = 1.4826

# What never disturbs a block of 50 ms: a tick of the kernel's clock, the switches of a timer,
# and as little of a core as the recording of a round takes.
LEAST_STEAL_S = 0.01
LEAST_SWITCHES = 3.0
LEAST_CPU_PER_WALL = 0.02

DIFFERENCE = 0.02
"""How far clean and all rounds may differ before the row is flagged."""

Bools = NDArray[np.bool_]
Counter = Callable[[Conditions], float | None]


@dataclass(frozen=True)
class Clean:
    """The figures of clean rounds; `flagged` where they differ from those of all by over 2 %."""

    rounds: int
    p50_us: float | None
    speedup: Interval | None
    flagged: bool


def clean_rounds(conditions: Sequence[Conditions]) -> Bools | None:
    """Which rounds of one process were clean; None where the platform counts nothing.

    A round is clean unless the hypervisor stole more time in it than is usual for this process,
    the kernel took the processor away more often, or the process got less of a processor for its
    wall time: beyond the median over its rounds by three robust standard deviations (of the median
    absolute deviation), and by more than what disturbs nobody.
    """
    verdicts = [
        _usual(conditions, lambda one: one.steal_s, LEAST_STEAL_S),
        _usual(conditions, lambda one: one.involuntary_switches, LEAST_SWITCHES),
        _usual(conditions, lambda one: _negative(one.cpu_per_wall), LEAST_CPU_PER_WALL),
    ]
    known = [verdict for verdict in verdicts if verdict is not None]
    return np.logical_and.reduce(known) if known else None


def _negative(value: float | None) -> float | None:
    return None if value is None else -value


def _usual(conditions: Sequence[Conditions], counter: Counter, least: float) -> Bools | None:
    """Where a counter is no higher than usual; a round without it is not judged by it."""
    counted = [counter(one) for one in conditions]
    values: Floats = np.array([np.nan if one is None else one for one in counted], dtype=np.float64)
    if np.isnan(values).all():
        return None
    median = np.nanmedian(values)
    spread = MAD_TO_SD * np.nanmedian(np.abs(values - median))
    usual: Bools = ~(values > median + max(FENCE * spread, least))
    return usual


def masks(measured: Sequence[Measured]) -> list[Bools] | None:
    """The clean rounds of every set; None where some set cannot tell."""
    found = [clean_rounds(one.conditions) for one in measured]
    known = [mask for mask in found if mask is not None]
    return known if len(known) == len(found) else None


def figures(
    measured: Sequence[Measured],
    cleans: Sequence[Bools],
    name: str,
    of_all: tuple[float, Interval | None],
    family: int,
) -> Clean:
    """A variant's p50 and speed-up over clean rounds, beside those `of_all` (µs and its ratio)."""
    p50_us, speedup = of_all
    rounds = int(sum(mask.sum() for mask in cleans))
    if all(mask.all() for mask in cleans):
        return Clean(rounds, p50_us, speedup, flagged=False)
    sets = [(one, mask) for one, mask in zip(measured, cleans, strict=True) if mask.any()]
    if not sets:
        return Clean(0, None, None, flagged=False)
    blocks = [one.samples_ns[name][at] for one, mask in sets for at in np.flatnonzero(mask)]
    own_us = float(np.median(np.concatenate(blocks))) / NS_PER_US
    own = None
    if speedup is not None:
        ratios = [one.ratios(name)[mask] for one, mask in sets]
        own = statistics.speedup(ratios, measured[0].seed, family)
    flagged = _apart(own_us, p50_us) or (
        own is not None and speedup is not None and _apart(own.estimate, speedup.estimate)
    )
    return Clean(rounds, own_us, own, flagged)


def _apart(one: float, other: float) -> bool:
    return max(one, other) > (1 + DIFFERENCE) * min(one, other)

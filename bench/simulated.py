"""A machine on an injected clock: drift, neighbours and memory layouts, with the truth known.

Time passes only where a contestant's call spends it, so minutes of measuring take milliseconds and
everything that measures is the real code.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from unittest.mock import patch

import numpy as np

from toolkit.timing import BUFFERS, Contestant, Measured, Protocol, calls, measure
from toolkit.timing.conditions import NS_PER_S, Snapshot
from toolkit.timing.sets import Reason, enough, share

CALL_NS = 16_000_000
"""Three calls make a block: what they have in common is the block's, and drawn once."""
SIMULATED_WARM_UP_S = 0.1
BASELINE, VARIANT = "baseline", "variant"


@dataclass(frozen=True)
class Weather:
    """What disturbs the machine; spreads are of logarithms of block times.

    `spread` is that of a ratio from round to round, `between` that from process to process in units
    of it. `correlation` is from round to round. `drift` slows everything by as much and back within
    `drift_s` seconds. A share `hit` of the blocks is slowed by an exponential of mean `hit_by`.
    """

    spread: float = 0.01
    between: float = 0.0
    correlation: float = 0.3
    drift: float = 0.3
    drift_s: float = 30.0
    hit: float = 0.07
    hit_by: float = 0.4
    jitter: float = 0.01


class Machine:
    """One process on such a machine: a clock, a reader of conditions, and calls that take time."""

    def __init__(self, weather: Weather, rng: np.random.Generator) -> None:
        self.weather, self.rng = weather, rng
        self.now_ns = int(rng.uniform(0, weather.drift_s) * NS_PER_S)
        self.readings = 0

    def clock(self) -> int:
        """Nanoseconds that calls have spent, from some moment in the machine's day on."""
        return self.now_ns

    def read(self) -> Snapshot:
        """Nothing is counted here; but it is read where a round begins and ends."""
        self.readings += 1
        return Snapshot(None, None, None, None)

    def contestant(self, name: str, factor: float = 1.0) -> Contestant:
        """Something that takes `factor` times as long as the baseline, wherever it lies."""
        return Contestant(name, (_Code(self, factor),) * BUFFERS)


class _Code:
    """A call whose time is drawn: its place in memory once, its disturbance anew in every round."""

    def __init__(self, machine: Machine, factor: float) -> None:
        weather, self.machine = machine.weather, machine
        # A ratio is of two, each of which has half of its variance.
        self.own = weather.spread / math.sqrt(2)
        placed = machine.rng.normal(0, weather.between * self.own)
        self.usual_ns = CALL_NS * factor * math.exp(placed)
        self.noise = machine.rng.normal(0, self.own)
        self.reading = -1
        self.block_ns = self.usual_ns

    def __call__(self) -> None:
        machine = self.machine
        if self.reading != machine.readings:
            self.reading = machine.readings
            self._next_block()
        jitter = 1 + machine.weather.jitter * (machine.rng.random() - 0.5)
        machine.now_ns += int(self.block_ns * jitter)

    def _next_block(self) -> None:
        weather, rng = self.machine.weather, self.machine.rng
        fresh = math.sqrt(1 - weather.correlation**2) * rng.normal(0, self.own)
        self.noise = weather.correlation * self.noise + fresh
        hit = rng.exponential(weather.hit_by) if rng.random() < weather.hit else 0.0
        phase = 2 * math.pi * self.machine.now_ns / NS_PER_S / weather.drift_s
        drift = weather.drift * (1 - math.cos(phase)) / 2
        self.block_ns = self.usual_ns * math.exp(self.noise + hit + drift)


def measured_set(
    protocol: Protocol, weather: Weather, factors: Sequence[float], seed: int
) -> Measured:
    """One fresh process: the baseline, and a variant for every factor of its time."""
    machine = Machine(weather, np.random.default_rng([seed, protocol.seed]))
    contestants = [machine.contestant(BASELINE)]
    contestants += [
        machine.contestant(f"{VARIANT} {index}", factor) for index, factor in enumerate(factors)
    ]
    quick_start = replace(protocol, warm_up_s=SIMULATED_WARM_UP_S, warm_up_max_s=1.0)
    # On this clock the loop itself takes no time, however often that is measured.
    with patch.object(calls, "OVERHEAD_CALLS", 1):
        return measure(
            contestants,
            quick_start,
            twin=machine.contestant("twin"),
            clock=machine.clock,
            read=machine.read,
        )


def comparison(
    protocol: Protocol, weather: Weather, factors: Sequence[float], seed: int
) -> tuple[list[Measured], Reason]:
    """All sets of one comparison, and why there are no more."""
    measured: list[Measured] = []
    while (reason := enough(measured, protocol)) is None:
        measured.append(measured_set(share(protocol, len(measured)), weather, factors, seed))
    return measured, reason

"""Warm-up: calls until the time of a call has come to rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from toolkit.timing.calls import Clock, Contestant, timed
from toolkit.timing.conditions import NS_PER_S
from toolkit.timing.protocol import Protocol


@dataclass(frozen=True)
class WarmUp:
    """How one contestant warmed up: its calls so far, and how many it took to come to rest.

    `median_ns` is the median call of the last window; `settled` is False when the longest
    warm-up passed without rest.
    """

    calls: int
    needed: int
    median_ns: float
    settled: bool
    spent_ns: int


def warm_up(contestant: Contestant, protocol: Protocol, clock: Clock) -> WarmUp:
    """Call in windows for at least `warm_up_s`, until two successive medians agree."""
    start = clock()
    medians: list[float] = []
    needed: int | None = None
    while True:
        window = timed(contestant.calls, protocol.window_calls, clock)
        medians.append(float(np.median(window)))
        calls = len(medians) * protocol.window_calls
        spent_ns = clock() - start
        if needed is None and _at_rest(medians, protocol) and calls >= protocol.warm_up_calls:
            needed = calls
        long_enough = spent_ns >= protocol.warm_up_s * NS_PER_S
        given_up = spent_ns >= protocol.warm_up_max_s * NS_PER_S
        if given_up or (long_enough and _at_rest(medians, protocol)):
            settled = _at_rest(medians, protocol)
            return WarmUp(calls, needed or calls, medians[-1], settled, spent_ns)


def _at_rest(medians: list[float], protocol: Protocol) -> bool:
    if not medians[:-1]:
        return False
    previous, last = medians[-2:]
    return abs(last - previous) <= protocol.window_tolerance * previous


def top_up(
    contestant: Contestant, warm: WarmUp, needed: int, protocol: Protocol, clock: Clock
) -> WarmUp:
    """Go on to the `needed` calls of the slowest to settle, inside the same longest warm-up."""
    start = clock()
    calls, median_ns, spent_ns = warm.calls, warm.median_ns, warm.spent_ns
    while calls < needed and spent_ns < protocol.warm_up_max_s * NS_PER_S:
        median_ns = float(np.median(timed(contestant.calls, protocol.window_calls, clock)))
        calls += protocol.window_calls
        spent_ns = warm.spent_ns + clock() - start
    return WarmUp(calls, warm.needed, median_ns, warm.settled, spent_ns)

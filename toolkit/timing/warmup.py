"""Warm-up: calls until the time of a call has come to rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle

import numpy as np
from numpy.typing import NDArray

from toolkit.timing.calls import Call, Clock, Contestant, timed
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


@dataclass
class _Warming:
    """The calls of one warm-up, window by window; the last is cut short where time is over."""

    calls: Iterator[Call]
    protocol: Protocol
    clock: Clock
    spent_before_ns: int = 0
    durations: list[NDArray[np.int64]] = field(default_factory=list)
    start_ns: int = field(init=False)

    def __post_init__(self) -> None:
        self.start_ns = self.clock()

    @property
    def spent_ns(self) -> int:
        return self.spent_before_ns + self.clock() - self.start_ns

    @property
    def over(self) -> bool:
        """Whether the longest warm-up has passed, with the fewest calls that there may be."""
        enough = self.spent_before_ns > 0 or len(self.durations) >= self.protocol.warm_up_calls
        return enough and self.spent_ns >= self.protocol.warm_up_max_s * NS_PER_S

    def window(self) -> None:
        """Some more calls, one by one: ten of a large model may take minutes."""
        for _ in range(self.protocol.window_calls):
            self.durations.append(timed(self.calls, 1, self.clock))
            if self.over:
                return

    def median(self, back: int = 0) -> float:
        """The median of the last window, or of one so many windows before it."""
        size = self._window_size
        windows = len(self.durations) // size
        last = (windows - back) * size
        return float(np.median(np.concatenate(self.durations[last - size : last])))

    @property
    def _window_size(self) -> int:
        """Calls of a window: half of all where these are too few for two."""
        return max(1, min(self.protocol.window_calls, len(self.durations) // 2))

    @property
    def at_rest(self) -> bool:
        """Whether the medians of the last two whole windows agree."""
        made = len(self.durations)
        if made == self._window_size or (made < 2 * self.protocol.window_calls and not self.over):
            return False
        previous, last = self.median(back=1), self.median()
        return abs(last - previous) <= self.protocol.window_tolerance * previous


def warm_up(contestant: Contestant, protocol: Protocol, clock: Clock) -> WarmUp:
    """Call in windows for at least `warm_up_s`, until two successive medians agree."""
    warming = _Warming(cycle(contestant.calls), protocol, clock)
    needed: int | None = None
    while True:
        warming.window()
        calls, settled = len(warming.durations), warming.at_rest
        if needed is None and settled and calls >= protocol.warm_up_calls:
            needed = calls
        spent_ns = warming.spent_ns
        if warming.over or (settled and spent_ns >= protocol.warm_up_s * NS_PER_S):
            return WarmUp(calls, needed or calls, warming.median(), settled, spent_ns)


def top_up(
    contestant: Contestant, warm: WarmUp, needed: int, protocol: Protocol, clock: Clock
) -> WarmUp:
    """Go on to the `needed` calls of the slowest to settle, inside the same longest warm-up."""
    warming = _Warming(cycle(contestant.calls), protocol, clock, warm.spent_ns)
    while warm.calls + len(warming.durations) < needed and not warming.over:
        warming.window()
    if not warming.durations:
        return warm
    calls = warm.calls + len(warming.durations)
    return WarmUp(calls, warm.needed, warming.median(), warm.settled, warming.spent_ns)

"""The loop around a call, as thin as Python allows, and what it costs."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, repeat

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import UsageError

Call = Callable[[], object]
Clock = Callable[[], int]
"""Nanoseconds from some fixed moment, such as `time.perf_counter_ns`."""

OVERHEAD_CALLS = 2_000
OVERHEAD_BLOCKS = 11


@dataclass(frozen=True)
class Contestant:
    """Something to be timed: calls over rotated input buffers, each handling `items` items.

    `launching` makes a call that does not wait for its device, for what is asked of that. One that
    is `brief` has a fifth of a warm-up and of a block: its fastest calls are all that counts.
    """

    name: str
    calls: Sequence[Call]
    items: int = 1
    launching: Callable[[], Call] | None = None
    brief: bool = False

    def __post_init__(self) -> None:
        if not self.calls or self.items < 1:
            raise UsageError(f"{self.name}: a contestant needs a call and at least one item")


def timed(calls: Iterable[Call], count: int, clock: Clock) -> NDArray[np.int64]:
    """Durations in nanoseconds of the next `count` of the calls."""
    durations: list[int] = []
    record = durations.append
    for call in islice(calls, count):
        start = clock()
        call()
        record(clock() - start)
    return np.array(durations, dtype=np.int64)


def untimed(calls: Iterable[Call], count: int) -> None:
    """Make the next `count` of the calls."""
    for call in islice(calls, count):
        call()


def overhead_ns(clock: Clock) -> float:
    """What the timed loop adds to a call, in nanoseconds: an empty call with it and without it."""

    def empty() -> None:
        pass

    extra: list[int] = []
    for _ in range(OVERHEAD_BLOCKS):
        start = clock()
        untimed(repeat(empty), OVERHEAD_CALLS)
        bare = clock()
        timed(repeat(empty), OVERHEAD_CALLS, clock)
        extra.append((clock() - bare) - (bare - start))
    return float(np.median(extra)) / OVERHEAD_CALLS


@contextmanager
def collector_off() -> Iterator[None]:
    """No garbage collection inside; as it was afterwards, whatever happens."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def collect_young() -> None:
    """Free what earlier rounds left in cycles; with the collector off all of it is young."""
    gc.collect(0)

"""What the device itself says of a call: its time by the device's events, and its memory.

This is looked at after the rounds, in the same process: nothing of it is inside of what is timed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from statistics import median
from typing import Protocol

import torch

from toolkit.benching.values import OnDevice
from toolkit.timing.calls import Call, Contestant

UNTIMED_CALLS = 2
LEAST_CALLS, MOST_CALLS = 10, 1_000
ENOUGH_US = 50_000.0
"""The protocol's block: as many calls as take so long on the device."""


class DeviceClock(Protocol):
    """A device that can be asked when it came to a point of its work, and what it holds."""

    def record(self) -> object:
        """Mark the point that has been told to the device so far."""
        ...

    def elapsed_us(self, start: object, end: object) -> float:
        """The device's time between two marks, once it has come to the second."""
        ...

    def held_bytes(self) -> int:
        """Memory that is in use now."""
        ...

    def forget_peak(self) -> None:
        """Begin anew to look for the largest."""
        ...

    def peak_bytes(self) -> int:
        """The largest memory in use since then."""
        ...


class CudaClock:
    """torch's events and allocator on one GPU: they see what torch runs there, and no other."""

    def __init__(self, device: str) -> None:
        self.device = torch.device(device)

    def record(self) -> torch.cuda.Event:
        """An event behind all that was launched."""
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record(torch.cuda.current_stream(self.device))
        return event

    def elapsed_us(self, start: object, end: object) -> float:
        """Events count in milliseconds."""
        assert isinstance(start, torch.cuda.Event)
        assert isinstance(end, torch.cuda.Event)
        end.synchronize()
        return float(start.elapsed_time(end)) * 1e3

    def held_bytes(self) -> int:
        """Of tensors, not what the allocator keeps for later."""
        return int(torch.cuda.memory_allocated(self.device))

    def forget_peak(self) -> None:
        """Of this device alone."""
        torch.cuda.reset_peak_memory_stats(self.device)

    def peak_bytes(self) -> int:
        """Of tensors as well."""
        return int(torch.cuda.max_memory_allocated(self.device))


def clock_of(device: str) -> DeviceClock | None:
    """The clock of a GPU; None for the CPU, whose calls are over when they return."""
    return None if device == "cpu" else CudaClock(device)


def on_device(
    contestants: Iterable[Contestant],
    held_bytes: Mapping[str, int],
    clock: DeviceClock,
    turn: Callable[[str], None],
) -> dict[str, OnDevice]:
    """Median and peak of those that torch launches, by name.

    `held_bytes` is what loading took of the device's memory. `turn` is told whose turn it is. One
    that fails here has no figure: it has its times already.
    """
    found = {}
    for one in contestants:
        if one.launching is None:
            continue
        turn(one.name)
        try:
            found[one.name] = _of_one(one.launching(), held_bytes.get(one.name, 0), clock)
        except Exception:  # noqa: S112 - a column without a figure
            continue
    return found


def _of_one(launch: Call, own_bytes: int, clock: DeviceClock) -> OnDevice:
    before = clock.held_bytes()
    clock.forget_peak()
    for _ in range(UNTIMED_CALLS):
        _timed_us(launch, clock)
    times = [_timed_us(launch, clock) for _ in range(LEAST_CALLS)]
    while sum(times) < ENOUGH_US and len(times) < MOST_CALLS:
        times.append(_timed_us(launch, clock))
    return OnDevice(median(times), own_bytes + clock.peak_bytes() - before)


def _timed_us(launch: Call, clock: DeviceClock) -> float:
    start = clock.record()
    launch()
    return clock.elapsed_us(start, clock.record())

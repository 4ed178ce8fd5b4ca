"""What the machine was doing while a round ran: read before and after, kept, never a filter."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

NS_PER_S = 1_000_000_000
NS_PER_US = 1_000


@dataclass(frozen=True)
class Snapshot:
    """Counters at one moment; None where the platform has none.

    `steal_s` is time that the hypervisor gave to others, summed over all cores since boot;
    `cpu_s` is this process's own processor time.
    """

    load: float | None
    steal_s: float | None
    involuntary_switches: int | None
    cpu_s: float | None


@dataclass(frozen=True)
class Conditions:
    """One round: the order of its variants, and what changed from its start to its end."""

    order: tuple[str, ...]
    load: float | None
    steal_s: float | None
    involuntary_switches: int | None
    cpu_per_wall: float | None
    wall_s: float | None = None


Read = Callable[[], Snapshot]


def read() -> Snapshot:
    """The counters of this machine and process now."""
    return Snapshot(load_average(), _steal_s(), _involuntary_switches(), time.process_time())


def load_average() -> float | None:
    """Runnable processes, averaged over a minute; None on Windows."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return None


def _steal_s() -> float | None:
    import psutil  # only measuring needs it

    steal = getattr(psutil.cpu_times(), "steal", None)
    return None if steal is None else float(steal)


def _involuntary_switches() -> int | None:
    try:
        import resource  # absent on Windows
    except ImportError:
        return None
    # Every thread of the process; /proc/self/status would count the main thread alone.
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def between(order: tuple[str, ...], before: Snapshot, after: Snapshot, wall_ns: int) -> Conditions:
    """The round's conditions from the counters at its ends."""
    cpu_s = _difference(before.cpu_s, after.cpu_s)
    switches = _difference(before.involuntary_switches, after.involuntary_switches)
    return Conditions(
        order=order,
        load=after.load,
        steal_s=_difference(before.steal_s, after.steal_s),
        involuntary_switches=None if switches is None else int(switches),
        cpu_per_wall=cpu_s * NS_PER_S / wall_ns if cpu_s is not None and wall_ns else None,
        wall_s=wall_ns / NS_PER_S,
    )


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before

"""What a machine's ceilings allow, against what was measured: arithmetic alone.

After Williams, Waterman and Patterson, "Roofline: an insightful visual performance model for
multicore architectures", CACM 52(4), 2009. Work and ceilings come as the results file has them.
"""

from __future__ import annotations

from typing import Literal, Protocol

US_PER_S = 1_000_000
PERCENT = 100.0
AGREEMENT = 0.03
"""Counts of operations that differ by a larger share are said to: a bias more or less is not it."""

BY_TORCH = "torch's counter over eager"
"""How a source begins that has no other count of operations."""
NOT_COUNTED = "not counted"
"""Stands in a source before the operators that the count leaves out."""

Bound = Literal["compute", "memory", "overhead"]

OVERHEAD_BELOW_PERCENT = 25.0
"""Under this share of the roof neither products nor data explain the time: three quarters of it
go elsewhere, into calls, small operators and kernels that are far from what the machine can do."""


class Demand(Protocol):
    """What one call has to do, such as `results.Work`."""

    @property
    def flops(self) -> int:
        """Operations, a multiply-add being two."""

    @property
    def bytes(self) -> int:
        """Bytes that must move."""


class Rates(Protocol):
    """What the machine was seen to reach, such as `results.Ceiling`; None for what was not seen.

    `cache_bytes` is what the second-level caches hold; what fits into them is held against
    `cache_bytes_per_s`, the rate of a copy within them.
    """

    @property
    def flops_per_s(self) -> float | None:
        """Of a large matrix product."""

    @property
    def bytes_per_s(self) -> float | None:
        """Of a copy much larger than the caches, read and write counted."""

    @property
    def cache_bytes_per_s(self) -> float | None:
        """Of a copy that stays in the second-level caches."""

    @property
    def cache_bytes(self) -> int | None:
        """The size of these caches together; None where there is no rate of them."""


def compute_s(work: Demand, rates: Rates) -> float | None:
    """Seconds that the operations take at the ceiling."""
    return work.flops / rates.flops_per_s if rates.flops_per_s else None


def memory_s(work: Demand, rates: Rates) -> float | None:
    """Seconds that the bytes take at the ceiling that `bandwidth` gives."""
    rate = bandwidth(work, rates)
    return work.bytes / rate if rate else None


def bandwidth(work: Demand, rates: Rates) -> float | None:
    """Bytes per second that this work could move.

    Calls are repeated, so that what fits into the second-level caches stays there, and comes at
    their rate; held against main memory small models would exceed their roof many times. The rate
    of a last-level cache lies between the two and is not measured: what fits into that alone is
    held against memory, and may exceed its roof.
    """
    cached = rates.cache_bytes is not None and work.bytes <= rates.cache_bytes
    if cached and rates.cache_bytes_per_s and rates.bytes_per_s:
        return max(rates.cache_bytes_per_s, rates.bytes_per_s)
    return rates.bytes_per_s


def roof_s(work: Demand, rates: Rates) -> float | None:
    """The shortest time that the ceilings allow; None unless both are known."""
    compute, memory = compute_s(work, rates), memory_s(work, rates)
    return None if compute is None or memory is None else max(compute, memory)


def roof_percent(work: Demand, rates: Rates, p50_us: float | None) -> float | None:
    """The roof's time over the measured one, in per cent; None where one is not known."""
    shortest_s = roof_s(work, rates)
    if shortest_s is None or not p50_us:
        return None
    return PERCENT * shortest_s * US_PER_S / p50_us


def bound(work: Demand, rates: Rates, p50_us: float | None) -> Bound | None:
    """What the time goes into.

    `overhead` under `OVERHEAD_BELOW_PERCENT` of the roof, else the ceiling that needs longer.
    """
    share = roof_percent(work, rates, p50_us)
    compute, memory = compute_s(work, rates), memory_s(work, rates)
    if share is None or compute is None or memory is None:
        return None
    if share < OVERHEAD_BELOW_PERCENT:
        return "overhead"
    return "compute" if compute >= memory else "memory"


def intensity(work: Demand) -> float | None:
    """Operations per byte, the horizontal axis of a roofline; None without bytes."""
    return work.flops / work.bytes if work.bytes else None

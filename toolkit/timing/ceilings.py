"""What the machine can do at best, as contestants that run inside the rounds of a comparison.

A large matrix product for operations and two copies for bytes, by torch at the threads and on the
device of the comparison. Torch is imported when they are made.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import UsageError
from toolkit.timing.calls import Call, Contestant
from toolkit.timing.conditions import NS_PER_S

MATRIX = "(ceiling: matrix product)"
COPY = "(ceiling: copy)"
CACHED_COPY = "(ceiling: copy in the cache)"

FLOATS = ("float16", "bfloat16", "float32", "float64")
PLAIN = "float32"
"""The product of models that compute in anything that is no float."""

LEAST_SIDE, LARGEST_SIDE = 256, 16_384
LEAST_CALL_NS = 300_000
"""The side of the matrices is doubled until a product takes this long, and then is near peak; on a
loaded machine a long call would be interrupted where those of small models are not."""
LEAST_CUDA_CALL_NS = 5_000_000
"""On CUDA nothing interrupts it, and what the launch costs must not count."""
TRIES = 3

BEST_PERCENT = 10
"""Of the rounds, from the fastest: that of the rate, the fastest itself of up to ten."""

CACHES = 4
"""The array that is copied holds this many times the last-level cache."""
LEAST_COPY_BYTES, LARGEST_COPY_BYTES = 64 << 20, 1 << 30
SHARE_OF_FREE_MEMORY = 8
"""Neither of the two arrays takes more than this part of the memory that is free."""
SLICE_BYTES = 8 << 20
"""On the CPU a call copies the next part of the array: again a call that gets through."""
CACHED_COPY_BYTES = 128 << 10
"""For each thread; both arrays then fit into a core's second-level cache, of 256 KiB and more."""
CACHED_COPY_TIMES = 256
"""Copies in one call, so that what the call itself costs does not count."""
USUAL_CACHE_BYTES = 32 << 20
"""Where the system does not tell the size of its last-level cache."""
USUAL_SECOND_LEVEL_BYTES = 512 << 10
"""The same of a core's second-level cache; larger ones are common, smaller ones are old."""
CACHES_FOLDER = Path("/sys/devices/system/cpu/cpu0/cache")


@dataclass(frozen=True)
class Reached:
    """The rates of one device, as `results.Ceiling` holds them; None for what was not measured.

    `threads` and `dtype` are those that the rates were measured at.
    """

    device: str
    flops_per_s: float | None
    bytes_per_s: float | None
    cache_bytes_per_s: float | None
    cache_bytes: int | None
    threads: int | None = None
    dtype: str | None = None


def product_dtype(dtype: str) -> str:
    """The dtype in which the matrix product stands for models of a dtype."""
    return dtype if dtype in FLOATS else PLAIN


def ceilings(device: str, threads: int, dtype: str = PLAIN) -> list[Contestant]:
    """The hidden contestants: `items` are operations, or bytes read and written, of one call.

    Sets torch's number of threads; `device` must be there, `dtype` is that of the computation.
    On CUDA there is no copy in the cache: what a launch costs would be measured.
    """
    import torch

    torch.set_num_threads(threads)
    product = _matrix_product(device, product_dtype(dtype))
    if device != "cpu":
        return [product, _copy(device)]
    return [product, _copy_in_parts(), _cached_copy(threads)]


def reached(
    device: str,
    contestants: Sequence[Contestant],
    samples_ns: Mapping[str, Sequence[NDArray[np.int64]]],
    *,
    threads: int = 1,
    dtype: str = PLAIN,
) -> Reached:
    """The rates of one set of rounds, from the samples of its hidden contestants by name.

    `threads` and `dtype` are those that the contestants were made with.
    """
    rates = {
        one.name: rate(samples_ns[one.name], one.items)
        for one in contestants
        if one.name in samples_ns
    }
    cached = rates.get(CACHED_COPY)
    return Reached(
        device,
        rates.get(MATRIX),
        rates.get(COPY),
        cached,
        None if cached is None else near_cache_bytes(threads),
        threads,
        product_dtype(dtype),
    )


def together(sets: Sequence[Reached]) -> Reached:
    """The ceilings of several sets of rounds: of each rate the median over the sets that have it.

    Raises `UsageError` without a set.
    """
    if not sets:
        raise UsageError("there is no set of rounds with ceilings")
    return replace(
        sets[0],
        flops_per_s=_median([one.flops_per_s for one in sets]),
        bytes_per_s=_median([one.bytes_per_s for one in sets]),
        cache_bytes_per_s=_median([one.cache_bytes_per_s for one in sets]),
    )


def _median(rates: Sequence[float | None]) -> float | None:
    known = [one for one in rates if one is not None]
    return float(np.median(known)) if known else None


def rate(blocks: Sequence[NDArray[np.int64]], items: int) -> float | None:
    """Items per second: the fastest call of each round, and of these one of the fastest tenth.

    A ceiling is what the machine can do when it is let, hence the fastest: where neighbours take
    turns with it, the typical round says less about it than about them, and models would exceed
    their roof. Rounds in which it was let are few then; one freak among many is not believed.
    """
    fastest = [int(block.min()) for block in blocks if block.size]
    if not fastest:
        return None
    best_ns = int(np.percentile(fastest, BEST_PERCENT, method="lower"))
    return items * NS_PER_S / best_ns if best_ns else None


def near_cache_bytes(threads: int, caches: Path = CACHES_FOLDER) -> int:
    """What the second-level caches of so many cores hold: all that `CACHED_COPY` speaks for.

    A last-level cache is slower, and often shared with neighbours.
    """
    return threads * (_cpu_cache_bytes(caches, level=2) or USUAL_SECOND_LEVEL_BYTES)


def cache_bytes(device: str, caches: Path = CACHES_FOLDER) -> int:
    """The size of the last-level cache that the device's work goes through."""
    if device == "cpu":
        return _cpu_cache_bytes(caches) or USUAL_CACHE_BYTES
    import torch

    return int(torch.cuda.get_device_properties(device).L2_cache_size)


def _cpu_cache_bytes(caches: Path, level: int | None = None) -> int | None:
    """The largest that Linux lists, of one level or of all; None elsewhere."""
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    try:
        held = [path for path in caches.glob("index*") if level in (None, _level(path))]
        texts = [(path / "size").read_text("ascii").strip() for path in held]
        return max((int(text[:-1]) * units[text[-1]] for text in texts), default=None)
    except (OSError, ValueError, KeyError, IndexError):
        return None


def _level(cache: Path) -> int:
    return int((cache / "level").read_text("ascii"))


def _matrix_product(device: str, dtype: str) -> Contestant:
    side = LEAST_SIDE
    call = _product_of(side, device, dtype)
    least_ns = LEAST_CALL_NS if device == "cpu" else LEAST_CUDA_CALL_NS
    while side < LARGEST_SIDE and _fastest_ns(call) < least_ns:
        side *= 2
        call = _product_of(side, device, dtype)
    return Contestant(MATRIX, (call,), 2 * side**3, brief=True)


def _fastest_ns(call: Call) -> int:
    taken = []
    for _ in range(TRIES):
        start = time.perf_counter_ns()
        call()
        taken.append(time.perf_counter_ns() - start)
    return min(taken)


def _product_of(side: int, device: str, dtype: str) -> Call:
    import torch

    kind = getattr(torch, dtype)
    left, right = (torch.rand(side, side, device=device).to(kind) for _ in range(2))
    result = torch.empty(side, side, device=device, dtype=kind)
    return _awaited(partial(torch.mm, left, right, out=result), device)


def _copy_bytes(device: str) -> int:
    import torch

    if device == "cpu":
        import psutil

        free, wanted = int(psutil.virtual_memory().available), CACHES * cache_bytes(device)
    else:  # so large that a launch does not count
        free, wanted = int(torch.cuda.mem_get_info(device)[0]), LARGEST_COPY_BYTES
    wanted = max(LEAST_COPY_BYTES, min(wanted, LARGEST_COPY_BYTES))
    return max(SLICE_BYTES, min(wanted, free // SHARE_OF_FREE_MEMORY))


def _arrays(size_bytes: int, device: str) -> tuple[Any, Any]:
    import torch

    source = torch.ones(size_bytes, dtype=torch.uint8, device=device)
    return source, torch.zeros_like(source)


def _copy(device: str) -> Contestant:
    size_bytes = _copy_bytes(device)
    source, target = _arrays(size_bytes, device)
    call = _awaited(partial(target.copy_, source), device)
    return Contestant(COPY, (call,), 2 * size_bytes, brief=True)


def _copy_in_parts() -> Contestant:
    """Each call copies the part behind the last one's: none is in the cache when its turn comes."""
    count = _copy_bytes("cpu") // SLICE_BYTES
    source, target = _arrays(count * SLICE_BYTES, "cpu")
    parts = zip(target.split(SLICE_BYTES), source.split(SLICE_BYTES), strict=True)
    following = cycle([partial(into.copy_, out_of) for into, out_of in parts])

    def copy_next() -> None:
        next(following)()

    return Contestant(COPY, (copy_next,), 2 * SLICE_BYTES, brief=True)


def _cached_copy(threads: int) -> Contestant:
    size_bytes = CACHED_COPY_BYTES * threads
    source, target = _arrays(size_bytes, "cpu")

    def copies() -> None:
        for _ in range(CACHED_COPY_TIMES):
            target.copy_(source)

    items = 2 * size_bytes * CACHED_COPY_TIMES
    return Contestant(CACHED_COPY, (copies,), items, brief=True)


def _awaited(call: Call, device: str) -> Call:
    """On CUDA the call waits until the result is there."""
    if device == "cpu":
        return call
    import torch

    def waited() -> None:
        call()
        torch.cuda.synchronize(device)

    return waited

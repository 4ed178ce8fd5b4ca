"""The roof over what was measured, and ceilings from recorded samples."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from toolkit.errors import UsageError
from toolkit.results import Ceiling, Work
from toolkit.timing import ceilings, roofline
from toolkit.timing.calls import Contestant
from toolkit.timing.ceilings import CACHED_COPY, COPY, MATRIX, Reached

GIGA = 1_000_000_000
MIB = 1 << 20
MS = 1_000_000

RATES = Ceiling(device="cpu", flops_per_s=100.0 * GIGA, bytes_per_s=10.0 * GIGA)
WITH_CACHE = RATES.model_copy(update={"cache_bytes_per_s": 80.0 * GIGA, "cache_bytes": MIB})
HEAVY = Work(flops=4 * GIGA, bytes=100_000_000)
"""40 ms of products, 10 ms of data."""
WIDE = Work(flops=GIGA // 5, bytes=100_000_000)
"""2 ms of products, 10 ms of data."""
SMALL = Work(flops=100_000, bytes=400_000)
"""1 µs of products; 40 µs of data from memory, 5 µs from the cache."""


@pytest.mark.parametrize(
    ("work", "p50_us", "percent", "bound"),
    [
        (HEAVY, 50_000.0, 80.0, "compute"),
        (WIDE, 20_000.0, 50.0, "memory"),
        (HEAVY, 160_000.0, 25.0, "compute"),
        (HEAVY, 161_000.0, 4_000 / 161, "overhead"),
        (WIDE, 100_000.0, 10.0, "overhead"),
    ],
)
def test_the_roof_is_the_longer_of_products_and_data(
    work: Work, p50_us: float, percent: float, bound: str
) -> None:
    assert roofline.roof_percent(work, RATES, p50_us) == pytest.approx(percent)
    assert roofline.bound(work, RATES, p50_us) == bound


def test_what_fits_into_the_cache_is_held_against_the_cache() -> None:
    assert roofline.roof_percent(SMALL, RATES, 10.0) == pytest.approx(400.0)
    assert roofline.roof_percent(SMALL, WITH_CACHE, 10.0) == pytest.approx(50.0)
    assert roofline.bandwidth(WIDE, WITH_CACHE) == RATES.bytes_per_s


def test_what_fits_into_a_last_level_cache_alone_is_held_against_memory() -> None:
    between = Work(flops=1, bytes=16 * MIB)
    assert roofline.bandwidth(between, WITH_CACHE) == RATES.bytes_per_s


def test_a_cache_that_was_seen_slower_than_memory_is_no_ceiling() -> None:
    slow = WITH_CACHE.model_copy(update={"cache_bytes_per_s": 1.0 * GIGA})
    assert roofline.bandwidth(SMALL, slow) == RATES.bytes_per_s


def test_without_a_time_or_a_ceiling_there_is_no_roof() -> None:
    blind = RATES.model_copy(update={"bytes_per_s": None})
    for rates, p50_us in ((RATES, None), (blind, 10.0)):
        assert roofline.roof_percent(HEAVY, rates, p50_us) is None
        assert roofline.bound(HEAVY, rates, p50_us) is None


def test_intensity_is_operations_per_byte_that_moves() -> None:
    assert roofline.intensity(HEAVY) == 40.0
    assert roofline.intensity(Work(flops=1, bytes=0)) is None


def test_the_rate_is_that_of_the_fastest_call_in_the_fastest_round() -> None:
    blocks = [np.array([9, 2, 7]) * MS, np.array([50, 4]) * MS, np.array([3]) * MS]
    assert ceilings.rate(blocks, 600) == pytest.approx(600 / 0.002)
    assert ceilings.rate([], 600) is None


def test_interrupted_rounds_do_not_lower_a_ceiling_and_a_freak_does_not_raise_it() -> None:
    let = [np.array([3, 5]) * MS] * 4
    interrupted = [np.array([40]) * MS] * 15
    freak = [np.array([1]) * MS]
    assert ceilings.rate([*interrupted, *freak, *let], 600) == pytest.approx(600 / 0.003)


def _idle() -> None:
    pass


def test_samples_of_the_hidden_contestants_become_the_rates_of_a_set() -> None:
    items = {MATRIX: 2_000_000, COPY: 40_000, CACHED_COPY: 80_000}
    contestants = [Contestant(name, (_idle,), count) for name, count in items.items()]
    samples = {name: [np.array([MS, 2 * MS])] for name in items}
    found = ceilings.reached("cpu", contestants, samples)
    near = ceilings.near_cache_bytes(1)
    assert found == Reached("cpu", 2e9, 4e7, 8e7, near, 1, "float32")


def test_the_caches_that_count_are_those_of_all_threads_and_rates_know_their_dtype() -> None:
    contestants = [Contestant(CACHED_COPY, (_idle,), 10)]
    samples = {CACHED_COPY: [np.array([MS])]}
    found = ceilings.reached("cpu", contestants, samples, threads=2, dtype="float16")
    assert (found.threads, found.dtype) == (2, "float16")
    assert found.cache_bytes == 2 * ceilings.near_cache_bytes(1)


def test_a_ceiling_that_failed_is_not_known_and_the_others_are() -> None:
    contestants = [Contestant(name, (_idle,), 10) for name in (MATRIX, COPY)]
    found = ceilings.reached("cpu", contestants, {MATRIX: [np.array([MS])]})
    assert found == Reached("cpu", 10_000.0, None, None, None, 1, "float32")


def test_sets_of_rounds_become_one_ceiling_by_their_median() -> None:
    one = Reached("cpu", 10.0, 4.0, 8.0, 1024)
    others = [replace(one, flops_per_s=30.0), replace(one, flops_per_s=20.0, bytes_per_s=None)]
    assert ceilings.together([one, *others]) == Reached("cpu", 20.0, 4.0, 8.0, 1024)
    with pytest.raises(UsageError):
        ceilings.together([])


def test_a_ceiling_goes_into_the_results_as_it_is() -> None:
    reached = Reached("cpu", 10.0, 4.0, 8.0, 1024)
    assert Ceiling.model_validate(reached, from_attributes=True).cache_bytes == 1024


def test_the_caches_are_those_that_are_listed(tmp_path: Path) -> None:
    for index, size in enumerate(("32K", "1024K", "32768K")):
        (tmp_path / f"index{index}").mkdir()
        (tmp_path / f"index{index}" / "size").write_text(f"{size}\n", encoding="ascii")
        (tmp_path / f"index{index}" / "level").write_text(f"{index + 1}\n", encoding="ascii")
    assert ceilings.near_cache_bytes(2, tmp_path) == 2 * MIB
    unknown = ceilings.near_cache_bytes(2, tmp_path / "none")
    assert unknown == 2 * ceilings.USUAL_SECOND_LEVEL_BYTES
    assert ceilings.cache_bytes("cpu", tmp_path) == 32 * MIB
    assert ceilings.cache_bytes("cpu", tmp_path / "none") == ceilings.USUAL_CACHE_BYTES


@dataclass(frozen=True)
class Memory:
    available: int


def test_the_contestants_of_a_cpu_run_and_count_what_they_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ceilings, "LEAST_CALL_NS", 1)
    monkeypatch.setattr("psutil.virtual_memory", lambda: Memory(256 * MIB))
    product, copy, cached = ceilings.ceilings("cpu", 1, "int64")
    assert product.items == 2 * ceilings.LEAST_SIDE**3
    assert copy.items == 2 * ceilings.SLICE_BYTES
    assert cached.items == 2 * ceilings.CACHED_COPY_BYTES * ceilings.CACHED_COPY_TIMES
    for contestant in (product, copy, cached):
        for _ in range(5):  # more calls than the copy has parts
            for call in contestant.calls:
                call()

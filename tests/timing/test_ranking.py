"""Ranks: ties are told as ties, and every difference in rank is a claim."""

from __future__ import annotations

import numpy as np
import pytest

from tests.timing.recorded import a_set, around
from toolkit.timing import Measured, compare
from toolkit.timing.ranking import ranks
from toolkit.timing.statistics import Floats

BAND = 0.01


def _logs(median: float, seed: int, *, spread: float = 0.002, sets: int = 5) -> list[Floats]:
    rng = np.random.default_rng(seed)
    return [np.log(median) + rng.normal(0, spread, 6) for _ in range(sets)]


def test_the_fastest_is_first_and_ties_share_a_rank() -> None:
    times = {"slow": _logs(400, 1), "a": _logs(100, 2), "b": _logs(100, 3), "middle": _logs(200, 4)}
    assert ranks(times, BAND) == {"a": 1, "b": 1, "middle": 3, "slow": 4}


def test_a_difference_within_the_band_is_a_tie() -> None:
    times = {"a": _logs(100, 1), "b": _logs(102, 2)}
    assert ranks(times, 0.01) == {"a": 1, "b": 2}
    assert ranks(times, 0.03) == {"a": 1, "b": 1}


def test_a_chain_of_ties_is_one_rank_though_its_ends_can_be_told_apart() -> None:
    times = {"a": _logs(100, 1), "b": _logs(100.8, 2), "c": _logs(101.6, 3), "d": _logs(110, 4)}
    assert ranks({"a": times["a"], "c": times["c"]}, BAND) == {"a": 1, "c": 2}
    assert ranks(times, BAND) == {"a": 1, "b": 1, "c": 1, "d": 4}


def test_one_that_nothing_can_be_said_of_ties_with_all_that_it_may_be() -> None:
    times = {"a": _logs(100, 1), "c": _logs(120, 3), "vague": _logs(110, 2, spread=0.5)}
    assert set(ranks(times, BAND).values()) == {1}


@pytest.mark.parametrize("sets", [1, 5])
def test_many_copies_of_the_same_code_are_hardly_ever_told_apart(sets: int) -> None:
    """28 pairs a comparison: uncorrected, some are told apart in nearly every one."""
    wrong = 0
    for trial in range(15):
        rng = np.random.default_rng([trial, sets])
        times = {str(k): [rng.normal(0, 0.02, 12) for _ in range(sets)] for k in range(8)}
        wrong += set(ranks(times, 0.0).values()) != {1}
    assert wrong <= 1


def test_plain_differences_do_not_blunt_the_one_that_is_not() -> None:
    """Of 28 pairs 27 are plain; the last is judged as if it were alone, by Holm's steps."""
    times = {str(k): _logs(100 * 2**k, k) for k in range(7)}
    times["close"] = _logs(101.9, 77)
    assert ranks(times, BAND)["close"] == 2


def _measured(**median_us: float) -> Measured:
    samples = {name: around(median, k) for k, (name, median) in enumerate(median_us.items())}
    return a_set(samples, around(next(iter(median_us.values())), 99))


def test_rows_of_a_comparison_carry_their_ranks() -> None:
    outcome = compare(_measured(eager=200, onnx=100, script=200, trace=300))
    assert [row.rank for row in outcome.timings] == [2, 1, 2, 4]


def test_one_variant_alone_has_no_rank() -> None:
    assert [row.rank for row in compare(_measured(eager=200)).timings] == [None]


def test_a_machine_that_cannot_resolve_identical_code_ranks_nothing() -> None:
    measured = a_set({"eager": around(200, 1), "onnx": around(10, 2)}, around(200, 3, spread=0.5))
    assert [row.rank for row in compare(measured).timings] == [None, None]

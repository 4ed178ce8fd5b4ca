"""The comparison of arrays on its bounds: what counts exactly, and what does not any more."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from toolkit.parity.compare import (
    EPS,
    GROUPS,
    MOST_SLICES,
    Slicing,
    compared_values,
    difference,
    feature_axis,
    finite_magnitude,
    floor,
    non_finite_faults,
    pooled_noise,
    score,
    slicing,
    tolerance_used,
)
from toolkit.spec import Port

FINE = 2.0**-12
"""Finer than any dtype of low precision."""
FEATURES = Port("y", ("batch", 2))


def test_the_rule_of_the_verdict_has_these_numbers() -> None:
    """DESIGN's own: they are promised to users."""
    assert (MOST_SLICES, GROUPS) == (4096, 256)
    for name, eps in EPS.items():
        assert eps == torch.finfo(getattr(torch, name)).eps


def test_a_slice_is_reduced_to_its_largest_value_over_every_other_axis() -> None:
    values = np.arange(12.0).reshape(2, 3, 2)
    assert Slicing(1).reduce(values).tolist() == [7.0, 9.0, 11.0]
    assert Slicing(0).reduce(values).tolist() == [5.0, 11.0]
    assert Slicing(None).reduce(values).tolist() == [11.0]


def test_an_empty_tensor_has_the_value_zero() -> None:
    assert Slicing(None).reduce(np.zeros((0, 3))).tolist() == [0.0]
    assert Slicing(1).reduce(np.zeros((0, 3))).tolist() == [0.0, 0.0, 0.0]


def test_values_under_one_stay_what_they_are() -> None:
    values = np.array([[0.25, 0.5]])
    assert Slicing(None).reduce(values).tolist() == [0.5]
    assert Slicing(1).reduce(values).tolist() == [0.25, 0.5]


def test_slices_of_a_group_share_their_largest_value() -> None:
    groups = Slicing(1, np.array([0, 1, 0]))
    assert groups.reduce(np.array([[1.0, 0.5, 3.0], [2.0, 0.25, 0.0]])).tolist() == [3.0, 0.5]


def test_noise_goes_back_to_the_slices_that_it_is_of() -> None:
    noise = np.array([1.0, 2.0, 3.0])
    assert Slicing(1).broadcast(noise, 3).shape == (1, 3, 1)
    assert (np.ones((2, 3, 4)) * Slicing(1).broadcast(noise, 3))[1, 2, 3] == 3.0
    assert Slicing(None).broadcast(np.array([5.0]), 2).tolist() == [[5.0]]
    grouped = Slicing(0, np.array([1, 0, 1]))
    assert grouped.broadcast(np.array([7.0, 8.0]), 2).tolist() == [[8.0], [7.0], [8.0]]


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((5,), 0),
        ((2, 5), 1),
        (("batch", 5), 1),
        ((5, "time"), None),
        (("batch", 4, 5), 1),
        ((2, "time", 5), None),
        ((2, 3, 4, 5), 1),
        ((), None),
    ],
)
def test_the_features_lie_on(shape: tuple[int | str, ...], axis: int | None) -> None:
    assert feature_axis(Port("y", shape)) == axis


def test_an_output_without_the_axis_in_some_case_is_one_slice() -> None:
    assert slicing(FEATURES, [np.ones((1, 2)), np.ones(2)]) == Slicing(None)
    assert slicing(FEATURES, [np.ones((1, 2)), np.ones((4, 2))]) == Slicing(1)
    assert slicing(Port("y", ("batch",)), [np.ones(3)]) == Slicing(None)


def test_an_output_whose_features_differ_in_number_is_one_slice() -> None:
    assert slicing(FEATURES, [np.ones((1, 2)), np.ones((1, 3))]) == Slicing(None)
    assert slicing(FEATURES, [np.ones((1, 0))]) == Slicing(None)
    assert slicing(FEATURES, [np.ones((1, 1))]) == Slicing(1)


def test_as_many_slices_as_the_most_are_not_grouped_and_one_more_is() -> None:
    for extent, grouped in ((MOST_SLICES, False), (MOST_SLICES + 1, True)):
        cut = slicing(Port("y", ("batch", extent)), [np.ones((1, extent))])
        assert (cut.groups is not None) is grouped
        assert cut.axis == 1


def test_groups_go_by_the_largest_value_over_all_cases_and_are_of_one_size() -> None:
    extent = 2 * MOST_SLICES
    falling = np.arange(extent, 0.0, -1.0)
    small, large = np.full(extent, 0.5), np.where(np.arange(extent) == 0, 1.0, falling)
    cut = slicing(Port("y", ("batch", extent)), [large[None, :], small[None, :]])
    assert cut.groups is not None
    assert np.bincount(cut.groups).tolist() == [extent // GROUPS] * GROUPS
    # The first is the smallest of all, though it is the largest in its place elsewhere.
    assert cut.groups[0] == 0
    assert cut.groups[1] == GROUPS - 1
    assert (np.diff(cut.groups[1:]) <= 0).all()


def test_a_value_that_is_not_finite_has_no_magnitude() -> None:
    assert finite_magnitude(np.array([-2.0, np.inf, np.nan, 0.5])).tolist() == [2.0, 0.0, 0.0, 0.5]


def test_a_difference_is_its_size_and_of_float64() -> None:
    left, right = np.array([1.0, 2.0], np.float32), np.array([1.5, 1.75], np.float32)
    assert difference(left, right).tolist() == [0.5, 0.25]
    assert difference(left, right).dtype == np.float64


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_one_array_that_is_not_finite_takes_a_value_out_of_the_difference(
    bad: float, place: int
) -> None:
    arrays = [np.array([5.0, 1.0]) * (number + 1) for number in range(4)]
    arrays[place] = np.array([bad, arrays[place][1]])
    assert difference(*arrays).tolist() == [0.0, 1.0]


def test_the_floor_goes_by_the_largest_values_of_all_cases() -> None:
    cases = [np.array([[1.0, 0.5]]), np.array([[0.25, 8.0]])]
    assert floor(Slicing(1), cases, FINE).tolist() == [8 * FINE, 32 * FINE]
    tail = [np.array([[1.0, 64.0]])]
    assert floor(Slicing(1), tail, FINE).tolist() == [64 * FINE, 256 * FINE]


def test_the_floor_of_small_values_is_small_and_of_zeros_zero() -> None:
    assert floor(Slicing(1), [np.array([[0.25, 0.125]])], FINE).tolist() == [FINE, FINE / 2]
    assert floor(Slicing(1), [np.zeros((1, 2))], FINE).tolist() == [0.0, 0.0]


def test_a_dtype_of_low_precision_has_a_quarter_of_the_floors() -> None:
    oracle = [np.array([[1.0, 1.0]])]
    for name in ("float16", "bfloat16"):
        assert floor(Slicing(1), oracle, EPS[name]).tolist() == [EPS[name], EPS[name]]
    next_finer = EPS["float16"] / 2
    assert floor(Slicing(1), oracle, next_finer).tolist() == [4 * next_finer, 4 * next_finer]
    tail = [np.array([[1.0, 0.0]])]
    assert floor(Slicing(1), tail, EPS["float16"])[1] == EPS["float16"] / 4


def test_the_natural_scale_of_an_output_is_the_least_that_its_floor_goes_by() -> None:
    small = [np.array([[2.0**-20, 2.0**-30]])]
    assert floor(Slicing(1), small, FINE, 1.0).tolist() == [FINE, FINE]
    assert floor(Slicing(1), small, FINE, 2.0**-40)[0] == 4 * FINE * 2.0**-20
    zeros = [np.zeros((1, 2))]
    assert pooled_noise(Slicing(1), zeros, zeros, FINE, 1.0).tolist() == [FINE, FINE]
    assert pooled_noise(Slicing(1), zeros, zeros, FINE).tolist() == [0.0, 0.0]


def test_a_tolerance_is_used_up_by_the_difference_that_it_allows() -> None:
    eager = np.array([4.0, -4.0, 0.0, np.inf, 1.0])
    candidate = np.array([4.75, -3.25, 0.0, np.inf, np.nan])
    assert tolerance_used(candidate, eager, 0.5, 0.0625).tolist() == [1.0, 1.0, 0.0, 0.0, 0.0]
    assert tolerance_used(eager[:1], eager[:1], 0.0, 0.0).tolist() == [0.0]
    assert tolerance_used(candidate[:1], eager[:1], 0.0, 0.0).tolist() == [np.inf]


def test_noise_is_the_largest_error_of_any_case_slice_by_slice() -> None:
    zeros = np.zeros((1, 2))
    errors = [np.array([[3.0, 0.5]]), np.array([[1.0, 2.0]])]
    assert pooled_noise(Slicing(1), [zeros, zeros], errors, FINE).tolist() == [3.0, 2.0]


def test_noise_is_the_larger_of_error_and_floor() -> None:
    oracle = np.array([[1.0, 1.0]])
    eager = oracle + np.array([[8 * FINE, 2 * FINE]])
    assert pooled_noise(Slicing(1), [oracle], [eager], FINE).tolist() == [8 * FINE, 4 * FINE]


def test_a_score_is_the_largest_ratio_of_any_slice() -> None:
    error = np.array([[1.0, 6.0], [2.0, 3.0]])
    assert score(Slicing(1), error, np.array([0.5, 3.0])) == 4.0
    assert score(Slicing(1), error, np.array([4.0, 8.0])) == 0.75
    assert score(Slicing(1), np.array([[1.0, 0.0]]), np.array([2.0, 0.0])) == 0.5


def test_a_score_of_nothing_is_zero() -> None:
    assert score(Slicing(None), np.zeros((0, 2)), np.array([1.0])) == 0.0
    assert score(Slicing(1), np.zeros((2, 0)), np.zeros(0)) == 0.0


def test_an_error_without_noise_is_infinitely_many_times_it() -> None:
    assert score(Slicing(1), np.array([[1.0, 1.0]]), np.array([0.0, 2.0])) == np.inf


def test_non_finite_values_are_counted_on_either_side() -> None:
    eager = np.array([1.0, 2.0, np.nan, np.inf, np.inf, -np.inf, np.nan])
    candidate = np.array([np.nan, 2.0, np.nan, np.inf, -np.inf, 3.0, np.inf])
    assert non_finite_faults(candidate, eager) == (1, 3)
    assert non_finite_faults(np.array([5.0], np.float32), np.array([6.0], np.float32)) == (0, 0)


def test_values_are_compared_where_all_three_are_finite() -> None:
    fine = np.array([1.0, 2.0, 3.0])
    for place in range(3):
        arrays = [fine.copy(), fine.copy(), fine.copy()]
        arrays[place][1] = np.nan
        assert compared_values(*arrays) == 2

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from toolkit.parity.compare import (
    GROUPS,
    MOST_SLICES,
    Slicing,
    difference,
    feature_axis,
    floor,
    non_finite_faults,
    pooled_noise,
    score,
    slicing,
)
from toolkit.spec import Port

EPS = 2.0**-23


def test_the_feature_axis_is_the_last_below_rank_three_and_axis_one_from_there() -> None:
    assert feature_axis(Port("y", ("batch", 10))) == 1
    assert feature_axis(Port("y", ("batch", 16, "height", "width"))) == 1
    assert feature_axis(Port("y", (7,))) == 0


def test_an_output_whose_feature_axis_is_dynamic_is_one_slice() -> None:
    assert feature_axis(Port("y", ("batch",))) is None
    assert feature_axis(Port("y", ("time", "batch", 20))) is None
    assert feature_axis(Port("y", ())) is None


def test_a_small_channel_is_not_hidden_behind_a_large_one() -> None:
    oracle = np.array([[1000.0, 1e-3], [900.0, 2e-3]])
    slices = slicing(Port("y", ("batch", 2)), [oracle])
    noise = pooled_noise(slices, [oracle], [oracle.astype(np.float32)], EPS)
    wrong = np.array([[0.0, 1e-1], [0.0, 0.0]])
    assert score(slices, wrong, noise) > 30
    assert score(Slicing(None), wrong, np.array([noise.max()])) < 30_000


def test_the_noise_of_a_slice_is_never_under_four_roundings_of_its_largest_value() -> None:
    oracle = np.array([[8.0, 1.0]])
    slices = slicing(Port("y", ("batch", 2)), [oracle])
    assert pooled_noise(slices, [oracle], [oracle], EPS) == pytest.approx([32 * EPS, 8 * EPS])


def test_the_tail_of_a_saturated_output_is_given_the_tensors_own_rounding() -> None:
    oracle = np.array([[1.0, 1e-30]])
    slices = slicing(Port("y", ("batch", 2)), [oracle])
    assert floor(slices, [oracle], EPS)[1] == pytest.approx(EPS)


def test_noise_is_pooled_over_cases_so_that_one_lucky_case_raises_no_alarm() -> None:
    port = Port("y", ("batch", 1))
    lucky, usual = np.array([[1.0]]), np.array([[1.0]])
    slices = slicing(port, [lucky, usual])
    noise = pooled_noise(slices, [lucky, usual], [lucky, usual + 40 * EPS], EPS)
    assert noise == pytest.approx([40 * EPS])


def test_an_error_of_zero_scores_zero_even_without_any_noise() -> None:
    assert score(Slicing(None), np.zeros((2, 2)), np.zeros(1)) == 0.0
    assert score(Slicing(None), np.full((2, 2), 1e-30), np.zeros(1)) == np.inf


def test_more_slices_than_the_most_are_grouped_by_magnitude() -> None:
    extent = MOST_SLICES + 1
    oracle = np.arange(1.0, extent + 1)[None, :]
    slices = slicing(Port("y", ("batch", extent)), [oracle])
    assert slices.groups is not None
    assert slices.reduce(oracle).shape == (GROUPS,)
    assert slices.groups[0] == 0
    assert slices.groups[-1] == GROUPS - 1


def test_a_difference_is_taken_only_where_all_are_finite() -> None:
    left = np.array([1.0, np.nan, np.inf, 4.0])
    right = np.array([0.5, 1.0, np.inf, -np.inf])
    assert difference(left, right).tolist() == [0.5, 0.0, 0.0, 0.0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_non_finite_value_of_the_candidate_alone_is_a_fault(bad: float) -> None:
    eager = np.array([1.0, 2.0])
    assert non_finite_faults(np.array([bad, 2.0]), eager) == (1, 0)


def test_where_eager_is_not_finite_either_a_difference_is_only_counted() -> None:
    eager = np.array([np.nan, np.inf])
    assert non_finite_faults(eager, eager) == (0, 0)
    assert non_finite_faults(np.array([1.0, -np.inf]), eager) == (0, 2)


values = st.floats(-1e6, 1e6, width=32)


@settings(deadline=None)
@given(
    oracle=hnp.arrays(np.float64, (4, 3), elements=values),
    error=hnp.arrays(np.float64, (4, 3), elements=st.floats(0, 10, width=32)),
    factor=st.floats(1, 100),
)
def test_more_error_never_scores_less(oracle: np.ndarray, error: np.ndarray, factor: float) -> None:
    slices = slicing(Port("y", ("batch", 3)), [oracle])
    noise = pooled_noise(slices, [oracle], [oracle], EPS)
    assert score(slices, error * factor, noise) >= score(slices, error, noise)


@settings(deadline=None)
@given(
    oracle=hnp.arrays(np.float64, (3, 4), elements=values),
    order=st.permutations(range(4)),
)
def test_the_score_does_not_depend_on_the_order_of_the_slices(
    oracle: np.ndarray, order: list[int]
) -> None:
    eager = oracle.astype(np.float32).astype(np.float64)
    error = np.abs(eager - oracle)
    port = Port("y", ("batch", 4))
    straight = slicing(port, [oracle])
    shuffled = slicing(port, [oracle[:, order]])
    noise = pooled_noise(straight, [oracle], [eager], EPS)
    noise_shuffled = pooled_noise(shuffled, [oracle[:, order]], [eager[:, order]], EPS)
    assert score(straight, error, noise) == score(shuffled, error[:, order], noise_shuffled)

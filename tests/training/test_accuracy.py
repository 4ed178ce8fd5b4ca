"""Accuracy over all samples and a class, from outputs of any of the usual forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from toolkit import training


def test_the_largest_of_several_outputs_is_the_class() -> None:
    assert training.decided([[0.1, 0.9, 0.0], [3.0, -1.0, 2.0]]).tolist() == [1, 0]


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_a_lone_output_is_held_against_the_threshold(shape: tuple[int, ...]) -> None:
    outputs = np.array([-0.2, 0.2, 0.7]).reshape(shape)
    assert training.decided(outputs).tolist() == [0, 0, 1]
    assert training.decided(outputs, threshold=0.0).tolist() == [0, 1, 1]


def test_a_class_without_samples_has_no_accuracy() -> None:
    found = training.per_class_accuracy([0, 1, 1, 3], [0, 0, 1, 3], classes=4)
    assert found == (0.5, 1.0, None, 1.0)


def test_accuracy_and_error_rate_are_shares_of_all_samples() -> None:
    assert training.accuracy([1, 0, 1, 1], [1, 1, 1, 1]) == 0.75
    assert training.error_rate([1, 0, 1, 1], [1, 1, 1, 1]) == 0.25


def test_no_samples_have_no_accuracy() -> None:
    assert math.isnan(training.accuracy([], []))


def test_guesses_of_another_shape_are_refused_and_not_broadcast() -> None:
    with pytest.raises(ValueError, match="shape"):
        training.accuracy([[1], [0]], [1, 0])

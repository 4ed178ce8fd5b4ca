"""The embedded data sets: shapes, ranges, a fixed split and nothing shared across it."""

from __future__ import annotations

import pytest
import torch

from toolkit import data
from toolkit.errors import REFUSED, DataError


@pytest.mark.parametrize("shape", [(784,), (28, 28), (1, 28, 28), (1, 32, 32)])
def test_digits_come_in_the_shape_of_the_model(shape: tuple[int, ...]) -> None:
    found = data.load("digits", shape)
    assert found.train_inputs.shape == (1438, *shape)
    assert found.held_out_inputs.shape == (359, *shape)
    assert found.train_inputs.dtype == torch.float32
    assert found.train_targets.dtype == torch.int64


def test_digits_of_32_pixels_are_those_of_28_with_background_around() -> None:
    small = data.load("digits", (1, 28, 28), pixel_range=(-1.0, 1.0)).train_inputs
    padded = data.load("digits", (1, 32, 32), pixel_range=(-1.0, 1.0)).train_inputs
    assert torch.equal(padded[:, :, 2:-2, 2:-2], small)
    assert torch.all(padded[:, :, :2] == -1.0)


@pytest.mark.parametrize("pixel_range", [(0.0, 1.0), (-1.0, 1.0)])
def test_pixels_fill_the_range_that_was_asked_for(pixel_range: tuple[float, float]) -> None:
    pixels = data.load("digits", (1, 28, 28), pixel_range=pixel_range).train_inputs
    assert (pixels.min().item(), pixels.max().item()) == pixel_range


def test_every_digit_stands_on_both_sides_of_the_split() -> None:
    found = data.load("digits", (784,))
    for targets in (found.train_targets, found.held_out_targets):
        assert torch.bincount(targets, minlength=10).min() >= 20


def test_no_held_out_digit_was_trained_on() -> None:
    found = data.load("digits", (784,))
    assert torch.cdist(found.held_out_inputs, found.train_inputs).min() > 0.5


def test_coloured_digits_are_split_before_they_are_composed() -> None:
    grey = data.load("digits", (1, 32, 32))
    coloured = data.load("coloured-digits", (3, 32, 32))
    patches = len(coloured.train_targets) // len(grey.train_targets)
    assert patches > 1
    assert torch.equal(coloured.train_targets, grey.train_targets.repeat_interleave(patches))
    assert torch.equal(coloured.held_out_targets, grey.held_out_targets)
    assert coloured.held_out_inputs.shape == (359, 3, 32, 32)


def test_coloured_digits_differ_from_their_background_where_the_digit_is() -> None:
    coloured = data.load("coloured-digits", (3, 32, 32)).held_out_inputs
    ink = data.load("digits", (1, 32, 32)).held_out_inputs.expand_as(coloured)
    assert 0.0 <= coloured.min() <= coloured.max() <= 1.0
    # Over full ink |patch - digit| is the patch's negative: the two means mirror each other.
    over_ink, beside = coloured[ink == 1.0].mean(), coloured[ink == 0.0].mean()
    assert over_ink.item() == pytest.approx(1.0 - beside.item(), abs=0.1)


def test_the_same_set_is_the_same_twice_whatever_the_random_state() -> None:
    torch.manual_seed(1)
    first = data.load("coloured-digits", (3, 32, 32))
    torch.manual_seed(2)
    second = data.load("coloured-digits", (3, 32, 32))
    assert torch.equal(first.train_inputs, second.train_inputs)
    assert torch.equal(first.held_out_inputs, second.held_out_inputs)


def test_an_unknown_set_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(DataError, match="'digitz'") as refused:
        data.load("digitz", (784,))
    assert refused.value.exit_code == REFUSED
    assert refused.value.hint is not None
    assert all(name in refused.value.hint for name in data.names())


@pytest.mark.parametrize("shape", [(10,), (1, 28, 32), (2, 28, 28), (1, 64, 64), (3, 28, 28)])
def test_a_shape_that_a_set_cannot_take_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="shape"):
        data.load("digits", shape)

"""The embedded data sets: shapes, ranges, a fixed split and nothing shared across it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from toolkit import data
from toolkit.errors import REFUSED, DataError


def loaded(name: str, shape: tuple[int | str, ...], **wanted: Any) -> data.DataSet:
    return data.load(name, data.Wanted(shape, **wanted))


def first(samples: data.Samples, count: int | None = None) -> torch.Tensor:
    return samples.take(torch.arange(count or len(samples.targets)))[0]


@pytest.mark.parametrize("shape", [(784,), (28, 28), (1, 28, 28), (1, 32, 32)])
def test_digits_come_in_the_shape_of_the_model(shape: tuple[int, ...]) -> None:
    found = loaded("digits", shape)
    train, held_out = first(found.train), first(found.held_out)
    assert train.shape == (1438, *shape)
    assert held_out.shape == (359, *shape)
    assert train.dtype == torch.float32
    assert found.train.targets.dtype == torch.int64
    assert found.labels == tuple("0123456789")


def test_digits_of_32_pixels_are_those_of_28_with_background_around() -> None:
    small = first(loaded("digits", (1, 28, 28), pixel_range=(-1.0, 1.0)).train)
    padded = first(loaded("digits", (1, 32, 32), pixel_range=(-1.0, 1.0)).train)
    assert torch.equal(padded[:, :, 2:-2, 2:-2], small)
    assert torch.all(padded[:, :, :2] == -1.0)


@pytest.mark.parametrize("pixel_range", [(0.0, 1.0), (-1.0, 1.0)])
def test_pixels_fill_the_range_that_was_asked_for(pixel_range: tuple[float, float]) -> None:
    pixels = first(loaded("digits", (1, 28, 28), pixel_range=pixel_range).train)
    assert (pixels.min().item(), pixels.max().item()) == pixel_range


def test_pixels_are_normalised_by_the_mean_and_deviation_that_were_asked_for() -> None:
    plain = first(loaded("coloured-digits", (3, 32, 32)).held_out)
    means, deviations = (0.1, 0.2, 0.3), (0.5, 0.25, 2.0)
    found = first(loaded("coloured-digits", (3, 32, 32), mean=means, std=deviations).held_out)
    for channel, (mean, deviation) in enumerate(zip(means, deviations, strict=True)):
        expected = (plain[:, channel] - mean) / deviation
        assert torch.allclose(found[:, channel], expected, atol=1e-6)


def test_a_normalisation_for_other_channels_is_refused() -> None:
    with pytest.raises(DataError, match="3 means and 3 standard deviations"):
        loaded("digits", (784,), mean=(0.5,) * 3, std=(0.5,) * 3)


def test_every_digit_stands_on_both_sides_of_the_split() -> None:
    found = loaded("digits", (784,))
    for targets in (found.train.targets, found.held_out.targets):
        assert torch.bincount(targets, minlength=10).min() >= 20


def test_no_held_out_digit_was_trained_on() -> None:
    found = loaded("digits", (784,))
    assert torch.cdist(first(found.held_out), first(found.train)).min() > 0.5


def test_coloured_digits_are_split_before_they_are_composed() -> None:
    grey = loaded("digits", (1, 32, 32))
    coloured = loaded("coloured-digits", (3, 32, 32))
    patches = len(coloured.train.targets) // len(grey.train.targets)
    assert patches > 1
    assert torch.equal(coloured.train.targets, grey.train.targets.repeat_interleave(patches))
    assert torch.equal(coloured.held_out.targets, grey.held_out.targets)
    assert first(coloured.held_out).shape == (359, 3, 32, 32)


def test_coloured_digits_differ_from_their_background_where_the_digit_is() -> None:
    coloured = first(loaded("coloured-digits", (3, 32, 32)).held_out)
    ink = first(loaded("digits", (1, 32, 32)).held_out).expand_as(coloured)
    assert 0.0 <= coloured.min() <= coloured.max() <= 1.0
    # Over full ink |patch - digit| is the patch's negative: the two means mirror each other.
    over_ink, beside = coloured[ink == 1.0].mean(), coloured[ink == 0.0].mean()
    assert over_ink.item() == pytest.approx(1.0 - beside.item(), abs=0.1)


@pytest.mark.parametrize("name", ["token-sequences", "synthetic", "digit-features"])
def test_the_same_set_is_the_same_twice_whatever_the_random_state(name: str) -> None:
    torch.manual_seed(1)
    before = loaded(name, ("time",))
    torch.manual_seed(2)
    after = loaded(name, ("time",))
    assert torch.equal(first(before.train), first(after.train))
    assert torch.equal(before.held_out.targets, after.held_out.targets)


def test_four_features_tell_zero_from_one_by_one_weight_each() -> None:
    """Ink at the sides speaks for 0, ink in the middle for 1; no bias is needed."""
    found = loaded("digit-features", (4,), classes=(0, 1))
    features = first(found.held_out)
    assert features.shape[1] == 4
    assert 0.0 <= features.min() <= features.max() <= 1.0
    guesses = (features @ torch.tensor([-1.0, -1.0, 1.0, 0.0])) > 0
    assert (guesses.long() == found.held_out.targets).float().mean() > 0.9


def test_the_synthetic_classes_are_equally_many_and_no_plane_parts_them() -> None:
    found = loaded("synthetic", (3,))
    points, targets = first(found.train), found.train.targets
    assert 0.4 < targets.float().mean() < 0.6
    design = torch.cat([points, torch.ones(len(points), 1)], dim=1)
    signs = 2.0 * targets.unsqueeze(1) - 1.0
    plane = torch.linalg.lstsq(design, signs).solution
    right = ((design @ plane > 0) == (signs > 0)).float().mean()
    assert 0.7 < right < 0.93


def test_token_sequences_are_ragged_unsorted_and_padded_with_zeros() -> None:
    found = loaded("token-sequences", ("time",))
    text, lengths = found.train.take(torch.arange(len(found.train.targets)))
    assert (lengths.min().item(), lengths.max().item()) == (4, 40)
    assert torch.any(lengths[1:] > lengths[:-1])
    assert torch.any(lengths[1:] < lengths[:-1])
    inside = torch.arange(text.shape[1]) < lengths.unsqueeze(1)
    assert torch.all((text > 0) == inside)
    assert text.max() == 999
    assert (text.dtype, lengths.dtype) == (torch.int64, torch.int64)


def test_the_class_of_a_sequence_is_the_set_that_more_of_its_tokens_belong_to() -> None:
    found = loaded("token-sequences", ("time",))
    text = first(found.held_out)
    lead = ((text >= 1) & (text <= 100)).sum(1) - ((text > 100) & (text <= 200)).sum(1)
    assert torch.all(lead != 0)
    assert torch.equal((lead > 0).long(), found.held_out.targets)
    assert 0.4 < found.train.targets.float().mean() < 0.6


def test_classes_that_are_kept_are_numbered_anew_in_their_order() -> None:
    everything = loaded("digits", (784,))
    found = loaded("digits", (784,), classes=(7, 3))
    assert found.labels == ("7", "3")
    sevens = first(everything.held_out)[everything.held_out.targets == 7]
    assert torch.equal(first(found.held_out)[found.held_out.targets == 0], sevens)
    assert set(found.train.targets.tolist()) == {0, 1}


def test_positive_classes_make_a_binary_task_of_all_samples() -> None:
    everything = loaded("digits", (784,))
    found = loaded("digits", (784,), positive=(0, 1, 2))
    assert torch.equal(found.train.targets, (everything.train.targets < 3).long())
    assert found.labels == ("others", "0, 1, 2")


def test_positive_classes_among_those_that_are_kept_go_by_their_own_numbers() -> None:
    found = loaded("digits", (784,), classes=(4, 9), positive=(9,))
    four_or_nine = loaded("digits", (784,), classes=(4, 9))
    assert torch.equal(found.held_out.targets, four_or_nine.held_out.targets)


def test_a_class_that_a_set_does_not_have_is_refused() -> None:
    with pytest.raises(DataError, match="digits has 10 classes, none numbered 11"):
        loaded("digits", (784,), classes=(0, 11))


def test_an_unknown_set_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(DataError, match="'digitz'") as refused:
        loaded("digitz", (784,))
    assert refused.value.exit_code == REFUSED
    assert refused.value.hint is not None
    assert all(name in refused.value.hint for name in data.names())


@pytest.mark.parametrize(
    "shape", [(10,), (1, 28, 32), (2, 28, 28), (1, 64, 64), (3, 28, 28), (1, "height", "width")]
)
def test_a_shape_that_a_set_cannot_take_is_refused(shape: tuple[int | str, ...]) -> None:
    with pytest.raises(DataError, match="shape"):
        loaded("digits", shape)

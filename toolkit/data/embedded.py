"""Real data that need no network: scikit-learn's handwritten digits and its two photographs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from toolkit.data.images import SIDE, Images, as_samples, padded, require_fit, side_of
from toolkit.data.samples import (
    HELD_OUT_SHARE,
    SPLIT_SEED,
    Array,
    Samples,
    TensorSamples,
    Wanted,
)
from toolkit.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

PATCHES_A_DIGIT = 8
_SMALL_SIDE = 8
_DIGIT_MAXIMUM = 16.0  # scikit-learn's digits have seventeen grey levels
_BYTE_MAXIMUM = 255.0

Parts = tuple[TensorSamples, TensorSamples]
Places = tuple[Array, Array, Array]


def digits(wanted: Wanted) -> Parts:
    """scikit-learn's 1,797 digits, four fifths to train on and one held out."""
    train, held_out = _digits(side_of("digits", wanted.shape))
    return as_samples("digits", train, wanted), as_samples("digits", held_out, wanted)


class _Later:
    """Samples that are made when the first is taken: a check takes held-out ones alone."""

    def __init__(self, classes: Array, make: Callable[[], TensorSamples]) -> None:
        import torch

        self._targets = torch.tensor(classes, dtype=torch.int64)
        self._make = make

    @cached_property
    def _made(self) -> TensorSamples:
        return self._make()

    @property
    def targets(self) -> Tensor:
        return self._targets

    def take(self, rows: Tensor) -> tuple[Tensor, ...]:
        return self._made.take(rows)

    def chosen(self, rows: Tensor, targets: Tensor) -> Samples:
        return self._made.chosen(rows, targets)


def coloured_digits(wanted: Wanted) -> tuple[Samples, Samples]:
    """Digits over patches of scikit-learn's two photographs: |patch - digit|, several a digit.

    Digits are split before they are composed, and photographs too: the held-out patches come from
    the right-hand quarter, which no training patch touches.
    """
    name = "coloured-digits"
    side = side_of(name, wanted.shape)
    require_fit(name, wanted.shape, (3, side, side))  # composing takes seconds
    train, held_out = _digits(side)
    photographs = _photographs()
    generator = np.random.default_rng(SPLIT_SEED)
    border = photographs.shape[2] * 3 // 4
    left, right = photographs[:, :, :border], photographs[:, :, border:]
    behind = _places(len(train.classes) * PATCHES_A_DIGIT, side, left, generator)
    behind_held_out = _places(len(held_out.classes), side, right, generator)

    def over() -> TensorSamples:
        digits = _repeated(train, PATCHES_A_DIGIT)
        return as_samples(name, _composed(digits, left, behind), wanted)

    held_out_over = _composed(held_out, right, behind_held_out)
    later = _Later(np.repeat(train.classes, PATCHES_A_DIGIT), over)
    return later, as_samples(name, held_out_over, wanted)


def digit_features(wanted: Wanted) -> Parts:
    """Four features of each digit in [0, 1]: mean ink left, right, in the middle, and above it.

    A 0 is empty in the middle and a 1 is not; the sides tell the other way round.
    """
    import torch

    del wanted
    train, held_out = (
        TensorSamples(
            (torch.tensor(_regions(images), dtype=torch.float32),),
            torch.tensor(classes, dtype=torch.int64),
        )
        for images, classes in _small_digits()
    )
    return train, held_out


def _regions(images: Array) -> Array:
    """(N, 8, 8) → (N, 4)."""
    regions = (images[:, :, :3], images[:, :, 5:], images[:, 2:6, 3:5], images[:, :2, 3:5])
    return np.stack([region.mean(axis=(1, 2)) for region in regions], axis=1)


def _small_digits() -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """8x8 images in [0, 1] with their classes, split."""
    from sklearn.datasets import load_digits

    pixels, classes = load_digits(return_X_y=True)
    images = pixels.reshape(-1, _SMALL_SIDE, _SMALL_SIDE) / _DIGIT_MAXIMUM
    order = np.random.default_rng(SPLIT_SEED).permutation(len(images))
    held_out = round(len(order) * HELD_OUT_SHARE)
    train, rest = order[held_out:], order[:held_out]
    return (images[train], classes[train]), (images[rest], classes[rest])


def _digits(side: int) -> tuple[Images, Images]:
    train, held_out = (
        Images(padded(_enlarged(images), side), classes) for images, classes in _small_digits()
    )
    return train, held_out


def _enlarged(images: Array) -> Array:
    """(N, 8, 8) → (N, 1, 28, 28), bilinear."""
    import torch
    import torch.nn.functional as F

    small = torch.from_numpy(images).unsqueeze(1)
    large = F.interpolate(small, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
    return np.asarray(large.numpy())


def _photographs() -> Array:
    """Both photographs as (2, 427, 640, 3) in [0, 1]."""
    from sklearn.datasets import load_sample_images

    try:
        return np.stack(load_sample_images().images) / _BYTE_MAXIMUM
    except ImportError as error:
        raise DataError(
            f"coloured-digits needs Pillow to read photographs: {error}",
            hint="pip install pillow",
        ) from error


def _repeated(part: Images, times: int) -> Images:
    return Images(np.repeat(part.pixels, times, axis=0), np.repeat(part.classes, times))


def _places(count: int, side: int, photographs: Array, generator: np.random.Generator) -> Places:
    """For each image which photograph, and where in it, its background is: top and left."""
    _, height, width, _ = photographs.shape
    which = generator.integers(len(photographs), size=count)
    tops = generator.integers(height - side + 1, size=count)
    lefts = generator.integers(width - side + 1, size=count)
    return which, tops, lefts


def _composed(part: Images, photographs: Array, places: Places) -> Images:
    side = part.pixels.shape[-1]
    backgrounds = np.stack(
        [
            photographs[photo, top : top + side, left : left + side]
            for photo, top, left in zip(*places, strict=True)
        ]
    ).transpose(0, 3, 1, 2)
    return Images(np.abs(backgrounds - part.pixels), part.classes)

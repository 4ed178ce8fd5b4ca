"""Data sets for brief training: embedded real images, split before anything is made of them.

A set is named in every output and manifest. One that cannot be had is a `DataError`, never a
silent replacement. A further set is one function in `_LOADERS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

HELD_OUT_SHARE = 0.2
SPLIT_SEED = 20_180_917
SIDE = 28
PADDED_SIDE = 32
PATCHES_A_DIGIT = 8
_DIGIT_MAXIMUM = 16.0  # scikit-learn's digits have seventeen grey levels
_BYTE_MAXIMUM = 255.0

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class DataSet:
    """Inputs (float32) and targets (int64) for training, and others held out to judge by."""

    name: str
    train_inputs: Tensor
    train_targets: Tensor
    held_out_inputs: Tensor
    held_out_targets: Tensor


@dataclass(frozen=True)
class _Part:
    """Images (N, C, H, W) with pixels in [0, 1] and their classes."""

    images: Array
    classes: Array


def names() -> tuple[str, ...]:
    """The data sets that can be had."""
    return tuple(_LOADERS)


def load(
    name: str, shape: tuple[int, ...], *, pixel_range: tuple[float, float] = (0.0, 1.0)
) -> DataSet:
    """The data set with every sample in `shape` (without the batch), pixels in `pixel_range`.

    The split is fixed: no training seed changes which samples are held out. Raises `DataError`.
    """
    import torch

    loader = _LOADERS.get(name)
    if loader is None:
        raise DataError(
            f"there is no data set {name!r}", hint=f"the data sets are: {', '.join(names())}"
        )
    low, high = pixel_range
    train, held_out = loader(_side(name, shape))

    def inputs(part: _Part) -> Tensor:
        scaled = low + (high - low) * part.images
        return torch.tensor(_shaped(name, scaled, shape), dtype=torch.float32)

    def targets(part: _Part) -> Tensor:
        return torch.tensor(part.classes, dtype=torch.int64)

    return DataSet(name, inputs(train), targets(train), inputs(held_out), targets(held_out))


def _side(name: str, shape: tuple[int, ...]) -> int:
    """28 or 32 pixels a side; a flat shape is a square of one channel."""
    side = math.isqrt(shape[0]) if len(shape) == 1 else shape[-1]
    square = side * side == shape[0] if len(shape) == 1 else shape[-2] == side
    if side not in (SIDE, PADDED_SIDE) or not square:
        raise DataError(
            f"{name} cannot be given in the shape {shape}",
            hint=f"images are {SIDE}x{SIDE} or padded to {PADDED_SIDE}x{PADDED_SIDE}",
        )
    return side


def _shaped(name: str, images: Array, shape: tuple[int, ...]) -> Array:
    if images[0].size != math.prod(shape):
        raise DataError(
            f"{name} cannot be given in the shape {shape}",
            hint=f"its samples have the shape {images.shape[1:]}",
        )
    return images.reshape(len(images), *shape)


def _digits(side: int) -> tuple[_Part, _Part]:
    """scikit-learn's 1,797 handwritten digits, four fifths to train on and one held out."""
    from sklearn.datasets import load_digits

    pixels, classes = load_digits(return_X_y=True)
    images = _enlarged(pixels.reshape(-1, 8, 8) / _DIGIT_MAXIMUM, side)
    order = np.random.default_rng(SPLIT_SEED).permutation(len(images))
    held_out = round(len(order) * HELD_OUT_SHARE)
    chosen = (order[held_out:], order[:held_out])
    train, rest = (_Part(images[rows], classes[rows]) for rows in chosen)
    return train, rest


def _enlarged(images: Array, side: int) -> Array:
    """8x8 → (N, 1, side, side): resized to 28x28, bilinear, with zeros around to 32x32."""
    import torch
    import torch.nn.functional as F

    small = torch.from_numpy(images).unsqueeze(1)
    large = F.interpolate(small, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
    border = (side - SIDE) // 2
    return np.asarray(F.pad(large, (border,) * 4).numpy())


def _coloured_digits(side: int) -> tuple[_Part, _Part]:
    """Digits over patches of scikit-learn's two photographs: |patch - digit|, several a digit.

    Digits are split before they are composed, and photographs too: the held-out patches come from
    the right-hand quarter, which no training patch touches.
    """
    train, held_out = _digits(side)
    photographs = _photographs()
    generator = np.random.default_rng(SPLIT_SEED)
    border = photographs.shape[2] * 3 // 4
    return (
        _composed(train, photographs[:, :, :border], PATCHES_A_DIGIT, generator),
        _composed(held_out, photographs[:, :, border:], 1, generator),
    )


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


def _composed(
    part: _Part, photographs: Array, patches: int, generator: np.random.Generator
) -> _Part:
    digits = np.repeat(part.images, patches, axis=0)
    side = digits.shape[-1]
    _, height, width, _ = photographs.shape
    count = len(digits)
    which = generator.integers(len(photographs), size=count)
    tops = generator.integers(height - side + 1, size=count)
    lefts = generator.integers(width - side + 1, size=count)
    backgrounds = np.stack(
        [
            photographs[photo, top : top + side, left : left + side]
            for photo, top, left in zip(which, tops, lefts, strict=True)
        ]
    ).transpose(0, 3, 1, 2)
    return _Part(np.abs(backgrounds - digits), np.repeat(part.classes, patches))


_LOADERS: dict[str, Callable[[int], tuple[_Part, _Part]]] = {
    "digits": _digits,
    "coloured-digits": _coloured_digits,
}

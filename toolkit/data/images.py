"""Pixels as a model takes them: padded, scaled or normalised, in the shape of its port."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from toolkit.data.samples import Array, TensorSamples, Wanted
from toolkit.errors import DataError
from toolkit.images import normalised
from toolkit.spec import Size

if TYPE_CHECKING:
    from torch import Tensor

SIDE = 28
PADDED_SIDE = 32


@dataclass(frozen=True)
class Images:
    """Images (N, C, H, W) with pixels in [0, 1] and their classes (N,)."""

    pixels: Array
    classes: Array


def fixed(name: str, shape: tuple[Size, ...]) -> tuple[int, ...]:
    """The shape in numbers; raises `DataError` where a size is dynamic."""
    if not all(isinstance(size, int) for size in shape):
        raise DataError(
            f"{name} cannot be given in the shape {shape}",
            hint="images need a fixed size: the model's dimensions are dynamic",
        )
    return tuple(int(size) for size in shape)


def side_of(name: str, shape: tuple[Size, ...]) -> int:
    """28 or 32 pixels a side; a flat shape is a square of one channel."""
    sizes = fixed(name, shape)
    side = math.isqrt(math.prod(sizes)) if len(sizes) == 1 else sizes[-1] if sizes else 0
    square = side * side == sizes[0] if len(sizes) == 1 else bool(sizes) and sizes[-2] == side
    if side not in (SIDE, PADDED_SIDE) or not square:
        raise DataError(
            f"{name} cannot be given in the shape {shape}",
            hint=f"images are {SIDE}x{SIDE} or padded to {PADDED_SIDE}x{PADDED_SIDE}",
        )
    return side


def require_fit(name: str, shape: tuple[Size, ...], own: tuple[int, ...]) -> tuple[int, ...]:
    """The wanted shape in numbers; raises `DataError` where samples of shape `own` do not fit."""
    sizes = fixed(name, shape)
    if math.prod(sizes) != math.prod(own):
        raise DataError(
            f"{name} cannot be given in the shape {shape}",
            hint=f"its samples have the shape {own}",
        )
    return sizes


def padded(pixels: Array, side: int) -> Array:
    """(N, C, h, w) with zeros around, up to `side` pixels a side."""
    border = (side - pixels.shape[-1]) // 2
    return np.pad(pixels, ((0, 0), (0, 0), (border, border), (border, border)))


def as_samples(name: str, images: Images, wanted: Wanted) -> TensorSamples:
    """Images in memory in the wanted shape and range; raises `DataError` where they do not fit."""
    import torch

    shape = require_fit(name, wanted.shape, images.pixels.shape[1:])
    scaled = presented(name, torch.from_numpy(images.pixels), wanted).to(torch.float32)
    return TensorSamples(
        (scaled.reshape(len(scaled), *shape),), torch.tensor(images.classes, dtype=torch.int64)
    )


def presented(name: str, pixels: Tensor, wanted: Wanted) -> Tensor:
    """Pixels (…, C, H, W) of [0, 1] in the wanted range, or normalised; not in place."""
    if not wanted.mean:
        low, high = wanted.pixel_range
        return low + (high - low) * pixels
    channels = pixels.shape[-3]
    if not len(wanted.mean) == len(wanted.std) or len(wanted.mean) not in (1, channels):
        raise DataError(
            f"{name} cannot be normalised by {len(wanted.mean)} means and {len(wanted.std)} "
            "standard deviations",
            hint=f"its images have {channels} channels: one of each a channel, or one for all",
        )
    return normalised(pixels, wanted.mean, wanted.std)

"""Pooling, and its partial inverse, which puts each largest value back where it was."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from toolkit.spec import Dimension, ModelSpec, Port, Twin

from . import documents

WINDOW = 2


class MaxUnpool2d(nn.Module):
    """nn.MaxPool2d(2, 2) and nn.MaxUnpool2d(2, 2): (B, 1, H, W) → the same shape.

    All but the largest value of each 2x2 window become zero. H and W are even: an odd last row
    or column is in no window, and what comes back has not got it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(WINDOW, stride=WINDOW, return_indices=True)
        self.unpool = nn.MaxUnpool2d(WINDOW, stride=WINDOW)

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - the port's name
        """The input with zeros for all but the largest value of each window."""
        pooled, places = self.pool(input)
        unpooled: torch.Tensor = self.unpool(pooled, places)
        return unpooled


class ScatteredMaxUnpool2d(nn.Module):
    """What `MaxUnpool2d` computes, the largest values scattered into flat planes of zeros."""

    def __init__(self, documented: MaxUnpool2d) -> None:
        super().__init__()
        self.pool = documented.pool

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - the port's name
        """The input with zeros for all but the largest value of each window."""
        pooled, places = self.pool(input)
        flat = torch.zeros_like(input).flatten(2)
        return flat.scatter(2, places.flatten(2), pooled.flatten(2)).reshape(input.shape)


def scattered(module: nn.Module) -> nn.Module:
    """The twin of a `MaxUnpool2d`; raises `TypeError` for anything else."""
    if not isinstance(module, MaxUnpool2d):
        raise TypeError(f"{type(module).__name__} has no scattered twin")
    return ScatteredMaxUnpool2d(module)


_entry = partial(ModelSpec, family="layer", document=documents.C, parameters=0)
_IMAGES = (Port("input", ("batch", 16, "height", "width")),)
_POOLED = (Port("output", ("batch", 16, "(height-3)//2+1", "width-1")),)
_SIDES = (Dimension("height", low=3, traced_at=50), Dimension("width", low=2, traced_at=32))

SPECS: tuple[ModelSpec, ...] = (
    _entry(
        name="max_pool2d",
        build=partial(nn.MaxPool2d, (3, 2), stride=(2, 1)),
        summary="nn.MaxPool2d((3, 2), stride=(2, 1))",
        inputs=_IMAGES,
        outputs=_POOLED,
        dimensions=_SIDES,
    ),
    _entry(
        name="avg_pool2d",
        build=partial(nn.AvgPool2d, (3, 2), stride=(2, 1)),
        summary="nn.AvgPool2d((3, 2), stride=(2, 1))",
        inputs=_IMAGES,
        outputs=_POOLED,
        dimensions=_SIDES,
    ),
    _entry(
        name="max_unpool2d",
        build=MaxUnpool2d,
        summary="nn.MaxPool2d(2, 2) undone by nn.MaxUnpool2d(2, 2): zeros but for the largest",
        inputs=(Port("input", ("batch", 1, "height", "width")),),
        outputs=(Port("output", ("batch", 1, "height", "width")),),
        dimensions=(
            Dimension("height", low=WINDOW, step=WINDOW),
            Dimension("width", low=WINDOW, step=WINDOW),
        ),
        twins=(
            Twin(
                formats=("trace", "script", "onnx-legacy"),
                build=scattered,
                reason="TorchScript and torch.onnx's older exporter take no max_unpool2d",
            ),
        ),
    ),
)

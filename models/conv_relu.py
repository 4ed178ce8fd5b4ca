"""Two convolutions as a `Sequential`, positional and named; any image of 9x9 pixels or more."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

from torch import nn

from toolkit.spec import Dimension, ModelSpec, Port

from . import documents

LEAST_SIDE = 9
"""Each 5x5 convolution takes four pixels off a side, and one must be left."""


def conv_relu_sequential() -> nn.Sequential:
    """(B, 1, H, W) → (B, 64, H-8, W-8); the layers are called 0, 1, 2 and 3."""
    return nn.Sequential(nn.Conv2d(1, 20, 5), nn.ReLU(), nn.Conv2d(20, 64, 5), nn.ReLU())


def conv_relu_sequential_named() -> nn.Sequential:
    """The same network with a name a layer."""
    return nn.Sequential(
        OrderedDict(
            [
                ("conv1", nn.Conv2d(1, 20, 5)),
                ("relu1", nn.ReLU()),
                ("conv2", nn.Conv2d(20, 64, 5)),
                ("relu2", nn.ReLU()),
            ]
        )
    )


_entry = partial(
    ModelSpec,
    family="cnn",
    document=documents.A,
    inputs=(Port("input", ("batch", 1, "height", "width")),),
    outputs=(Port("features", ("batch", 64, "height-8", "width-8")),),
    dimensions=(Dimension("height", low=LEAST_SIDE), Dimension("width", low=LEAST_SIDE)),
    parameters=32_584,
)

SPECS: tuple[ModelSpec, ...] = (
    _entry(
        name="conv_relu_sequential",
        build=conv_relu_sequential,
        summary="Conv 20 and 64 of 5x5 with ReLU as a Sequential; any height and width from 9",
    ),
    _entry(
        name="conv_relu_sequential_named",
        build=conv_relu_sequential_named,
        summary="conv_relu_sequential with a name a layer",
    ),
)

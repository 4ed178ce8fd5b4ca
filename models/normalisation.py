"""Normalising layers, and blocks of a linear layer with one behind it.

A freshly made one normalises by a mean of 0, a variance of 1 and the identity, so an export that
left these out would look right. Here statistics and affine weights are drawn.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

from torch import nn

from toolkit.spec import ModelSpec, Port

from . import documents

CHANNELS = 100
LEAST_VARIANCE = 0.5
MOST_VARIANCE = 2.0


def batch_norm1d(features: int = CHANNELS, *, affine: bool = True) -> nn.BatchNorm1d:
    """nn.BatchNorm1d with drawn statistics and weights; (B, features) → the same."""
    layer = nn.BatchNorm1d(features, affine=affine)
    draw_statistics(layer)
    return layer


def batch_norm2d(*, affine: bool = True) -> nn.BatchNorm2d:
    """nn.BatchNorm2d(100) with drawn statistics and weights; (B, 100, H, W) → the same."""
    layer = nn.BatchNorm2d(CHANNELS, affine=affine)
    draw_statistics(layer)
    return layer


def layer_norm(features: int) -> nn.LayerNorm:
    """nn.LayerNorm over the last axis with drawn weights; (B, features) → the same."""
    layer = nn.LayerNorm(features)
    draw_affine(layer)
    return layer


def draw_statistics(layer: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
    """Running statistics and, where there are any, affine weights as after some training."""
    assert layer.running_mean is not None
    assert layer.running_var is not None
    nn.init.normal_(layer.running_mean)
    nn.init.uniform_(layer.running_var, LEAST_VARIANCE, MOST_VARIANCE)
    draw_affine(layer)


def draw_affine(layer: nn.BatchNorm1d | nn.BatchNorm2d | nn.LayerNorm) -> None:
    """Scale around 1 and shift around 0; nothing where the layer has none."""
    for weights, mean in ((layer.weight, 1.0), (layer.bias, 0.0)):
        if weights is not None:
            nn.init.normal_(weights, mean, 0.5)


def linear_and(name: str, layer: nn.Module) -> nn.Sequential:
    """Linear(64, 128) followed by a layer of that name; (B, 64) → (B, 128)."""
    return nn.Sequential(OrderedDict([("linear", nn.Linear(64, 128)), (name, layer)]))


def linear_batch_norm() -> nn.Sequential:
    """Linear(64, 128), BatchNorm1d(128)."""
    return linear_and("batch_norm", batch_norm1d(128))


def linear_layer_norm() -> nn.Sequential:
    """Linear(64, 128), LayerNorm(128)."""
    return linear_and("layer_norm", layer_norm(128))


def linear_dropout() -> nn.Sequential:
    """Linear(64, 128), Dropout(0.5)."""
    return linear_and("dropout", nn.Dropout(0.5))


_entry = partial(ModelSpec, family="layer", document=documents.C)


_rows = partial(
    _entry,
    inputs=(Port("input", ("batch", CHANNELS)),),
    outputs=(Port("output", ("batch", CHANNELS)),),
)
_images = partial(
    _entry,
    inputs=(Port("input", ("batch", CHANNELS, "height", "width")),),
    outputs=(Port("output", ("batch", CHANNELS, "height", "width")),),
)
_block = partial(
    _entry,
    inputs=(Port("input", ("batch", 64)),),
    outputs=(Port("output", ("batch", 128)),),
)

SPECS: tuple[ModelSpec, ...] = (
    _rows(
        name="batch_norm1d",
        build=batch_norm1d,
        summary="nn.BatchNorm1d(100)",
        parameters=200,
    ),
    _rows(
        name="batch_norm1d_not_affine",
        build=partial(batch_norm1d, affine=False),
        summary="nn.BatchNorm1d(100, affine=False)",
        parameters=0,
    ),
    _images(
        name="batch_norm2d",
        build=batch_norm2d,
        summary="nn.BatchNorm2d(100)",
        parameters=200,
    ),
    _images(
        name="batch_norm2d_not_affine",
        build=partial(batch_norm2d, affine=False),
        summary="nn.BatchNorm2d(100, affine=False)",
        parameters=0,
    ),
    _entry(
        name="layer_norm",
        build=partial(layer_norm, 128),
        summary="nn.LayerNorm(128)",
        parameters=256,
        inputs=(Port("input", ("batch", 128)),),
        outputs=(Port("output", ("batch", 128)),),
    ),
    _entry(
        name="layer_norm_20",
        build=partial(layer_norm, 20),
        summary="nn.LayerNorm(20)",
        parameters=40,
        inputs=(Port("input", ("batch", 20)),),
        outputs=(Port("output", ("batch", 20)),),
    ),
    _block(
        name="linear_batch_norm",
        build=linear_batch_norm,
        summary="Linear(64, 128) and BatchNorm1d(128)",
        parameters=8_576,
    ),
    _block(
        name="linear_layer_norm",
        build=linear_layer_norm,
        summary="Linear(64, 128) and LayerNorm(128)",
        parameters=8_576,
    ),
    _block(
        name="linear_dropout",
        build=linear_dropout,
        summary="Linear(64, 128) and Dropout(0.5), the identity at inference",
        parameters=8_320,
    ),
)

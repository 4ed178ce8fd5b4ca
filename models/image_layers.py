"""Layers without weights that give an image other sides: padding, shuffling, upsampling."""

from __future__ import annotations

from functools import partial

from torch import nn

from toolkit.spec import ModelSpec, Port

from . import documents

_PLANE = (Port("input", ("batch", 1, "height", "width")),)
_DOUBLED = (Port("output", ("batch", 1, "2*height", "2*width")),)
_PADDED = (Port("output", ("batch", 1, "height+6", "width+6")),)

_entry = partial(ModelSpec, family="layer", document=documents.C, parameters=0, inputs=_PLANE)

SPECS: tuple[ModelSpec, ...] = (
    _entry(
        name="replication_pad2d",
        build=partial(nn.ReplicationPad2d, 3),
        summary="nn.ReplicationPad2d(3): the border goes on for three pixels",
        outputs=_PADDED,
    ),
    _entry(
        name="zero_pad2d",
        build=partial(nn.ZeroPad2d, 3),
        summary="nn.ZeroPad2d(3): three rows and columns of zeros around the image",
        outputs=_PADDED,
    ),
    _entry(
        name="pixel_shuffle",
        build=partial(nn.PixelShuffle, 3),
        summary="nn.PixelShuffle(3): nine channels become an image three times as high and wide",
        inputs=(Port("input", ("batch", 9, "height", "width")),),
        outputs=(Port("output", ("batch", 1, "3*height", "3*width")),),
    ),
    _entry(
        name="upsample_bilinear",
        build=partial(nn.Upsample, scale_factor=2, mode="bilinear"),
        summary="nn.Upsample(scale_factor=2, mode='bilinear'), align_corners off",
        outputs=_DOUBLED,
    ),
    _entry(
        name="upsampling_bilinear2d",
        build=partial(nn.UpsamplingBilinear2d, scale_factor=2),
        summary="nn.UpsamplingBilinear2d(scale_factor=2): align_corners on",
        outputs=_DOUBLED,
    ),
)

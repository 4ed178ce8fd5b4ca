"""Convolutions in one, two and three dimensions, and one transposed; any size that they take.

Kernel, stride, padding and dilation are torch's own examples; the sizes of the output follow from
them: floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from toolkit.spec import Dimension, ModelSpec, Port

from . import documents

_entry = partial(ModelSpec, family="layer", document=documents.C)

SPECS: tuple[ModelSpec, ...] = (
    _entry(
        name="conv1d",
        build=partial(nn.Conv1d, 16, 33, 3, stride=2),
        summary="nn.Conv1d(16, 33, 3, stride=2)",
        inputs=(Port("input", ("batch", 16, "length")),),
        outputs=(Port("output", ("batch", 33, "(length-3)//2+1")),),
        dimensions=(Dimension("length", low=3, traced_at=50),),
        parameters=1_617,
    ),
    _entry(
        name="conv2d",
        build=partial(nn.Conv2d, 16, 33, (3, 5), stride=(2, 1), padding=(4, 2), dilation=(3, 1)),
        summary="nn.Conv2d(16, 33, (3, 5), stride=(2, 1), padding=(4, 2), dilation=(3, 1))",
        inputs=(Port("input", ("batch", 16, "height", "width")),),
        outputs=(Port("output", ("batch", 33, "(height+1)//2+1", "width")),),
        dimensions=(Dimension("height", traced_at=50), Dimension("width", traced_at=100)),
        parameters=7_953,
    ),
    _entry(
        name="conv3d",
        build=partial(nn.Conv3d, 16, 33, (3, 5, 2), stride=(2, 1, 1), padding=(4, 2, 0)),
        summary="nn.Conv3d(16, 33, (3, 5, 2), stride=(2, 1, 1), padding=(4, 2, 0))",
        inputs=(Port("input", ("batch", 16, "depth", "height", "width")),),
        outputs=(Port("output", ("batch", 33, "(depth+5)//2+1", "height", "width-1")),),
        dimensions=(Dimension("width", low=2),),
        parameters=15_873,
    ),
    _entry(
        name="conv_transpose2d",
        build=partial(nn.ConvTranspose2d, 8, 4, 4, stride=2, padding=1),
        summary="nn.ConvTranspose2d(8, 4, 4, stride=2, padding=1): twice the height and width",
        inputs=(Port("input", ("batch", 8, "height", "width")),),
        outputs=(Port("output", ("batch", 4, "2*height", "2*width")),),
        parameters=516,
    ),
)

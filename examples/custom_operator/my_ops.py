"""An operator of our own, `my_ops::smooth_clip`, and what it is in ONNX."""

from __future__ import annotations

from typing import Any

import torch
from onnxscript import opset18 as onnx_operators
from torch import Tensor


@torch.library.custom_op("my_ops::smooth_clip", mutates_args=())
def smooth_clip(x: Tensor, limit: float) -> Tensor:
    """`limit · tanh(x / limit)`: the identity near 0, never beyond ±`limit`; any floating dtype."""
    return limit * torch.tanh(x / limit)


@smooth_clip.register_fake
def _like_the_input(x: Tensor, limit: float) -> Tensor:
    """Shape and dtype of the result, for torch.export."""
    del limit
    return torch.empty_like(x)


def smooth_clip_in_onnx(x: Any, limit: float) -> Any:
    """The same from ONNX's own operators, which every runtime has."""
    bound = onnx_operators.CastLike(onnx_operators.Constant(value_float=limit), x)
    return onnx_operators.Mul(bound, onnx_operators.Tanh(onnx_operators.Div(x, bound)))


# What the toolkit hands to torch.onnx for every operator that stands in the graph.
ONNX_TRANSLATIONS = {torch.ops.my_ops.smooth_clip.default: smooth_clip_in_onnx}

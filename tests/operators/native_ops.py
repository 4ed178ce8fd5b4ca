"""`my_ops::smooth_clip` as an operator of its own domain, which a library gives onnxruntime."""

from __future__ import annotations

from typing import Any

import torch
from onnx.defs import OpSchema
from onnxscript.values import Op, Opset
from torch import Tensor


@torch.library.custom_op("my_ops::smooth_clip", mutates_args=())
def smooth_clip(x: Tensor, limit: float) -> Tensor:
    return limit * torch.tanh(x / limit)


@smooth_clip.register_fake
def _like_the_input(x: Tensor, limit: float) -> Tensor:
    return torch.empty_like(x)


SCHEMA = OpSchema(
    "SmoothClip",
    "my.ops",
    1,
    inputs=[OpSchema.FormalParameter("x", "T")],
    outputs=[OpSchema.FormalParameter("y", "T")],
    type_constraints=[("T", ["tensor(float)"], "")],
    attributes=[OpSchema.Attribute("limit", OpSchema.AttrType.FLOAT, "")],
)
SMOOTH_CLIP = Op(Opset("my.ops", 1), "SmoothClip", SCHEMA)


def smooth_clip_in_onnx(x: Any, limit: float) -> Any:
    return SMOOTH_CLIP(x, limit=limit)


ONNX_TRANSLATIONS = {torch.ops.my_ops.smooth_clip.default: smooth_clip_in_onnx}

"""A small network in which every kind of defect has a place, and ONNX graphs written by hand."""

from __future__ import annotations

import onnx
import torch
from onnx import parser
from torch import Tensor, nn


class Everything(nn.Module):
    """A padded convolution, a flattening, normalisation, activations, and outputs of like shape."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(1, 4, 3, padding=1)
        self.hidden = nn.Linear(4 * 6 * 6, 8)
        self.norm = nn.LayerNorm(8, eps=1e-3)
        self.mean = nn.Linear(8, 8)
        self.spread = nn.Linear(8, 8)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 1, 6, 6) to two of (B, 8)."""
        seen = torch.flatten(torch.relu(self.features(image)), 1)
        hidden = torch.tanh(self.norm(self.hidden(seen)))
        return self.mean(hidden), self.spread(hidden)


SQUARE = """
<ir_version: 9, opset_import: ["" : 20]>
square (float[batch, 3] x) => (float[batch, 3] y)
<
    float[3, 3] weight = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0},
    float[3] bias = {1.0, 0.5, 0.0}
>
{
    hidden = MatMul(x, weight)
    summed = Add(hidden, bias)
    y = Relu(summed)
}
"""

WITH_CONSTANT = """
<ir_version: 9, opset_import: ["" : 20]>
constant (float[batch, 2] x) => (float[batch, 2] y)
{
    weight = Constant <value = float[2, 2] {1.0, 2.0, 3.0, 4.0}> ()
    y = MatMul(x, weight)
}
"""

TWO_OUTPUTS = """
<ir_version: 9, opset_import: ["" : 20]>
two (float[batch, 3] x) => (float[batch, 3] a, float[batch, 3] b)
{
    a = Neg(x)
    b = Exp(a)
}
"""

WITH_BRANCH = """
<ir_version: 9, opset_import: ["" : 20]>
branch (float[batch, 3] x, bool flag) => (float[batch, 3] y)
{
    hidden = Tanh(x)
    y = If (flag) <
        then_branch = g1 () => (float[batch, 3] left) { left = Relu(hidden) },
        else_branch = g2 () => (float[batch, 3] right) { right = Neg(hidden) }
    >
}
"""

PLAIN = """
<ir_version: 9, opset_import: ["" : 20]>
plain (float[n] x) => (float[n] y) { y = Neg(x) }
"""

INTEGERS = """
<ir_version: 9, opset_import: ["" : 20]>
integers (int64[n] x) => (int64[n] y) { y = Neg(x) }
"""


def parsed(text: str) -> onnx.ModelProto:
    model = parser.parse_model(text)
    onnx.checker.check_model(model)
    return model

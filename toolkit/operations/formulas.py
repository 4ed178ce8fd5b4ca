"""Floating-point operations of ONNX's operators: two for a multiply-add.

Counted are products: convolutions, matrix products, recurrent layers and attention. What has no
product to sum (activations, pooling, normalisation, resizing) counts as none, as in torch's own
counter and in the figures that networks are published with; its cost is that of moving data.
Biases are not counted, and a padded border counts like any other part of an image.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod

from onnx import NodeProto

from toolkit.operations.graph import Shape, attribute

MULTIPLY_ADD = 2


class Operands:
    """The shapes of what a node takes and gives; a shape that is not known raises `KeyError`."""

    def __init__(self, node: NodeProto, shapes: Mapping[str, Shape]) -> None:
        self.node = node
        self._shapes = shapes

    def given(self, position: int) -> bool:
        """Whether an optional input is there."""
        return len(self.node.input) > position and bool(self.node.input[position])

    def input(self, position: int) -> Shape:
        """The shape of an input."""
        return self._shapes[self.node.input[position]]

    def output(self, position: int = 0) -> Shape:
        """The shape of an output."""
        return self._shapes[self.node.output[position]]


Formula = Callable[[Operands], int]


def _convolution(weight: int) -> Formula:
    """Each output element sums over the channels of its group and the window."""
    return lambda of: MULTIPLY_ADD * prod(of.output()) * prod(of.input(weight)[1:])


def _transposed_convolution(of: Operands) -> int:
    """Each input element is multiplied into a window of every channel of its group."""
    return MULTIPLY_ADD * prod(of.input(0)) * prod(of.input(1)[1:])


def _matrix_product(of: Operands) -> int:
    return MULTIPLY_ADD * prod(of.output()) * of.input(0)[-1]


def _general_product(of: Operands) -> int:
    summed = of.input(0)[0 if attribute(of.node, "transA", 0) else 1]
    return MULTIPLY_ADD * prod(of.output()) * summed


def _recurrent(of: Operands) -> int:
    """Every step multiplies its input and its state by the weights of all gates and directions.

    All steps count, those behind the end of a shorter sequence too.
    """
    time_major = not attribute(of.node, "layout", 0)
    sequence = of.input(0)
    steps, batch = sequence[:2] if time_major else (sequence[1], sequence[0])
    return MULTIPLY_ADD * steps * batch * (prod(of.input(1)) + prod(of.input(2)))


def _attention(of: Operands) -> int:
    """Queries by keys, then weights by values; heads are an axis or lie in the last one."""
    attended = of.input(1)[-2]
    if of.given(4):  # keys of earlier steps
        attended += of.input(4)[-2]
    return MULTIPLY_ADD * attended * (prod(of.input(0)) + prod(of.output()))


def _einsum(of: Operands) -> int:
    """One multiply-add for every combination of indices, where two operands share a sum."""
    left, _, result = attribute(of.node, "equation", "").replace(" ", "").partition("->")
    terms = left.split(",")
    if "." in left or not result or len(terms) != len(("a", "b")):
        raise KeyError(left)
    extents: dict[str, int] = {}
    for position, term in enumerate(terms):
        extents |= dict(zip(term, of.input(position), strict=True))
    summed = set(terms[0]) & set(terms[1]) - set(result)
    return MULTIPLY_ADD * prod(extents.values()) if summed else 0


FORMULAS: Mapping[str, Formula] = {
    "Attention": _attention,
    "Conv": _convolution(1),
    "ConvInteger": _convolution(1),
    "ConvTranspose": _transposed_convolution,
    "DeformConv": _convolution(1),
    "Einsum": _einsum,
    "GRU": _recurrent,
    "Gemm": _general_product,
    "LSTM": _recurrent,
    "MatMul": _matrix_product,
    "MatMulInteger": _matrix_product,
    "QLinearConv": _convolution(3),
    "QLinearMatMul": _matrix_product,
    "RNN": _recurrent,
}
"""By the operator of ONNX's own domain; `KeyError` from one means that a shape is not known."""


def names(nodes: Sequence[NodeProto]) -> list[str]:
    """The operators of some nodes, each once, those of other domains with theirs."""
    return list(
        dict.fromkeys(
            f"{node.domain}::{node.op_type}" if node.domain else node.op_type for node in nodes
        )
    )

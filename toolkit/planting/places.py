"""What the kinds of defects share: an edit at one place, and which inputs of layers are weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from onnx import NodeProto

from toolkit.planting.draft import Draft
from toolkit.planting.graph import Graph

Edit = Callable[[Draft, np.random.Generator], str | None]
"""Changes the copy at one place and says where; None where it would change nothing."""

RECURRENT = ("LSTM", "GRU", "RNN")
NORMS = (
    *("BatchNormalization", "InstanceNormalization", "GroupNormalization"),
    "LayerNormalization",
)
_WEIGHTS: Mapping[str, tuple[int, ...]] = {
    "Conv": (1,),
    "ConvTranspose": (1,),
    "Gemm": (0, 1),
    "MatMul": (0, 1),
    "Gather": (0,),
    "PRelu": (1,),
    "BatchNormalization": (1, 3, 4),
    **dict.fromkeys(NORMS[1:], (1,)),
    **dict.fromkeys(RECURRENT, (1, 2)),
}
_BIAS: Mapping[str, int] = {
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm", *NORMS), 2),
    **dict.fromkeys(RECURRENT, 3),
}


def weights(graph: Graph) -> dict[str, NodeProto]:
    """The weights of all layers by name, each with a node that uses it."""
    found: dict[str, NodeProto] = {}
    for _, node in graph.of_type(*_WEIGHTS):
        for position in _WEIGHTS[node.op_type]:
            for name in _behind(graph, node, position):
                found.setdefault(name, node)
    return found


def biases(graph: Graph) -> Iterator[tuple[int, int, list[str]]]:
    """The biases of all layers: the node's place, the input's position and what it is made of."""
    for at, node in graph.of_type(*_BIAS):
        names = _behind(graph, node, _BIAS[node.op_type])
        if names:
            yield at, _BIAS[node.op_type], names
    for at, node in graph.of_type("Add"):
        for position in (0, 1):
            names = _behind(graph, node, position)
            if any(graph.weights[name].dims for name in names):  # a lone number is no bias
                yield at, position, names


def _behind(graph: Graph, node: NodeProto, position: int) -> list[str]:
    return graph.behind(node.input[position]) if len(node.input) > position else []

"""A copy of a right file that one defect is put into."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper

from toolkit.planting.graph import Graph

Array = NDArray[Any]
PREFIX = "planted_"


class Draft:
    """The copy, and the changes that defects are made of; nodes keep their places until then."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    @cached_property
    def model(self) -> onnx.ModelProto:
        """The copy; it is made when something is changed, for weights may be large."""
        copy = onnx.ModelProto()
        copy.CopyFrom(self.graph.model)
        return copy

    def node(self, at: int) -> NodeProto:
        """The node at a place of the right graph."""
        node: NodeProto = self.model.graph.node[at]
        return node

    def array(self, name: str) -> Array:
        """A copy of an initialiser's values in the right file."""
        return np.array(numpy_helper.to_array(self.graph.weights[name]))

    def put(self, name: str, values: Array) -> None:
        """Give an initialiser other values of its own shape and type."""
        self._tensor(name).CopyFrom(numpy_helper.from_array(values, name))

    def add(self, role: str, values: Array) -> str:
        """A new initialiser; its name."""
        name = f"{PREFIX}{role}"
        self.model.graph.initializer.append(numpy_helper.from_array(values, name))
        return name

    def give(self, at: int, position: int, values: Array) -> None:
        """Give one node a constant of its own in place of an input."""
        self.node(at).input[position] = self.add(f"input_{position}", values)

    def after(
        self, at: int, value: str, operator: str, others: Iterable[str] = (), **attributes: Any
    ) -> None:
        """Put an operator behind a value; all that use the value use what comes out of it."""
        node = self.node(at)
        before = f"{PREFIX}{value}"
        node.output[list(node.output).index(value)] = before
        self.insert(at + 1, operator, [before, *others], value, **attributes)

    def insert(
        self, at: int, operator: str, inputs: Iterable[str], output: str, **attributes: Any
    ) -> None:
        """A new node at a place."""
        node = helper.make_node(operator, list(inputs), [output], **attributes)
        self.model.graph.node.insert(at, node)

    def before(
        self, at: int, position: int, operator: str, others: Iterable[str] = (), **attributes: Any
    ) -> None:
        """Put an operator before one input of a node, and of no other."""
        node = self.node(at)
        value = node.input[position]
        node.input[position] = f"{PREFIX}{value}"
        self.insert(at, operator, [value, *others], node.input[position], **attributes)

    def replace(self, at: int, operator: str, inputs: Iterable[str], **attributes: Any) -> None:
        """Another operator in the place of a node, with its outputs."""
        node = self.node(at)
        made = helper.make_node(operator, list(inputs), list(node.output), name=node.name)
        made.attribute.extend(helper.make_attribute(*pair) for pair in attributes.items())
        node.CopyFrom(made)

    def swap_outputs(self, first: str, second: str) -> None:
        """What came out under one name comes out under the other; inside nothing changes."""
        for name in (first, second):
            _rename(self.model.graph, name, f"{PREFIX}{name}")
        nodes = [
            helper.make_node("Identity", [f"{PREFIX}{first}"], [second]),
            helper.make_node("Identity", [f"{PREFIX}{second}"], [first]),
        ]
        self.model.graph.node.extend(nodes)

    def _tensor(self, name: str) -> onnx.TensorProto:
        tensors: Iterable[onnx.TensorProto] = self.model.graph.initializer
        return next(tensor for tensor in tensors if tensor.name == name)


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    """Every use of a value in the nodes of a graph and of those inside it."""
    for node in graph.node:
        for names in (node.input, node.output):
            for at, name in enumerate(names):
                if name == old:
                    names[at] = new
        for one in node.attribute:
            for inner in (*([one.g] if one.HasField("g") else []), *one.graphs):
                _rename(inner, old, new)

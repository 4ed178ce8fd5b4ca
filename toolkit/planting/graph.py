"""An ONNX graph as defects see it: its weights, activations and shapes, and a copy to change.

Nodes of the graph itself are looked at; what lies in functions and subgraphs stays as it is.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

Array = NDArray[Any]
Extent = int | str | None
"""A number, a name or an expression of names, or unknown."""

FLOATING = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)
_SHAPE_DATA_BYTES = 1024
"""Initialisers up to this size may say a shape."""
_OPERATORS: Mapping[type, Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
}


@dataclass(frozen=True)
class Graph:
    """A right file, read and never changed.

    `sizes` are the extents of its dynamic dimensions at which it was exported; `shapes` and `types`
    are known for most values and not for all.
    """

    model: onnx.ModelProto
    sizes: Mapping[str, int]
    weights: Mapping[str, TensorProto]
    shapes: Mapping[str, tuple[Extent, ...]]
    types: Mapping[str, int]
    reached: frozenset[str]
    """Values that depend on an input."""

    @classmethod
    def of(cls, model: onnx.ModelProto, sizes: Mapping[str, int]) -> Graph:
        """The graph of a file whose weights are all in memory."""
        plain = _with_constants_as_weights(model)
        declared = _declared(plain)
        return cls(
            plain,
            sizes,
            {tensor.name: tensor for tensor in plain.graph.initializer},
            {name: shape for name, (_, shape) in declared.items() if shape is not None},
            {name: kind for name, (kind, _) in declared.items()},
            frozenset(_reached(plain)),
        )

    @property
    def nodes(self) -> Sequence[NodeProto]:
        """The nodes of the graph, in the order in which they run."""
        nodes: Sequence[NodeProto] = self.model.graph.node
        return nodes

    @property
    def opset(self) -> int:
        """The opset of ONNX's own operators."""
        found = [one.version for one in self.model.opset_import if one.domain in ("", "ai.onnx")]
        return max(found, default=1)

    @property
    def outputs(self) -> list[str]:
        """The names of what comes out."""
        return [value.name for value in self.model.graph.output]

    def of_type(self, *types: str) -> Iterator[tuple[int, NodeProto]]:
        """The nodes of these operators with their places."""
        for at, node in enumerate(self.nodes):
            if node.op_type in types and node.domain in ("", "ai.onnx"):
                yield at, node

    def is_float(self, name: str) -> bool:
        """Whether a value is known to be floating."""
        return self.types.get(name) in FLOATING

    def behind(self, name: str) -> list[str]:
        """The floating initialisers that a value is made of; none where an input comes into it."""
        found: dict[str, None] = {}
        left = [] if name in self.reached or not name else [name]
        while left:
            one = left.pop()
            if one in self.weights:
                found |= {one: None} if self.weights[one].data_type in FLOATING else {}
            else:
                left += [part for part in self._inputs_of.get(one, ()) if part]
        return list(found)

    def integers(self, node: NodeProto, position: int) -> list[int] | None:
        """An input that is a constant list of integers."""
        name = node.input[position] if len(node.input) > position else ""
        held = self.weights.get(name)
        if held is None or held.data_type != TensorProto.INT64:
            return None
        return [int(value) for value in numpy_helper.to_array(held).reshape(-1)]

    def activations(self) -> list[tuple[int, str]]:
        """Floating values that depend on an input, with the place of the node that gives each."""
        return [
            (at, name)
            for at, node in enumerate(self.nodes)
            for name in node.output
            if name and name in self.reached and self.is_float(name)
        ]

    def rank(self, name: str) -> int | None:
        """How many axes a value has, where that is known."""
        return len(self.shapes[name]) if name in self.shapes else None

    def size(self, extent: Extent) -> int | None:
        """An extent at the sizes of the export; None where it is not known."""
        if not isinstance(extent, str):
            return extent
        try:
            return _evaluated(ast.parse(extent, mode="eval").body, self.sizes)
        except (KeyError, SyntaxError, ValueError, ZeroDivisionError):
            return None

    @cached_property
    def _inputs_of(self) -> Mapping[str, Sequence[str]]:
        return {name: node.input for node in self.nodes for name in node.output}


def _evaluated(term: ast.expr, sizes: Mapping[str, int]) -> int:
    """The value of `2*batch + 1`; raises where it is anything else than that."""
    if isinstance(term, ast.Constant) and isinstance(term.value, int):
        return term.value
    if isinstance(term, ast.Name):
        return sizes[term.id]
    if isinstance(term, ast.BinOp):
        compute = _OPERATORS[type(term.op)]
        return compute(_evaluated(term.left, sizes), _evaluated(term.right, sizes))
    raise ValueError


def _with_constants_as_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model as it is; where nodes carry tensors, a copy in which these are initialisers."""
    carried = {
        at: value
        for at, node in enumerate(model.graph.node)
        if node.op_type == "Constant" and (value := attribute(node, "value", None)) is not None
    }
    if not carried:
        return model
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    for at in reversed(carried):
        tensor = plain.graph.initializer.add()
        tensor.CopyFrom(carried[at])
        tensor.name = model.graph.node[at].output[0]
        del plain.graph.node[at]
    return plain


def _declared(model: onnx.ModelProto) -> dict[str, tuple[int, tuple[Extent, ...] | None]]:
    """Types and shapes: as the file says them, and as onnx infers the others."""
    graph = model.graph
    inferred = list(_inferred(model))
    found = {}
    for value in (*inferred, *graph.value_info, *graph.input, *graph.output):
        kind = value.type.tensor_type
        if kind.elem_type:
            found[value.name] = (kind.elem_type, _shape(kind))
    for tensor in graph.initializer:
        found[tensor.name] = (tensor.data_type, tuple(tensor.dims))
    return found


def _shape(kind: Any) -> tuple[Extent, ...] | None:
    if not kind.HasField("shape"):
        return None
    return tuple(
        dim.dim_value if dim.HasField("dim_value") else (dim.dim_param or None)
        for dim in kind.shape.dim
    )


def _inferred(model: onnx.ModelProto) -> Sequence[onnx.ValueInfoProto]:
    """What onnx infers of a copy without its large weights; nothing where it gives up."""
    light = onnx.ModelProto(ir_version=model.ir_version)
    light.opset_import.extend(model.opset_import)
    light.functions.extend(model.functions)
    light.graph.name = model.graph.name
    for part in ("node", "input", "output"):
        getattr(light.graph, part).extend(getattr(model.graph, part))
    for tensor in model.graph.initializer:
        whole = len(tensor.raw_data) <= _SHAPE_DATA_BYTES
        empty = TensorProto(name=tensor.name, dims=tensor.dims, data_type=tensor.data_type)
        light.graph.initializer.append(tensor if whole else empty)
    try:
        values: Sequence[onnx.ValueInfoProto] = onnx.shape_inference.infer_shapes(
            light
        ).graph.value_info
    except Exception:  # an operator of somebody's own, or a file that onnx cannot follow
        return ()
    return values


def _reached(model: onnx.ModelProto) -> set[str]:
    reached = {value.name for value in model.graph.input}
    reached -= {tensor.name for tensor in model.graph.initializer}
    for node in model.graph.node:
        nested = any(one.HasField("g") or one.graphs for one in node.attribute)
        if nested or any(name in reached for name in node.input):
            reached.update(node.output)
    return reached


def attribute(node: NodeProto, name: str, default: Any) -> Any:
    """An attribute's value, strings as text."""
    for one in node.attribute:
        if one.name == name:
            value = helper.get_attribute_value(one)
            return value.decode() if isinstance(value, bytes) else value
    return default


def set_attribute(node: NodeProto, name: str, value: object) -> None:
    """Give a node another value of an attribute."""
    kept = [one for one in node.attribute if one.name != name]
    copies = [onnx.AttributeProto.FromString(one.SerializeToString()) for one in kept]
    del node.attribute[:]
    node.attribute.extend([*copies, helper.make_attribute(name, value)])


def title(node: NodeProto) -> str:
    """What a node is called in a report: its operator and its first output."""
    return f"{node.op_type} {next((name for name in node.output if name), node.name)}"

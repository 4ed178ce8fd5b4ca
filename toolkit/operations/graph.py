"""An ONNX graph at the sizes of one call: every value with its extents, no weight read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import onnx
import onnx_ir
from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper, inliner

from toolkit.formats.quiet import quietly
from toolkit.reasons import reason

Shape = tuple[int, ...]
ONNX_DOMAINS = ("", "ai.onnx")

_SHAPE_DATA_BYTES = 1024
"""Initialisers up to this size may say a shape, and are kept whole."""
_INTEGERS = (TensorProto.INT64, TensorProto.INT32)


class UnreadableGraphError(ValueError):
    """Nothing can be counted in the file; the text is why."""


@dataclass(frozen=True)
class Sized:
    """A graph with its functions inlined, and what is known of its values at these sizes.

    `ports` are what goes in and comes out. `held` are the tensors in the file, those of nested
    graphs too, without the data of large ones. `shapes` holds the values whose every extent is
    known; `types` are ONNX's numbers of dtypes; `constants` say single integers.
    """

    graph: GraphProto
    ports: tuple[str, ...]
    held: Mapping[str, TensorProto]
    shapes: Mapping[str, Shape]
    types: Mapping[str, int]
    constants: Mapping[str, TensorProto]

    @property
    def nodes(self) -> Sequence[NodeProto]:
        """The nodes in the order in which they run."""
        nodes: Sequence[NodeProto] = self.graph.node
        return nodes

    def nested(self, graph: GraphProto) -> Sized:
        """A graph inside a node's attribute: it sees the values around it."""
        types, shapes = _known(graph)
        return replace(
            self, graph=graph, shapes={**self.shapes, **shapes}, types={**self.types, **types}
        )

    def constant(self, name: str) -> int | None:
        """The value of a constant that holds one integer."""
        tensor = self.constants.get(name)
        if tensor is None or tensor.data_type not in _INTEGERS:
            return None
        values = onnx.numpy_helper.to_array(tensor).reshape(-1)
        return int(values[0]) if values.size == 1 else None

    @cached_property
    def consumers(self) -> Mapping[str, Sequence[tuple[NodeProto, int]]]:
        """For each value the nodes that take it, nested ones too, with the place of the input."""
        found: dict[str, list[tuple[NodeProto, int]]] = {}
        for node in _all_nodes(self.graph):
            for position, name in enumerate(node.input):
                found.setdefault(name, []).append((node, position))
        return found


def sized(path: Path, inputs: Mapping[str, Shape]) -> Sized:
    """The graph of a file at these shapes of its inputs.

    Raises `UnreadableGraphError` where onnx cannot follow it.
    """
    try:
        model = onnx.load(str(path), load_external_data=False)
        light = _light(model, inputs)
        inferred = onnx.shape_inference.infer_shapes(light, data_prop=True).graph
    except Exception as error:  # onnx raises what its parsers and its C++ raise
        raise UnreadableGraphError(reason(error)) from error
    weights = {tensor.name for tensor in model.graph.initializer}
    ports = (value for value in (*model.graph.input, *model.graph.output))
    held = _carried(inferred) | {tensor.name: tensor for tensor in model.graph.initializer}
    types, shapes = _known(inferred)
    found = Sized(
        inferred,
        tuple(value.name for value in ports if value.name not in weights),
        held,
        shapes,
        types,
        {name: tensor for name, tensor in held.items() if not tensor.external_data},
    )
    return found if _is_complete(found) else _folded(found, light)


def nested_graphs(node: NodeProto) -> Iterator[GraphProto]:
    """The graphs that a node carries: the bodies of loops, the branches of conditions."""
    for one in node.attribute:
        if one.HasField("g"):
            yield one.g
        yield from one.graphs


def attribute(node: NodeProto, name: str, default: Any) -> Any:
    """An attribute's value, strings as text."""
    for one in node.attribute:
        if one.name == name:
            value = helper.get_attribute_value(one)
            return value.decode() if isinstance(value, bytes) else value
    return default


def _light(model: onnx.ModelProto, inputs: Mapping[str, Shape]) -> onnx.ModelProto:
    """The model at other sizes of its inputs, to which its large weights belong now."""
    light = onnx.ModelProto(ir_version=model.ir_version)
    light.opset_import.extend(model.opset_import)
    light.functions.extend(model.functions)
    graph, held = light.graph, {tensor.name for tensor in model.graph.initializer}
    graph.name = model.graph.name
    graph.node.extend(model.graph.node)
    graph.input.extend(value for value in model.graph.input if value.name not in held)
    graph.output.extend(model.graph.output)
    _set_shapes(graph, inputs)
    for tensor in model.graph.initializer:
        if not tensor.external_data and tensor.ByteSize() <= _SHAPE_DATA_BYTES:
            graph.initializer.append(tensor)
        else:
            graph.input.append(
                helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims))
            )
    return inliner.inline_local_functions(light) if light.functions else light


def _set_shapes(graph: GraphProto, inputs: Mapping[str, Shape]) -> None:
    """Give inputs these extents, and what was declared by the same names theirs."""
    sizes: dict[str, int] = {}
    for value in graph.input:
        extents = value.type.tensor_type.shape.dim
        for extent, size in zip(extents, inputs.get(value.name, ()), strict=False):
            if extent.dim_param:
                sizes[extent.dim_param] = size
            extent.dim_value = size
    _name_sizes(graph.output, sizes)
    for node in _all_nodes(graph):
        for inner in nested_graphs(node):
            _name_sizes((*inner.input, *inner.output), sizes)


def _name_sizes(values: Iterable[ValueInfoProto], sizes: Mapping[str, int]) -> None:
    """Extents by name; a shape that names any other is left to be inferred."""
    for value in values:
        for extent in value.type.tensor_type.shape.dim:
            if extent.dim_param in sizes:
                extent.dim_value = sizes[extent.dim_param]
        if _shape(value) is None:
            value.type.tensor_type.ClearField("shape")


def _is_complete(found: Sized) -> bool:
    """Whether every shape is known, and how often every loop runs."""
    return all(
        (node.op_type != "Loop" or found.constant(node.input[0]) is not None)
        and all(name in found.shapes for name in node.output if name)
        for node in found.nodes
    )


def _folded(found: Sized, light: onnx.ModelProto) -> Sized:
    """What more is known once all that follows from shapes alone has been computed."""
    from onnxscript import optimizer  # 0.6 s, and few graphs need it

    try:
        with quietly():
            model = onnx_ir.from_proto(light)
            optimizer.fold_constants(model, onnx_shape_inference=True)
            folded = onnx.shape_inference.infer_shapes(onnx_ir.to_proto(model), data_prop=True)
    except Exception:  # an operator of somebody's own: what is not known is told as such
        return found
    types, shapes = _known(folded.graph)
    return replace(
        found,
        shapes={**shapes, **found.shapes},
        types={**types, **found.types},
        constants={**_carried(folded.graph), **found.constants},
    )


def _carried(graph: GraphProto) -> dict[str, TensorProto]:
    """The tensors of a graph and of those nested in it, nodes called Constant among them."""
    found = {
        node.output[0]: one.t
        for node in _all_nodes(graph)
        if node.op_type == "Constant"
        for one in node.attribute
        if one.name == "value"
    }
    graphs = (graph, *(one for node in _all_nodes(graph) for one in nested_graphs(node)))
    return found | {tensor.name: tensor for one in graphs for tensor in one.initializer}


def _known(graph: GraphProto) -> tuple[dict[str, int], dict[str, Shape]]:
    """Types, and the shapes whose every extent is known."""
    held = {tensor.name: tensor for tensor in graph.initializer}
    types = {name: tensor.data_type for name, tensor in held.items()}
    shapes = {name: tuple(tensor.dims) for name, tensor in held.items()}
    for value in (*graph.value_info, *graph.input, *graph.output):
        types[value.name] = value.type.tensor_type.elem_type
        shape = _shape(value)
        if shape is not None:
            shapes[value.name] = shape
    return types, shapes


def _shape(value: ValueInfoProto) -> Shape | None:
    kind = value.type.tensor_type
    if not kind.HasField("shape") or not all(one.HasField("dim_value") for one in kind.shape.dim):
        return None
    return tuple(int(one.dim_value) for one in kind.shape.dim)


def _all_nodes(graph: GraphProto) -> Iterator[NodeProto]:
    for node in graph.node:
        yield node
        for inner in nested_graphs(node):
            yield from _all_nodes(inner)

"""Operations and bytes of a graph at the sizes of one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from onnx import NodeProto, TensorProto, helper

from toolkit.operations import formulas
from toolkit.operations.graph import ONNX_DOMAINS, Shape, Sized, attribute, nested_graphs


@dataclass(frozen=True)
class Tally:
    """What was counted; `uncounted` names operators and ports whose part is not in it."""

    flops: int
    bytes: int
    uncounted: tuple[str, ...] = ()


def tally(graph: Sized) -> Tally:
    """Count a graph: its operations, and its weights, inputs and outputs moved once each.

    A table from which rows are gathered counts as those rows. Single numbers and integers of 64
    bits among the weights belong to operators, as scales, shapes and axes: they are not counted.
    """
    flops, left_out = _flops(graph)
    moved, unknown = _moved(graph)
    return Tally(flops, moved, (*formulas.names(left_out), *unknown))


def _flops(graph: Sized) -> tuple[int, list[NodeProto]]:
    total = 0
    left_out: list[NodeProto] = []
    for node in graph.nodes:
        if node.domain not in ONNX_DOMAINS:
            left_out.append(node)
        elif node.op_type in formulas.FORMULAS:
            try:
                total += formulas.FORMULAS[node.op_type](formulas.Operands(node, graph.shapes))
            except (KeyError, IndexError):
                left_out.append(node)
        else:
            flops, inner = _nested_flops(node, graph)
            total += flops
            left_out += inner
    return total, left_out


def _nested_flops(node: NodeProto, graph: Sized) -> tuple[int, list[NodeProto]]:
    """A body as often as it runs, and of branches the one with the most to do."""
    counted = [_flops(graph.nested(inner)) for inner in nested_graphs(node)]
    most = max((flops for flops, _ in counted), default=0)
    left_out = [one for _, inner in counted for one in inner]
    if not most:
        return 0, left_out
    times = _times(node, graph)
    return (0, [*left_out, node]) if times is None else (most * times, left_out)


def _times(node: NodeProto, graph: Sized) -> int | None:
    """How often a nested graph runs; None where that is known only when it does."""
    if node.op_type == "Scan":
        return _steps_of_scan(node, graph)
    if node.op_type == "Loop":
        return graph.constant(node.input[0])
    return 1


def _steps_of_scan(node: NodeProto, graph: Sized) -> int | None:
    count = attribute(node, "num_scan_inputs", 0)
    axes = attribute(node, "scan_input_axes", [0] * count)
    shape = graph.shapes.get(node.input[len(node.input) - count])
    return None if shape is None else shape[axes[0]]


def _moved(graph: Sized) -> tuple[int, list[str]]:
    total = sum(_weight_bytes(name, graph) for name in graph.held if name in graph.consumers)
    unknown = []
    for name in graph.ports:
        shape = graph.shapes.get(name)
        if shape is None:
            unknown.append(f"the bytes of {name}")
        else:
            total += _bytes(shape, graph.types[name])
    return total, unknown


def _weight_bytes(name: str, graph: Sized) -> int:
    tensor = graph.held[name]
    if tensor.data_type == TensorProto.INT64 or not tensor.dims:
        return 0
    whole = _bytes(tuple(tensor.dims), tensor.data_type)
    rows = _gathered(graph.consumers[name], graph)
    return whole if rows is None else min(whole, _bytes(rows, tensor.data_type))


def _gathered(consumers: Sequence[tuple[NodeProto, int]], graph: Sized) -> Shape | None:
    """As many elements as are gathered from a table; None where anything else reads it."""
    sizes = []
    for node, position in consumers:
        shape = graph.shapes.get(node.output[0])
        if node.op_type != "Gather" or position or shape is None:
            return None
        sizes.append(prod(shape))
    return (sum(sizes),)


def _bytes(shape: Shape, kind: int) -> int:
    return prod(shape) * int(helper.tensor_dtype_to_np_dtype(kind).itemsize)

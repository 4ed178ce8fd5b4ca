"""A lost axis: something done along another axis than the right one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from onnx import NodeProto

from toolkit.planting.draft import Draft
from toolkit.planting.graph import Graph, attribute, set_attribute, title
from toolkit.planting.places import Edit

_ALONG: Mapping[str, int | None] = {
    "Softmax": -1,
    "LogSoftmax": -1,
    "Concat": None,
    "Split": 0,
    "Gather": 0,
    "GatherElements": 0,
    "ArgMax": 0,
    "ArgMin": 0,
    "Flatten": 1,
}
"""Operators with one axis as an attribute, and its default."""
_REDUCTIONS = tuple(
    f"Reduce{name}"
    for name in (
        *("Mean", "Sum", "Max", "Min", "Prod", "L1", "L2"),
        *("LogSum", "LogSumExp", "SumSquare"),
    )
)
_LISTED = (*_REDUCTIONS, "Squeeze", "Unsqueeze")
"""Operators with a list of axes as their second input."""
_LEAST_RANK_FOR_ORDER = 3


def lost_axes(graph: Graph) -> list[Edit]:
    """Any operator along an axis, any transposition, and the order of axes before a reshape."""
    along: list[Edit] = [
        partial(_along_another, at)
        for at, node in graph.of_type(*_ALONG)
        if node.output[0] in graph.reached and _rank(graph, node) > 1
    ]
    listed = [
        partial(_listed_another, at)
        for at, node in graph.of_type(*_LISTED)
        if graph.integers(node, 1) and _rank(graph, node) > 1
    ]
    turned = [
        partial(_turned, at)
        for at, node in graph.of_type("Transpose")
        if len(attribute(node, "perm", ())) > 1 and node.output[0] in graph.reached
    ]
    return [*along, *listed, *turned, *_orders(graph)]


def _rank(graph: Graph, node: NodeProto) -> int:
    return graph.rank(node.input[0]) or 0


def _along_another(at: int, draft: Draft, generator: np.random.Generator) -> str | None:
    node, graph = draft.node(at), draft.graph
    rank = _rank(graph, node)
    right = attribute(node, "axis", _ALONG[node.op_type])
    wrong = _another(rank, [right % rank], generator)
    set_attribute(node, "axis", wrong)
    return f"axis of {title(node)}: {right} became {wrong}"


def _another(rank: int, taken: list[int], generator: np.random.Generator) -> int:
    free = [axis for axis in range(rank) if axis not in taken]
    return free[int(generator.integers(len(free)))]


def _listed_another(at: int, draft: Draft, generator: np.random.Generator) -> str | None:
    node, graph = draft.graph.nodes[at], draft.graph
    rank = _rank(graph, node)
    right = graph.integers(node, 1) or []
    if node.op_type == "Unsqueeze":
        rank += len(right)
    taken = [axis % rank for axis in right]
    if len(taken) >= rank:
        return None
    wrong = list(taken)
    wrong[int(generator.integers(len(wrong)))] = _another(rank, taken, generator)
    draft.give(at, 1, np.array(sorted(wrong), np.int64))
    return f"axes of {title(node)}: {right} became {sorted(wrong)}"


def _turned(at: int, draft: Draft, generator: np.random.Generator) -> str | None:
    node = draft.node(at)
    right = list(attribute(node, "perm", ()))
    first, second = (int(place) for place in generator.choice(len(right), 2, replace=False))
    wrong = list(right)
    wrong[first], wrong[second] = wrong[second], wrong[first]
    set_attribute(node, "perm", wrong)
    return f"axes of {title(node)}: {right} became {wrong}"


def _orders(graph: Graph) -> list[Edit]:
    """Reshapes of a value with two axes, beside the first, that hold more than one element."""
    found: list[Edit] = []
    for at, node in graph.of_type("Reshape"):
        shape = graph.shapes.get(node.input[0], ())
        wide = [axis for axis, extent in enumerate(shape) if axis and extent != 1]
        floating = graph.is_float(node.input[0]) and node.output[0] in graph.reached
        if floating and len(shape) >= _LEAST_RANK_FOR_ORDER and len(wide) > 1:
            found.append(partial(_other_order, at, len(shape), wide))
    return found


def _other_order(
    at: int, rank: int, wide: list[int], draft: Draft, generator: np.random.Generator
) -> str | None:
    node = draft.node(at)
    first, second = (int(axis) for axis in generator.choice(wide, 2, replace=False))
    order = list(range(rank))
    order[first], order[second] = order[second], order[first]
    where = f"axes {min(first, second)} and {max(first, second)} swapped before {title(node)}"
    draft.before(at, 0, "Transpose", perm=order)
    return where

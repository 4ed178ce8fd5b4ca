"""Swapped outputs: of a node, of the graph, or two features of one output."""

from __future__ import annotations

from functools import partial
from itertools import combinations

import numpy as np

from toolkit.planting.draft import Draft
from toolkit.planting.graph import Graph, title
from toolkit.planting.places import Edit


def swapped_outputs(graph: Graph) -> list[Edit]:
    """Two outputs of like shape that are used, or two features along an output's last axis."""
    return [*_of_nodes(graph), *_of_graph(graph), *_of_features(graph)]


def _alike(graph: Graph, first: str, second: str) -> bool:
    shapes = graph.shapes.get(first), graph.shapes.get(second)
    same_type = graph.types.get(first) == graph.types.get(second)
    return same_type and shapes[0] is not None and shapes[0] == shapes[1]


def _of_nodes(graph: Graph) -> list[Edit]:
    used = {name for node in graph.nodes for name in node.input} | set(graph.outputs)
    return [
        partial(_swap_of_node, at, first, second)
        for at, node in enumerate(graph.nodes)
        for first, second in combinations([name for name in node.output if name in used], 2)
        if _alike(graph, first, second)
    ]


def _swap_of_node(
    at: int, first: str, second: str, draft: Draft, generator: np.random.Generator
) -> str | None:
    del generator
    node = draft.node(at)
    where = f"{first} and {second} of {title(node)} were swapped"
    names = list(node.output)
    one, other = names.index(first), names.index(second)
    node.output[one], node.output[other] = second, first
    return where


def _of_graph(graph: Graph) -> list[Edit]:
    return [
        partial(_swap_of_graph, first, second)
        for first, second in combinations(graph.outputs, 2)
        if _alike(graph, first, second) and {first, second} <= graph.reached
    ]


def _swap_of_graph(
    first: str, second: str, draft: Draft, generator: np.random.Generator
) -> str | None:
    del generator
    draft.swap_outputs(first, second)
    return f"the outputs {first} and {second} were swapped"


def _of_features(graph: Graph) -> list[Edit]:
    found: list[Edit] = []
    for at, node in enumerate(graph.nodes):
        for name in node.output:
            extent = (graph.shapes.get(name) or (None,))[-1]
            if name in graph.outputs and isinstance(extent, int) and extent > 1:
                found.append(partial(_swap_features, at, name, extent))
    return found


def _swap_features(
    at: int, name: str, extent: int, draft: Draft, generator: np.random.Generator
) -> str | None:
    first, second = (int(place) for place in generator.choice(extent, 2, replace=False))
    order = np.arange(extent)
    order[[first, second]] = order[[second, first]]
    draft.after(at, name, "Gather", [draft.add("order", order)], axis=-1)
    return f"features {first} and {second} of output {name} were swapped"

"""A baked batch: an extent that follows an input's, made constant at the size of the export."""

from __future__ import annotations

from functools import partial

import numpy as np

from toolkit.planting.draft import Draft
from toolkit.planting.graph import Graph, attribute, title
from toolkit.planting.places import Edit


def baked_batches(graph: Graph) -> list[Edit]:
    """Shapes that are read, reshapes that leave an extent open; else any value, given its shape."""
    return [*_read_shapes(graph), *_open_reshapes(graph)] or _shaped_values(graph)


def _traced(graph: Graph, name: str) -> list[int] | None:
    """The shape of a value at the sizes of the export; None where it is not known or is static."""
    shape = graph.shapes.get(name)
    if shape is None or not any(isinstance(extent, str) for extent in shape):
        return None
    sizes = [graph.size(extent) for extent in shape]
    known = [size for size in sizes if size is not None]
    return known if len(known) == len(sizes) else None


def _read_shapes(graph: Graph) -> list[Edit]:
    found: list[Edit] = []
    for at, node in graph.of_type("Shape"):
        shape = graph.shapes.get(node.input[0])
        if shape is None:
            continue
        start, end = attribute(node, "start", 0), attribute(node, "end", len(shape))
        read = shape[start:end]
        sizes = [graph.size(extent) for extent in read]
        known = [size for size in sizes if size is not None]
        if any(isinstance(extent, str) for extent in read) and len(known) == len(read):
            found.append(partial(_fix_shape, at, known))
    return found


def _fix_shape(
    at: int, sizes: list[int], draft: Draft, generator: np.random.Generator
) -> str | None:
    del generator
    node = draft.node(at)
    where = f"the shape of {node.input[0]} that {title(node)} reads became {sizes}"
    name = draft.add("shape", np.array(sizes, np.int64))
    draft.replace(at, "Identity", [name])
    return where


def _open_reshapes(graph: Graph) -> list[Edit]:
    found: list[Edit] = []
    for at, node in graph.of_type("Reshape"):
        traced = _traced(graph, node.output[0])
        asked = graph.integers(node, 1)
        if traced and asked and len(traced) == len(asked) and traced != asked:
            found.append(partial(_fix_reshape, at, asked, traced))
    return found


def _fix_reshape(
    at: int, right: list[int], wrong: list[int], draft: Draft, generator: np.random.Generator
) -> str | None:
    del generator
    draft.give(at, 1, np.array(wrong, np.int64))
    return f"shape of {title(draft.node(at))}: {right} became {wrong}"


def _shaped_values(graph: Graph) -> list[Edit]:
    return [
        partial(_give_shape, at, name, traced)
        for at, name in graph.activations()
        if (traced := _traced(graph, name))
    ]


def _give_shape(
    at: int, name: str, sizes: list[int], draft: Draft, generator: np.random.Generator
) -> str | None:
    del generator
    where = f"{title(draft.node(at))} was given the shape {sizes}"
    shape = draft.add("shape", np.array(sizes, np.int64))
    draft.after(at, name, "Reshape", [shape])
    return where

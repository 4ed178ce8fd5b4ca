"""Defects of weights: a flipped bit, a bias that is gone, a layer rounded, a kernel transposed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from toolkit.planting import places
from toolkit.planting.draft import Draft
from toolkit.planting.graph import Graph, title
from toolkit.planting.places import Edit

Array = NDArray[Any]

_UNSIGNED: Mapping[int, type[np.unsignedinteger[Any]]] = {2: np.uint16, 4: np.uint32, 8: np.uint64}
_MANTISSA_BITS: Mapping[str, int] = {"float16": 10, "bfloat16": 7, "float32": 23, "float64": 52}
_HIGH_MANTISSA_BITS = 5
"""Bits below the exponent that are flipped too: each changes a number by 1.5 to 50 %."""


def weight_bits(graph: Graph) -> list[Edit]:
    """One bit of one number of any weight."""
    return [partial(_flip, name, title(node)) for name, node in places.weights(graph).items()]


def _flip(name: str, layer: str, draft: Draft, generator: np.random.Generator) -> str | None:
    values = draft.array(name)
    if not values.size:
        return None
    at = int(generator.integers(values.size))
    highest = 8 * values.itemsize - 1
    lowest = _MANTISSA_BITS[str(values.dtype)] - _HIGH_MANTISSA_BITS
    bit = int(generator.integers(lowest, highest, endpoint=True))
    flat = values.reshape(-1)
    before = float(flat[at])
    flat.view(_UNSIGNED[values.itemsize])[at] ^= _UNSIGNED[values.itemsize](1 << bit)
    draft.put(name, values)
    index = ", ".join(str(int(part)) for part in np.unravel_index(at, values.shape))
    return f"bit {bit} of {name}[{index}] of {layer}: {before:.3g} became {float(flat[at]):.3g}"


def lost_biases(graph: Graph) -> list[Edit]:
    """The bias of any layer, or what an Add adds."""
    return [partial(_lose, *place) for place in places.biases(graph)]


def _lose(
    at: int, position: int, names: list[str], draft: Draft, generator: np.random.Generator
) -> str | None:
    del generator
    graph = draft.graph
    node = graph.nodes[at]
    held = [draft.array(name) for name in names]
    shape = graph.shapes.get(node.input[position], ())
    known = [extent for extent in shape if isinstance(extent, int)]
    if not any(map(np.any, held)) or len(known) < len(shape):
        return None
    draft.give(at, position, np.zeros(known, held[0].dtype))
    return f"{node.input[position]} of {title(node)} became 0"


def rounded_layers(graph: Graph) -> list[Edit]:
    """All numbers of any weight to bfloat16."""
    return [partial(_round, name, title(node)) for name, node in places.weights(graph).items()]


def _round(name: str, layer: str, draft: Draft, generator: np.random.Generator) -> str | None:
    del generator
    values = draft.array(name)
    rounded = values.astype(ml_dtypes.bfloat16).astype(values.dtype)
    if np.array_equal(values, rounded):
        return None
    draft.put(name, rounded)
    return f"{name} of {layer} was rounded to bfloat16"


def transposed_kernels(graph: Graph) -> list[Edit]:
    """Any weight of two axes or more, its numbers in the order of its transpose."""
    return [
        partial(_transpose, name, title(node))
        for name, node in places.weights(graph).items()
        if len(graph.weights[name].dims) > 1
    ]


def _transpose(name: str, layer: str, draft: Draft, generator: np.random.Generator) -> str | None:
    """Two axes change places; of unequal length, as bytes that are read in the other order."""
    values = draft.array(name)
    wide = [axis for axis, extent in enumerate(values.shape) if extent > 1]
    pairs = [(first, second) for first in wide for second in wide if first < second]
    if not pairs:
        return None
    first, second = pairs[int(generator.integers(len(pairs)))]
    swapped = np.swapaxes(values, first, second).reshape(values.shape)
    if np.array_equal(values, swapped):
        return None
    draft.put(name, np.ascontiguousarray(swapped))
    return f"axes {first} and {second} of {name} of {layer} were swapped"

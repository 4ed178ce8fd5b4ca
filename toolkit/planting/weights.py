"""Defects of weights: a flipped bit, a bias that is gone, a layer rounded, a kernel transposed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
_TRIES = 64
"""Numbers that are looked at for one with a bit that matters."""


def weight_bits(graph: Graph) -> list[Edit]:
    """One bit of one number of any weight: one that changes it by what the layer's numbers are.

    What a smaller change does to a network of millions of numbers is a question of degree, which
    `bench/detection_floor.py` answers.
    """
    return [partial(_flip, name, title(node)) for name, node in places.weights(graph).items()]


def _flip(name: str, layer: str, draft: Draft, generator: np.random.Generator) -> str | None:
    values = draft.array(name)
    if not values.size:
        return None
    flat = values.reshape(-1)
    typical = float(np.sqrt(np.mean(np.square(flat, dtype=np.float64))))
    for at in generator.integers(flat.size, size=_TRIES):
        before = flat[at : at + 1]
        mattering = [
            (bit, after)
            for bit, after in _flips(before)
            if abs(float(after[0]) - float(before[0])) >= typical
        ]
        if mattering:
            bit, after = mattering[int(generator.integers(len(mattering)))]
            index = ", ".join(str(int(part)) for part in np.unravel_index(at, values.shape))
            told = f"{float(before[0]):.3g} became {float(after[0]):.3g}"
            flat[at] = after[0]
            draft.put(name, values)
            return f"bit {bit} of {name}[{index}] of {layer}: {told}"
    return None


def _flips(number: Array) -> Iterator[tuple[int, Array]]:
    """One number, each time with another bit flipped: sign, exponent and the high mantissa."""
    unsigned = _UNSIGNED[number.itemsize]
    lowest = _MANTISSA_BITS[str(number.dtype)] - _HIGH_MANTISSA_BITS
    for bit in range(lowest, 8 * number.itemsize):
        yield bit, (number.view(unsigned) ^ unsigned(1 << bit)).view(number.dtype)


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

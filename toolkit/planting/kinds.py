"""The kinds of defects, and one of them planted at random."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from toolkit.planting import axes, batch, layers, outputs, values, weights
from toolkit.planting.draft import Draft
from toolkit.planting.graph import Graph
from toolkit.planting.places import Edit

KINDS: Mapping[str, Callable[[Graph], Sequence[Edit]]] = {
    "weight bit": weights.weight_bits,
    "lost bias": weights.lost_biases,
    "rounded layer": weights.rounded_layers,
    "transposed kernel": weights.transposed_kernels,
    "changed epsilon": layers.changed_epsilons,
    "wrong activation": layers.wrong_activations,
    "wrong padding": layers.wrong_paddings,
    "clamped range": values.clamped_ranges,
    "dropout on": values.dropouts,
    "lost axis": axes.lost_axes,
    "swapped outputs": outputs.swapped_outputs,
    "baked batch": batch.baked_batches,
}
"""For each kind, what gives every place at which a graph can have it."""


@dataclass(frozen=True)
class Defect:
    """One thing that is wrong with a file, said in words, and the file."""

    kind: str
    where: str
    model: onnx.ModelProto


def plant(graph: Graph, kind: str, generator: np.random.Generator) -> Defect | None:
    """A defect of the kind at a place chosen at random; None where the graph offers none."""
    places = KINDS[kind](graph)
    for chosen in generator.permutation(len(places)):
        draft = Draft(graph)
        where = places[int(chosen)](draft, generator)
        if where is not None:
            return Defect(kind, where, draft.model)
    return None

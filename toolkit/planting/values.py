"""Defects of the values between layers: a range that is cut off, dropout that is left on."""

from __future__ import annotations

from functools import partial

import numpy as np
from onnx import TensorProto, helper

from toolkit.planting.draft import Draft
from toolkit.planting.graph import Graph, title
from toolkit.planting.places import Edit

LIMITS = (0.1, 0.5, 1.0, 3.0, 6.0)
"""Where ranges are cut off: 1 and 6 as by Hardtanh and ReLU6, others as after a calibration."""
RATIOS = (0.1, 0.3, 0.5)


def clamped_ranges(graph: Graph) -> list[Edit]:
    """Any floating value between two layers, or one that comes out."""
    return [partial(_clamp, at, name) for at, name in graph.activations()]


def _clamp(at: int, name: str, draft: Draft, generator: np.random.Generator) -> str | None:
    limit = LIMITS[int(generator.integers(len(LIMITS)))]
    where = f"{title(draft.node(at))} was clamped to -{limit:g} ... {limit:g}"
    kind = helper.tensor_dtype_to_np_dtype(draft.graph.types[name])
    low, high = draft.add("low", np.array(-limit, kind)), draft.add("high", np.array(limit, kind))
    draft.after(at, name, "Clip", [low, high])
    return where


def dropouts(graph: Graph) -> list[Edit]:
    """Dropout behind any floating value.

    Written out: onnxruntime's optimiser takes a Dropout in training mode out of the graph.
    """
    return [
        partial(_drop, at, name)
        for at, name in graph.activations()
        if graph.types[name] in (TensorProto.FLOAT, TensorProto.DOUBLE)
    ]


def _drop(at: int, name: str, draft: Draft, generator: np.random.Generator) -> str | None:
    ratio = RATIOS[int(generator.integers(len(RATIOS)))]
    where = f"dropout of {ratio:g} behind {title(draft.node(at))}"
    kind = draft.graph.types[name]
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    ends = draft.add("ratio", np.array(ratio, dtype)), draft.add("kept", np.array(1 - ratio, dtype))
    steps = [f"{name}_{step}" for step in ("random", "mask", "ones", "scaled")]
    random, mask, ones, scaled = steps
    draft.after(at, name, "Mul", [scaled])
    before = draft.model.graph.node[at + 1].input[0]
    draft.insert(at + 1, "RandomUniformLike", [before], random, dtype=kind)
    draft.insert(at + 2, "Greater", [random, ends[0]], mask)
    draft.insert(at + 3, "Cast", [mask], ones, to=kind)
    draft.insert(at + 4, "Div", [ones, ends[1]], scaled)
    return where

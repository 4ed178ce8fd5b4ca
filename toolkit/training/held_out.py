"""Held-out samples of the data that a model is trained on, as arrays by input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from toolkit import data
from toolkit.errors import DataError, TrainingError
from toolkit.inputs import Array, to_array
from toolkit.spec import ModelSpec, Port, TrainingPlan
from toolkit.training.session import ALTERNATING, batch_axes, load_data


def held_out_batches(
    spec: ModelSpec, plan: TrainingPlan, sizes: Sequence[int], seed: int = 0
) -> list[Mapping[str, Array]]:
    """Batches of these sizes, prepared as in training, no sample in two of them.

    Of embedded sets alone: none is downloaded. None where the data are not what the inputs take: a
    generator is fed with noise, a model behind a preparation with raw images.
    """
    if plan.data not in data.EMBEDDED or plan.objective == ALTERNATING:
        return []
    try:
        found = load_data(spec, plan)
        axes = batch_axes(spec, plan, found)
    except (DataError, TrainingError):
        return []
    order = np.random.default_rng(seed).permutation(len(found.held_out.targets))
    rows = np.split(order[: sum(sizes)], np.cumsum(sizes)[:-1])
    batches = [_arrays(spec, found.held_out.take(torch.from_numpy(each)), axes) for each in rows]
    return [arrays for arrays in batches if _fits(spec, arrays)]


def _arrays(
    spec: ModelSpec, tensors: tuple[torch.Tensor, ...], axes: tuple[int, ...]
) -> dict[str, Array]:
    return {
        port.name: to_array(tensor.movedim(0, axis))
        for port, tensor, axis in zip(spec.inputs, tensors, axes, strict=True)
    }


def _fits(spec: ModelSpec, arrays: Mapping[str, Array]) -> bool:
    """Whether every array has its port's dtype, a size that it allows and values in its range."""
    sizes: dict[str, int] = {}
    for port in spec.inputs:
        shape = arrays[port.name].shape
        if len(shape) != len(port.shape) or str(arrays[port.name].dtype) != port.dtype:
            return False
        named = zip(port.shape, shape, strict=True)
        sizes |= {size: extent for size, extent in named if isinstance(size, str)}
    if not all(spec.dimension(name).allows(size) for name, size in sizes.items()):
        return False
    return all(
        arrays[port.name].shape == port.at(sizes)
        and _within(port.bounded(sizes), arrays[port.name])
        for port in spec.inputs
    )


def _within(port: Port, array: Array) -> bool:
    if port.low is None or port.high is None:
        return True
    return bool(port.low <= array.min() and array.max() <= port.high)

"""A user's own arrays (`--inputs`), fitted to the inputs of the model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from toolkit import registry
from toolkit.errors import InputsError
from toolkit.inputs import Array
from toolkit.spec import ModelSpec, Port
from toolkit.words import ModelWords


def real_inputs(words: ModelWords, spec: ModelSpec) -> tuple[Mapping[str, Array], ...]:
    """The arrays as one case, none where none are given; raises `InputsError`."""
    if words.inputs_file is None:
        return ()
    arrays = registry.read_arrays(Path(words.inputs_file))
    for place, port in enumerate(spec.inputs):
        found = [name for name in (port.name, port.dotted, f"arg{place}") if name in arrays]
        if found:
            arrays[port.name] = arrays[found[0]]
        if port.name not in arrays:
            raise InputsError(
                f"{words.inputs_file} has no array {port.name}",
                hint=f"it has: {', '.join(arrays) or 'none'}",
            )
        arrays[port.name] = _fitted(words.inputs_file, port, arrays[port.name])
    return ({port.name: arrays[port.name] for port in spec.inputs},)


def _fitted(place: str, port: Port, array: Array) -> Array:
    """The array in the port's dtype: cast once, so that every runtime is given the same."""
    fits = len(port.shape) == array.ndim and all(
        isinstance(size, str) or size == extent
        for size, extent in zip(port.shape, array.shape, strict=False)
    )
    if not fits:
        raise InputsError(
            f"{place}: {port.name} has shape {array.shape}, the model takes {port.shape}"
        )
    dtype = "float32" if port.dtype == "bfloat16" else port.dtype
    if not np.can_cast(array.dtype, dtype, "same_kind"):
        raise InputsError(f"{place}: {port.name} is {array.dtype}, the model takes {port.dtype}")
    return array.astype(dtype)

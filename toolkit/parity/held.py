"""Numbers that a form holds, against those of the module: which of a tensor's are not the module's.

A file keeps the names of the module's parameters. What an exporter does to a whole tensor, such as
folding a normalisation into a convolution, is a factor of each channel; a number that departs from
that was changed on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.inputs import Array, to_array

RTOL = 1e-5
"""Of a number and of its channel's usual size: far above what rounding a factor does."""
BLOCK = 2**22
"""Numbers that are compared at a time."""
MOST_SHARE = 0.5
"""Where more of a tensor departs, it is laid out or computed in another way, not changed."""

Held = Callable[[], Iterable[tuple[str, Array]]]
"""The tensors of a form by their names, read when they are asked for."""


@dataclass(frozen=True)
class Departing:
    """What a form's tensors would make of the module's: each whole, by the parameter's name."""

    tensors: Mapping[str, Tensor]
    places: Mapping[str, tuple[int, ...]]
    """Of each the first number that departs."""
    count: int

    def __str__(self) -> str:
        name, place = next(iter(self.places.items()))
        index = ", ".join(map(str, place))
        others = f" and {self.count - 1} more" if self.count > 1 else ""
        return f"{name}[{index}]{others}"


def departing(module: nn.Module, held: Iterable[tuple[str, Array]]) -> Departing:
    """The module's tensors with the numbers of a form in place of those that depart."""
    own = dict(module.named_parameters()) | dict(module.named_buffers())
    tensors: dict[str, Tensor] = {}
    places: dict[str, tuple[int, ...]] = {}
    count = 0
    for name, values in held:
        tensor = own.get(name)
        if tensor is None or not values.ndim or tensor.shape != values.shape:
            continue
        mine = to_array(tensor)
        if not tensor.is_floating_point() or np.array_equal(mine, values, equal_nan=True):
            continue
        whole, odd = _compared(values, mine)
        if not 0 < np.count_nonzero(odd) <= MOST_SHARE * odd.size:
            continue
        count += int(np.count_nonzero(odd))
        places[name] = tuple(int(part) for part in np.unravel_index(odd.argmax(), odd.shape))
        tensors[name] = torch.from_numpy(whole).to(dtype=tensor.dtype, device=tensor.device)
    return Departing(tensors, places, count)


def _compared(values: Array, mine: Array) -> tuple[Array, Array]:
    """The module's tensor with the numbers that depart in it, and where they are.

    Some channels at a time: in float64 a large layer takes many times its own memory.
    """
    whole, odd = mine.copy(), np.zeros(mine.shape, dtype=bool)
    rows = max(1, BLOCK * len(mine) // mine.size) if mine.ndim > 1 else mine.size
    for first in range(0, len(mine), rows):
        some = slice(first, first + rows)
        own = mine[some].astype(np.float64)
        theirs = _unscaled(values[some].astype(np.float64), own)
        odd[some] = ~_near(theirs, own)
        with np.errstate(over="ignore"):  # without its factor a number may be out of range
            whole[some] = np.where(odd[some], theirs, own)
    return whole, odd


def _unscaled(theirs: Array, mine: Array) -> Array:
    """Without the factor of each channel, where more of its numbers agree on it than on 1."""
    if mine.ndim <= 1:
        return theirs
    channels = (mine.shape[0], -1)
    flat, own = theirs.reshape(channels), mine.reshape(channels)
    with np.errstate(all="ignore"):
        factors = np.nanmedian(np.where(own == 0, np.nan, flat / own), axis=1, keepdims=True)
        factors = np.where(np.isfinite(factors) & (factors != 0), factors, 1.0)
        plain, scaled = (
            _near(one, own).sum(axis=1, keepdims=True) for one in (flat, flat / factors)
        )
        return np.asarray((flat / np.where(scaled > plain, factors, 1.0)).reshape(mine.shape))


def _near(theirs: Array, mine: Array) -> Array:
    """Where they differ by rounding alone; a value that is not finite has to be the same."""
    across = tuple(range(1, mine.ndim))
    usual = np.sqrt(np.mean(np.square(mine), axis=across, keepdims=True)) if across else abs(mine)
    with np.errstate(invalid="ignore"):
        near = np.abs(theirs - mine) <= RTOL * (np.abs(mine) + usual)
    return np.asarray(near | (theirs == mine) | (np.isnan(theirs) & np.isnan(mine)))

"""Comparison of arrays against an oracle: slices, noise and scores. Pure numpy.

The question is whether a candidate is as accurate as eager, not whether a difference is small:

    noise = max |eager - oracle| over the cases of a draw class, a slice of the feature axis at a
            time; at least 4 eps max |oracle| of the slice and eps max |oracle| of the tensor
    score = max |candidate - oracle| / noise
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.spec import Port

Array = NDArray[Any]
Vector = NDArray[np.float64]

SLICE_FLOOR_EPS = 4.0
TENSOR_FLOOR_EPS = 1.0
COARSE_EPS = 2.0**-10
COARSE_SHARE = 0.25
"""Of the floors so much where eps is this or more: at 30 times four roundings an eighth of a value
of float16, and nearly all of one of bfloat16, would pass for noise."""
MOST_SLICES = 4096
GROUPS = 256
EPS: Mapping[str, float] = {
    "bfloat16": 2.0**-7,
    "float16": 2.0**-10,
    "float32": 2.0**-23,
    "float64": 2.0**-52,
}
"""The distance from 1 to the next number of each dtype (IEEE 754)."""
FEATURE_AXIS = 1
"""Of (N, C, …); what has one axis alone has its features there."""


@dataclass(frozen=True)
class Slicing:
    """How one output is cut: along `axis` (None: not at all), slices pooled into `groups`."""

    axis: int | None
    groups: NDArray[np.intp] | None = None

    def reduce(self, values: Array) -> Vector:
        """The largest value of each slice or group; `values` are ≥ 0, masked ones 0."""
        if self.axis is None:
            return np.array([values.max(initial=0.0)], dtype=np.float64)
        others = tuple(axis for axis in range(values.ndim) if axis != self.axis)
        slices = values.max(axis=others, initial=0.0).astype(np.float64)
        if self.groups is None:
            return np.asarray(slices)
        pooled = np.zeros(int(self.groups.max()) + 1)
        np.maximum.at(pooled, self.groups, slices)
        return pooled

    def broadcast(self, noise: Vector, rank: int) -> Vector:
        """The noise of each slice in a shape that goes with an output of `rank` axes."""
        if self.axis is None:
            return noise.reshape((1,) * rank)
        per_slice = noise if self.groups is None else noise[self.groups]
        shape = [1] * rank
        shape[self.axis] = per_slice.size
        return per_slice.reshape(shape)


def feature_axis(port: Port) -> int | None:
    """Axis 1, or the only one, where it is static; None: the tensor is one slice."""
    if not port.shape:
        return None
    axis = min(FEATURE_AXIS, len(port.shape) - 1)
    return axis if isinstance(port.shape[axis], int) else None


def slicing(port: Port, oracles: Sequence[Array]) -> Slicing:
    """How an output is cut, from its port and the oracle's outputs over all cases."""
    axis = feature_axis(port)
    plain = Slicing(axis)
    if axis is None or any(oracle.ndim <= axis for oracle in oracles):
        return Slicing(None)
    extents = {oracle.shape[axis] for oracle in oracles}
    if len(extents) != 1 or 0 in extents:
        return Slicing(None)
    if extents.pop() <= MOST_SLICES:
        return plain
    magnitudes = np.max([plain.reduce(finite_magnitude(oracle)) for oracle in oracles], axis=0)
    groups = np.empty(magnitudes.size, dtype=np.intp)
    for group, members in enumerate(np.array_split(np.argsort(magnitudes, kind="stable"), GROUPS)):
        groups[members] = group
    return Slicing(axis, groups)


def finite_magnitude(values: Array) -> Array:
    """|values| with 0 for what is not finite."""
    return np.where(np.isfinite(values), np.abs(values), 0.0)


def difference(left: Array, right: Array, *others: Array) -> Array:
    """|left - right| in float64 where every array is finite, else 0."""
    wide_left, wide_right = np.asarray(left, np.float64), np.asarray(right, np.float64)
    finite = np.isfinite(wide_left) & np.isfinite(wide_right)
    for other in others:
        finite &= np.isfinite(np.asarray(other, np.float64))
    apart = np.zeros(wide_left.shape)
    np.subtract(wide_left, wide_right, out=apart, where=finite)
    return np.abs(apart)


def floor(slices: Slicing, oracles: Sequence[Array], eps: float, scale: float = 0.0) -> Vector:
    """The least noise of each slice: what one rounding of its largest values is worth.

    The tensor's own largest value counts as `scale` at least.
    """
    magnitudes = np.max([slices.reduce(finite_magnitude(oracle)) for oracle in oracles], axis=0)
    whole = magnitudes.max(initial=scale)
    eps = eps * COARSE_SHARE if eps >= COARSE_EPS else eps
    return np.asarray(
        np.maximum(SLICE_FLOOR_EPS * eps * magnitudes, TENSOR_FLOOR_EPS * eps * whole)
    )


def pooled_noise(
    slices: Slicing,
    oracles: Sequence[Array],
    eagers: Sequence[Array],
    eps: float,
    scale: float = 0.0,
) -> Vector:
    """Eager's own error for each slice, pooled over the cases of one draw class."""
    pairs = zip(oracles, eagers, strict=True)
    errors = [slices.reduce(difference(eager, oracle)) for oracle, eager in pairs]
    return np.asarray(np.maximum(np.max(errors, axis=0), floor(slices, oracles, eps, scale)))


def score(slices: Slicing, error: Array, noise: Vector) -> float:
    """The largest error over its noise; an error of 0 scores 0 whatever the noise."""
    errors = slices.reduce(error)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(errors == 0.0, 0.0, errors / noise)
    return float(ratios.max(initial=0.0))


def tolerance_used(candidate: Array, eager: Array, atol: float, rtol: float) -> Array:
    """|candidate - eager| as a share of atol + rtol·|eager|, 0 where either is not finite."""
    apart = difference(candidate, eager)
    allowed = atol + rtol * finite_magnitude(np.asarray(eager, np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(apart == 0.0, 0.0, apart / allowed))


def non_finite_faults(candidate: Array, eager: Array) -> tuple[int, int]:
    """How many values are non-finite where eager is finite, and how many differ where it is not."""
    here, there = np.isfinite(candidate), np.isfinite(eager)
    faults = int(np.count_nonzero(~here & there))
    same = np.equal(candidate, eager) | (np.isnan(candidate) & np.isnan(eager))
    return faults, int(np.count_nonzero(~there & ~same))


def compared_values(candidate: Array, eager: Array, oracle: Array) -> int:
    """How many values all three have finite."""
    finite = np.isfinite(candidate) & np.isfinite(eager) & np.isfinite(oracle)
    return int(np.count_nonzero(finite))

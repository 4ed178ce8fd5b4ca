"""The noise of a reference: how far eager is from its oracle, by output and class of draws."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from toolkit.parity.compare import (
    EPS,
    Slicing,
    Vector,
    difference,
    finite_magnitude,
    floor,
    pooled_noise,
    slicing,
)
from toolkit.parity.limits import MAX_SCORE
from toolkit.parity.plan import DRAW_CLASSES
from toolkit.spec import Port

if TYPE_CHECKING:
    from toolkit.parity.reference import Judged, Reference

DOUBTFUL_EPS = 2.0**13
"""An oracle that departs from eager by so many roundings (float32: a thousandth of the largest
value) is asked whether eager is as unsure of itself."""
MOST_EXPLAINED = 4
"""Cases of which that was so: each costs 16 runs."""
WHOLE = Slicing(None)


def measure_noise(reference: Reference) -> None:
    """Cut each floating output into slices, and pool its noise over the cases of each class."""
    for port in reference.spec.outputs:
        if not port.is_float:
            continue
        having = [judged for judged in reference.cases if port.name in judged.oracle]
        oracles = [judged.oracle[port.name] for judged in having]
        reference.slices[port.name] = slicing(port, oracles)
        for draw_class in DRAW_CLASSES:
            members = [one for one in having if one.case.draw_class == draw_class]
            if members:
                reference.noise[port.name, draw_class] = _noise(reference, port, members)


def _noise(reference: Reference, port: Port, members: Sequence[Judged]) -> Vector:
    """Of cases in which eager stands in for the oracle, what it moves counts for each alone.

    Where it does so in all of the class, that is pooled as the rest would be.
    """
    slices = reference.slices[port.name]
    oracles = [judged.oracle[port.name] for judged in members]
    eagers = [judged.eager[port.name] for judged in members]
    noise = pooled_noise(slices, oracles, eagers, EPS[port.dtype], reference.scale(port.name))
    if all(judged.alone for judged in members):
        moved = [slices.reduce(reference.spread(judged).changes[port.name]) for judged in members]
        noise = np.asarray(np.maximum(noise, np.max(moved, axis=0)))
    return noise


def doubted(reference: Reference) -> Iterator[Judged]:
    """The cases, those whose oracle departs from eager by more than rounding left to eager alone.

    It then took another decision (a tie of a sort, a box that is left over) or computes something
    else in float64 (a constant of the dtype): its distance is no noise, and would hide any fault.
    Where rounding explains the distance of some, the network is what it is: no more are asked.
    """
    explained = 0
    for judged in reference.cases:
        doubtful = [port for port in _floating(reference, judged) if _is_doubtful(port, judged)]
        if not doubtful or explained == MOST_EXPLAINED:
            yield judged
        elif any(_departs(reference, judged, port) for port in doubtful):
            yield replace(judged, oracle=judged.eager, alone="departs in float64 by more than that")
        else:
            explained += 1
            yield judged


def _floating(reference: Reference, judged: Judged) -> list[Port]:
    """The floating outputs that a case has."""
    outputs = reference.spec.outputs
    return [port for port in outputs if port.is_float and port.name in judged.oracle]


def _departs(reference: Reference, judged: Judged, port: Port) -> bool:
    """Whether the oracle is further from eager than how unsure eager is of itself explains."""
    oracle = judged.oracle[port.name]
    moved = WHOLE.reduce(reference.spread(judged).changes[port.name])
    least = floor(WHOLE, [oracle], EPS[port.dtype], reference.scale(port.name))
    return bool(_apart(port, judged) > MAX_SCORE * (least + moved))


def _is_doubtful(port: Port, judged: Judged) -> bool:
    largest = WHOLE.reduce(finite_magnitude(judged.oracle[port.name]))
    return bool(_apart(port, judged) > DOUBTFUL_EPS * EPS[port.dtype] * largest)


def _apart(port: Port, judged: Judged) -> Vector:
    """How far the oracle is from eager, the tensor as one slice."""
    return WHOLE.reduce(difference(judged.eager[port.name], judged.oracle[port.name]))

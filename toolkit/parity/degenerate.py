"""Outputs that do not depend on the inputs: a check on them proves nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from toolkit.inputs import Array
from toolkit.parity.compare import EPS, difference, finite_magnitude
from toolkit.parity.findings import Finding, error, note
from toolkit.parity.limits import MAX_SCORE
from toolkit.spec import Port

if TYPE_CHECKING:
    from toolkit.parity.reference import Reference


def degenerate(reference: Reference) -> list[Finding]:
    """Outputs that do not depend on the inputs at all: a check on them proves nothing."""
    floats = [port for port in reference.spec.outputs if port.is_float]
    if not floats:
        return _whole_numbers(reference)
    constant = [port.name for port in floats if _is_constant(reference, port)]
    if not constant:
        return _blunt(reference, floats)
    text = f"constant over all ordinary cases: {', '.join(constant)}; parity on it proves nothing"
    if len(constant) == len(floats):
        return [error("degenerate", text, case=reference.cases[0].case.number)]
    return [note("degenerate", text)]


def _whole_numbers(reference: Reference) -> list[Finding]:
    """Where all is integers a note: an argmax may well be the same for every draw."""
    outputs = reference.spec.outputs
    if not outputs or not all(_is_constant(reference, port) for port in outputs):
        return []
    names = ", ".join(port.name for port in outputs)
    text = f"integers that are the same in all ordinary cases: {names}; parity proves little"
    return [note("degenerate", text)]


def _blunt(reference: Reference, floats: Sequence[Port]) -> list[Finding]:
    """Outputs that are next to nothing in ordinary cases: a form that gives 0 would pass there."""
    names = [port.name for port in floats if _may_be_zero(reference, port)]
    if not names:
        return []
    text = (
        f"so small beside their noise in all ordinary cases that a form which gives 0 would pass: "
        f"{', '.join(names)}; --inputs FILE with inputs for which they are not would tell more"
    )
    return [note("degenerate", text)]


def _may_be_zero(reference: Reference, port: Port) -> bool:
    noise = reference.noise.get((port.name, "ordinary"))
    if noise is None:
        return False
    slices = reference.slices[port.name]
    oracles = [
        judged.oracle[port.name]
        for judged in reference.cases
        if judged.case.draw_class == "ordinary" and port.name in judged.oracle
    ]
    largest = np.max([slices.reduce(finite_magnitude(oracle)) for oracle in oracles], axis=0)
    return bool(largest.any() and np.all(largest <= MAX_SCORE * noise))


def _is_constant(reference: Reference, port: Port) -> bool:
    """Whether every ordinary case of one shape gives the same values; False if none repeats.

    Sign-flipped draws do not count: an even function gives the same for them.
    """
    by_shape: dict[tuple[int, ...], list[Array]] = {}
    for judged in reference.cases:
        if judged.case.kind == "ordinary" and port.name in judged.oracle:
            output = judged.oracle[port.name]
            by_shape.setdefault(output.shape, []).append(output)
    repeated = [outputs for outputs in by_shape.values() if len(outputs) > 1]
    return bool(repeated) and all(
        _all_equal(outputs, EPS.get(port.dtype, 0.0)) for outputs in repeated
    )


def _all_equal(outputs: list[Array], eps: float) -> bool:
    first = outputs[0]
    largest = max(float(finite_magnitude(output).max(initial=0.0)) for output in outputs)
    changes = [float(difference(first, other).max(initial=0.0)) for other in outputs[1:]]
    return max(changes) <= eps * largest

"""Outputs that do not depend on the inputs: a check on them proves nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.inputs import Array
from toolkit.parity.compare import EPS, difference, finite_magnitude
from toolkit.parity.findings import Finding, error, note
from toolkit.spec import Port

if TYPE_CHECKING:
    from toolkit.parity.reference import Reference


def degenerate(reference: Reference) -> list[Finding]:
    """Outputs that do not depend on the inputs at all: a check on them proves nothing."""
    floats = [port for port in reference.spec.outputs if port.is_float]
    constant = [port.name for port in floats if _is_constant(reference, port)]
    if not constant:
        return []
    text = f"constant over all ordinary cases: {', '.join(constant)}; parity on it proves nothing"
    if len(constant) == len(floats):
        return [error("degenerate", text, case=reference.cases[0].case.number)]
    return [note("degenerate", text)]


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
    return bool(repeated) and all(_all_equal(outputs, EPS[port.dtype]) for outputs in repeated)


def _all_equal(outputs: list[Array], eps: float) -> bool:
    first = outputs[0]
    largest = max(float(finite_magnitude(output).max(initial=0.0)) for output in outputs)
    changes = [float(difference(first, other).max(initial=0.0)) for other in outputs[1:]]
    return max(changes) <= eps * largest

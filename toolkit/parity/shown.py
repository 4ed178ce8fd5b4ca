"""What eager itself shows over a plan, and what must be said of the judgement: findings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from toolkit.inputs import Array, Kind, draw
from toolkit.parity.compare import EPS, Slicing, difference, floor
from toolkit.parity.findings import Finding, error, note
from toolkit.parity.limits import MAX_SCORE
from toolkit.parity.probes import training_operations, two_random_states
from toolkit.spec import ModelSpec

if TYPE_CHECKING:
    from toolkit.parity.reference import Reference

OTHER_SEED = 90210
"""Of inputs that no case of a plan has."""


def perturbed(reference: Reference) -> list[Finding]:
    """That a judgement does not rest on the oracle is told, with the module that is in its way."""
    alone = [judged for judged in reference.cases if judged.alone]
    if not alone:
        return []
    by = "by how far eager moves when its inputs and parameters are off by one rounding"
    if reference.unfit:
        text = f"judged {by} (perturbation): the model {reference.unfit}"
        return [note("perturbation", text, module=reference.unfit_in)]
    first = alone[0]
    text = (
        f"{len(alone)} of {len(reference.cases)} cases are judged {by} (perturbation), first "
        f"{first.case}: the model {first.alone}"
    )
    return [note("perturbation", text, case=first.case.number)]


def not_finite(reference: Reference) -> list[Finding]:
    """Eager's own NaN and infinities are no fault of a form: a note."""
    found = []
    for port in reference.spec.outputs:
        having = [one for one in reference.cases if port.is_float and port.name in one.eager]
        bad = [one for one in having if not np.isfinite(one.eager[port.name]).all()]
        if bad:
            values = bad[0].eager[port.name]
            count = int(np.count_nonzero(~np.isfinite(values)))
            text = (
                f"in eager itself {port.name} has {count} non-finite of {values.size} values in "
                f"{bad[0].case}; {len(bad)} such cases of {len(reference.cases)}"
            )
            found.append(note("non-finite", text, case=bad[0].case.number))
    return found


def probed(reference: Reference) -> list[Finding]:
    """Training-mode operations and randomness, seen on the first ordinary case."""
    judged = reference.cases[0]
    others = _other_inputs(reference.spec, judged.case.sizes)
    found = [
        error(
            "training-mode",
            f"{operation} is active after eval() in {path}",
            case=judged.case.number,
            module=path,
        )
        for path, operation in training_operations(
            reference.module, reference.spec, judged.inputs, others, device=reference.device
        ).items()
    ]
    first, second = two_random_states(
        reference.module, reference.spec, judged.inputs, device=reference.device
    )
    moved = [name for name in first if departs(first[name], second[name])]
    if moved:
        text = f"two eager runs of the same inputs differ in {', '.join(moved)}"
        found.append(error("nondeterministic", text, case=judged.case.number))
    return found


def _other_inputs(spec: ModelSpec, sizes: Mapping[str, int]) -> list[dict[str, Array]]:
    """Inputs that no case of a plan has: at another size of every dimension, and of other kinds."""
    moved = {
        dimension.name: next(size for size in reversed(dimension.tested) if size != sizes[name])
        for dimension in spec.dimensions
        if len(dimension.tested) > 1 and (name := dimension.name)
    }
    kinds: tuple[Kind, ...] = ("ordinary", "scaled", "highest", "lowest")
    return [
        draw(spec, {**sizes, **moved}, OTHER_SEED + place, kind) for place, kind in enumerate(kinds)
    ]


def departs(first: Array, second: Array) -> bool:
    """Whether two runs differ by more than a right export may."""
    if first.shape != second.shape:
        return True
    if not np.issubdtype(first.dtype, np.floating):
        return bool(np.any(first != second))
    eps = EPS.get(str(first.dtype), EPS["float32"])
    whole = Slicing(None)
    limit = MAX_SCORE * floor(whole, [first], eps)
    return bool(np.any(whole.reduce(difference(first, second)) > limit))


def outside_domain(reference: Reference) -> list[Finding]:
    """Cases that eager itself does not take are no fault of a form: a note."""
    if not reference.outside:
        return []
    case, message = reference.outside[0]
    text = (
        f"eager raises in {len(reference.outside)} of {reference.planned} cases, "
        f"first in {case}: {message}"
    )
    return [note("outside-domain", text, case=case.number)]

"""One form on one case: structure, non-finite values, scores and integers against the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from toolkit.inputs import Array
from toolkit.parity.compare import (
    compared_values,
    difference,
    non_finite_faults,
    score,
    tolerance_used,
)
from toolkit.parity.limits import USUAL, Limits, Tolerance
from toolkit.parity.reference import Judged, Reference
from toolkit.spec import Port


@dataclass(frozen=True)
class Overridden:
    """An output judged by a tolerance.

    `used` is the largest share of it, `exceeding` the number of values that are out of it.
    """

    tolerance: Tolerance
    used: float
    exceeding: int


@dataclass
class CaseVerdict:
    """What one form did in one case; `refusal` is what its runtime raised."""

    judged: Judged
    limits: Limits = USUAL
    refusal: str | None = None
    structure: list[str] = field(default_factory=list)
    shapes: dict[str, str] = field(default_factory=dict)
    non_finite: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)
    overridden: dict[str, Overridden] = field(default_factory=dict)
    largest_error: dict[str, float] = field(default_factory=dict)
    unequal: dict[str, int] = field(default_factory=dict)
    compared: dict[str, int] = field(default_factory=dict)
    cleared: bool = False

    @property
    def score(self) -> float | None:
        """The largest score of its outputs, None where no value was compared."""
        return max(self.scores.values(), default=None)

    @property
    def over(self) -> dict[str, float]:
        """The scores over the limit."""
        return {name: one for name, one in self.scores.items() if one > self.limits.max_score}

    @property
    def beyond(self) -> dict[str, Overridden]:
        """The outputs that are out of the tolerance which was said of them."""
        return {name: one for name, one in self.overridden.items() if one.exceeding}

    @property
    def wrong_values(self) -> bool:
        """Whether some value is over the limit, or some integer is not eager's."""
        return bool(self.over or self.unequal or self.beyond) and not self.cleared

    @property
    def failed(self) -> bool:
        """Whether the form departs from eager in this case in any way."""
        departs = self.refusal or self.structure or self.shapes or self.non_finite
        return bool(departs) or self.wrong_values


def compare_case(
    reference: Reference,
    judged: Judged,
    outputs: Mapping[str, Array],
    limits: Limits = USUAL,
    *,
    scored: bool = True,
) -> CaseVerdict:
    """Judge the outputs of one form in one case (rules 1 to 3 and 5).

    Without `scored` values have no score and integers need not be eager's: structure and
    non-finite values alone are judged.
    """
    verdict = CaseVerdict(judged, limits)
    _compare_names(verdict, outputs)
    for port in reference.spec.outputs:
        known = port.name in outputs and port.name in judged.eager
        if known and _same_structure(verdict, port, outputs[port.name]):
            _compare_output(verdict, reference, port, outputs[port.name], scored)
    return verdict


def _compare_names(verdict: CaseVerdict, outputs: Mapping[str, Array]) -> None:
    """Against what eager gave in this very case, which may be more or less than elsewhere."""
    expected = list(verdict.judged.eager)
    missing = [name for name in expected if name not in outputs]
    extra = [name for name in outputs if name not in expected]
    if missing:
        verdict.structure.append(f"outputs missing: {', '.join(missing)}")
    if extra:
        verdict.structure.append(f"outputs that eager does not have: {', '.join(extra)}")


def _same_structure(verdict: CaseVerdict, port: Port, candidate: Array) -> bool:
    eager = verdict.judged.eager[port.name]
    same_dtype, same_shape = candidate.dtype == eager.dtype, candidate.shape == eager.shape
    if not same_dtype:
        verdict.structure.append(f"{port.name} is {candidate.dtype}, eager's is {eager.dtype}")
    elif not same_shape:
        text = f"{port.name} has shape {candidate.shape}, eager's is {eager.shape}"
        verdict.shapes[port.name] = text
    return same_dtype and same_shape


def _compare_output(
    verdict: CaseVerdict, reference: Reference, port: Port, candidate: Array, scored: bool
) -> None:
    eager, oracle = verdict.judged.eager[port.name], verdict.judged.oracle[port.name]
    if port.is_float:
        _compare_finiteness(verdict, port.name, candidate)
    verdict.compared[port.name] = (
        compared_values(candidate, eager, oracle) if port.is_float else eager.size
    )
    tolerance = verdict.limits.tolerance(port.name, is_float=port.is_float)
    if tolerance is not None:
        _override(verdict, port.name, candidate, tolerance)
    elif scored and port.is_float:
        _score(verdict, reference, port.name, candidate)
    elif scored and (unequal := int(np.count_nonzero(candidate != eager))):
        verdict.unequal[port.name] = unequal


def _score(verdict: CaseVerdict, reference: Reference, name: str, candidate: Array) -> None:
    """The score of an output; none where not a single value was compared."""
    if not verdict.compared[name]:
        return
    judged = verdict.judged
    error = difference(candidate, judged.oracle[name], judged.eager[name])
    noise = reference.noise_of(name, judged)
    verdict.scores[name] = score(reference.slices[name], error, noise)
    verdict.largest_error[name] = float(error.max())


def _compare_finiteness(verdict: CaseVerdict, name: str, candidate: Array) -> None:
    faults, differing = non_finite_faults(candidate, verdict.judged.eager[name])
    if faults:
        verdict.non_finite.append(
            f"{name} has {faults} non-finite of {candidate.size} values where eager's are finite"
        )
    if differing:
        verdict.notes.append(f"{name}: {differing} values are non-finite in eager, and differ")


def _override(verdict: CaseVerdict, name: str, candidate: Array, tolerance: Tolerance) -> None:
    eager = verdict.judged.eager[name]
    used = tolerance_used(candidate, eager, tolerance.atol, tolerance.rtol)
    largest = float(used.max(initial=0.0))
    verdict.overridden[name] = Overridden(tolerance, largest, int(np.count_nonzero(used > 1)))
    verdict.largest_error[name] = float(difference(candidate, eager).max(initial=0.0))


def second_look(reference: Reference, verdict: CaseVerdict, outputs: Mapping[str, Array]) -> None:
    """Judge a case over the limit again with eager's own instability allowed for (rules 4, 5).

    A tolerance that was said leaves no second look.
    """
    judged = verdict.judged
    looked = reference.spread(judged)
    moved = looked.changes
    for name in list(verdict.shapes):
        if outputs[name].shape in looked.shapes[name]:
            del verdict.shapes[name]
    for name in verdict.over:
        slices = reference.slices[name]
        error = difference(outputs[name], judged.oracle[name], judged.eager[name])
        noise = reference.noise_of(name, judged) + slices.reduce(moved[name])
        verdict.scores[name] = score(slices, error, np.asarray(noise))
    for name in list(verdict.unequal):
        unstable = moved[name] > 0
        unequal = (outputs[name] != judged.eager[name]) & ~unstable
        verdict.unequal[name] = int(np.count_nonzero(unequal))
        if not verdict.unequal[name]:
            del verdict.unequal[name]
    verdict.cleared = not (verdict.over or verdict.unequal or verdict.beyond or verdict.shapes)

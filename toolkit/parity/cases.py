"""One form on one case: structure, non-finite values, scores and integers against the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from toolkit.inputs import Array
from toolkit.parity.compare import (
    MAX_SCORE,
    compared_values,
    difference,
    non_finite_faults,
    score,
)
from toolkit.parity.reference import Judged, Reference
from toolkit.spec import Port


@dataclass
class CaseVerdict:
    """What one form did in one case; `refusal` is what its runtime raised."""

    judged: Judged
    refusal: str | None = None
    structure: list[str] = field(default_factory=list)
    shapes: dict[str, str] = field(default_factory=dict)
    non_finite: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)
    largest_error: dict[str, float] = field(default_factory=dict)
    unequal: dict[str, int] = field(default_factory=dict)
    compared: int = 0
    cleared: bool = False

    @property
    def score(self) -> float | None:
        """The largest score of its outputs, None where no value was compared."""
        return max(self.scores.values(), default=None)

    @property
    def wrong_values(self) -> bool:
        """Whether some value is over the limit, or some integer is not eager's."""
        over = any(value > MAX_SCORE for value in self.scores.values())
        return (over or bool(self.unequal)) and not self.cleared

    @property
    def failed(self) -> bool:
        """Whether the form departs from eager in this case in any way."""
        departs = self.refusal or self.structure or self.shapes or self.non_finite
        return bool(departs) or self.wrong_values


def compare_case(reference: Reference, judged: Judged, outputs: Mapping[str, Array]) -> CaseVerdict:
    """Judge the outputs of one form in one case (rules 1 to 3 and 5)."""
    verdict = CaseVerdict(judged)
    _compare_names(verdict, outputs)
    for port in reference.spec.outputs:
        if port.name in outputs and port.name in judged.eager:
            _compare_output(verdict, reference, port, outputs[port.name])
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


def _compare_output(
    verdict: CaseVerdict, reference: Reference, port: Port, candidate: Array
) -> None:
    eager, oracle = verdict.judged.eager[port.name], verdict.judged.oracle[port.name]
    if candidate.dtype != eager.dtype:
        verdict.structure.append(f"{port.name} is {candidate.dtype}, eager's is {eager.dtype}")
        return
    if candidate.shape != eager.shape:
        text = f"{port.name} has shape {candidate.shape}, eager's is {eager.shape}"
        verdict.shapes[port.name] = text
        return
    if port.is_float:
        _compare_floats(verdict, reference, port.name, candidate, oracle)
    else:
        unequal = int(np.count_nonzero(candidate != eager))
        verdict.compared += eager.size
        if unequal:
            verdict.unequal[port.name] = unequal


def _compare_floats(
    verdict: CaseVerdict, reference: Reference, name: str, candidate: Array, oracle: Array
) -> None:
    eager = verdict.judged.eager[name]
    faults, differing = non_finite_faults(candidate, eager)
    if faults:
        verdict.non_finite.append(
            f"{name} has {faults} non-finite of {candidate.size} values where eager's are finite"
        )
    if differing:
        verdict.notes.append(f"{name}: {differing} values are non-finite in eager, and differ")
    verdict.compared += compared_values(candidate, eager, oracle)
    error = difference(candidate, oracle, eager)
    noise = reference.noise[name, verdict.judged.case.draw_class]
    verdict.scores[name] = score(reference.slices[name], error, noise)
    verdict.largest_error[name] = float(error.max(initial=0.0))


def second_look(reference: Reference, verdict: CaseVerdict, outputs: Mapping[str, Array]) -> None:
    """Judge a case over the limit again with eager's own instability allowed for (rules 4, 5)."""
    judged = verdict.judged
    looked = reference.spread(judged)
    moved = looked.changes
    for name in list(verdict.shapes):
        if outputs[name].shape in looked.shapes[name]:
            del verdict.shapes[name]
    for name, value in list(verdict.scores.items()):
        if value > MAX_SCORE:
            slices = reference.slices[name]
            error = difference(outputs[name], judged.oracle[name], judged.eager[name])
            noise = reference.noise[name, judged.case.draw_class] + slices.reduce(moved[name])
            verdict.scores[name] = score(slices, error, np.asarray(noise))
    for name in list(verdict.unequal):
        unstable = moved[name] > 0
        unequal = (outputs[name] != judged.eager[name]) & ~unstable
        verdict.unequal[name] = int(np.count_nonzero(unequal))
        if not verdict.unequal[name]:
            del verdict.unequal[name]
    over = any(value > MAX_SCORE for value in verdict.scores.values())
    verdict.cleared = not (over or verdict.unequal or verdict.shapes)

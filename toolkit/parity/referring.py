"""Eager and the oracle run over a case plan, once a model: what every form is judged against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import nn

from toolkit.events import Observe, Progress, ignore
from toolkit.inputs import Array, run_module
from toolkit.parity import batching
from toolkit.parity.budget import Budget, Pace, by_coverage, least_cases
from toolkit.parity.degenerate import degenerate
from toolkit.parity.noise import doubted, measure_noise
from toolkit.parity.oracle import Oracle, cannot_run, on_cpu
from toolkit.parity.plan import Case
from toolkit.parity.reference import Judged, Reference
from toolkit.parity.shown import not_finite, outside_domain, perturbed, probed
from toolkit.parity.tf32 import without_tf32
from toolkit.parity.units import Lighting, least_samples
from toolkit.reasons import reason
from toolkit.spec import ModelSpec


@without_tf32()
def refer(
    module: nn.Module,
    spec: ModelSpec,
    plan: tuple[Case, ...],
    *,
    device: str = "cpu",
    budget: Budget | None = None,
    observe: Observe = ignore,
    add_units: bool = True,
) -> Reference:
    """Run eager, on `device` as the module is, and the oracle, on the CPU, over the plan.

    The cases that cover most come first; what the budget has no time for is left out. With
    `add_units` cases for units that all of them leave off are added to the plan.
    """
    budget = budget or Budget(None)
    ordered = by_coverage(spec, plan)
    least = least_cases(spec, plan)
    certain = frozenset(case.number for case in ordered[:least])
    reference = Reference(spec, module, device, planned=len(plan), certain=certain, observe=observe)
    running = _Running(reference, Pace(budget.longest_wide_s))
    for done, case in enumerate(ordered):
        if not budget.allows(done, least):
            reference.left_out += ordered[done:]
            break
        running.run(case)
    reference.planned -= len(reference.left_out)
    if running.oracle is not None:
        if add_units:
            _turn_on_units(running, budget)
        _settle(reference, running.oracle)
        reference.batch_trial = batching.try_eager(reference, running.oracle)
        reference.findings += batching.told(reference, reference.batch_trial)
    reference.findings += outside_domain(reference)
    return reference


@dataclass
class _Running:
    """Takes cases through eager and the oracle, which is made at the first that eager takes."""

    reference: Reference
    pace: Pace
    oracle: Oracle | None = None

    def run(self, case: Case) -> None:
        """Put a case where it belongs: judged, left out, or outside of what eager takes."""
        reference = self.reference
        module, spec, device = reference.module, reference.spec, reference.device
        if self.pace.too_wide(case):
            reference.left_out.append(case)
            return
        reference.observe(self._progress())
        arrays = case.inputs(spec)
        try:
            with self.pace.watching(case):
                eager = run_module(module, spec, arrays, device=device)
        except Exception as raised:
            reference.outside.append((case, f"{type(raised).__name__}: {_one_line(raised)}"))
            return
        if self.oracle is None:
            self.oracle = Oracle(on_cpu(module, device), spec, arrays)
        reference.cases.append(judged_by(self.oracle, case, arrays, eager))

    def _progress(self) -> Progress:
        reference = self.reference
        done = len(reference.cases) + len(reference.outside) + len(reference.left_out)
        name = reference.spec.name
        return Progress(name, "check", "eager and oracle", done, reference.planned)


def _turn_on_units(running: _Running, budget: Budget) -> None:
    """Add cases for units that the whole plan leaves off; they come before what need not run.

    A module that cannot be differentiated has none, and the plan stands as it is.
    """
    reference = running.reference
    ran = [judged.case for judged in reference.cases]
    seconds = budget.for_seeking_s
    too_long = running.pace.expects(least_samples(reference.spec, ran)) > seconds
    if not ran or too_long or not any(port.is_float for port in reference.spec.inputs):
        return
    lighting = Lighting(reference.module, reference.spec, reference.device, seconds, budget.clock)
    reference.observe(Progress(reference.spec.name, "check", "units that are off"))
    try:
        lighting.look(ran)
        found = list(lighting.cases(ran))
    except Exception:  # whatever the user's module raises where it is watched, or differentiated
        return
    reference.planned += len(found)
    for case in found:
        running.run(case)
    certain = reference.certain
    reference.cases.sort(key=lambda one: (one.case.number not in certain, one.case.kind != "units"))


def judged_by(
    oracle: Oracle, case: Case, arrays: Mapping[str, Array], eager: Mapping[str, Array]
) -> Judged:
    """A case with its oracle's outputs; with eager's where it cannot judge this case."""
    outputs: Mapping[str, Array] = eager
    alone = oracle.unfit
    if alone is None:
        try:
            outputs = oracle.run(arrays)
            alone = _departs_in_kind(outputs, eager)
        except Exception as raised:
            alone = cannot_run(raised)
    return Judged(case, arrays, eager, eager if alone else outputs, alone)


def _departs_in_kind(oracle: Mapping[str, Array], eager: Mapping[str, Array]) -> str | None:
    """Why an oracle says nothing of a case: it must have values wherever eager has."""
    shapes = [{name: one.shape for name, one in outputs.items()} for outputs in (oracle, eager)]
    if shapes[0] != shapes[1]:
        return "gives other outputs in float64"
    lost = any(np.any(np.isfinite(eager[name]) & ~np.isfinite(oracle[name])) for name in eager)
    return "is not finite in float64 where eager is" if lost else None


def _one_line(raised: BaseException) -> str:
    return " ".join(reason(raised).split())


def _settle(reference: Reference, oracle: Oracle) -> None:
    """Noise, and what eager itself shows, once all cases have run."""
    reference.findings += probed(reference)
    reference.probabilities = oracle.probabilities
    if not reference.random:
        reference.cases = list(doubted(reference))
    if all(judged.alone for judged in reference.cases):
        reference.unfit, reference.unfit_in = reference.cases[0].alone, oracle.where
    reference.findings += perturbed(reference)
    if not reference.random:
        measure_noise(reference)
        reference.findings += degenerate(reference)
    reference.findings += not_finite(reference)

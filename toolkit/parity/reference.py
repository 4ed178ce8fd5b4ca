"""What a form is judged against: eager and the oracle over the case plan, run once a model."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from torch import nn

from toolkit.events import Observe, Progress, ignore
from toolkit.inputs import Array, Kind, draw, run_module
from toolkit.parity import batching
from toolkit.parity.budget import LEAST_CASES, Budget, by_coverage, least_cases
from toolkit.parity.compare import (
    EPS,
    MAX_SCORE,
    Slicing,
    Vector,
    difference,
    floor,
    pooled_noise,
    slicing,
)
from toolkit.parity.degenerate import degenerate
from toolkit.parity.findings import Finding, error, note
from toolkit.parity.oracle import Oracle
from toolkit.parity.plan import DRAW_CLASSES, Case, DrawClass
from toolkit.parity.probes import training_operations, two_random_states
from toolkit.parity.second_look import Spread, spread
from toolkit.reasons import reason
from toolkit.spec import Dimension, ModelSpec, Port

LEAST_SHARE = 0.5
"""Of the planned cases so many must run in eager, or the check proves nothing."""
LEAST_SIZES = 2
OTHER_SEED = 90210
"""Of inputs that no case of a plan has."""


@dataclass(frozen=True)
class Judged:
    """One case with what eager and the oracle gave; without an oracle, eager stands in for it."""

    case: Case
    inputs: Mapping[str, Array]
    eager: Mapping[str, Array]
    oracle: Mapping[str, Array]


@dataclass
class Reference:
    """Eager and the oracle over a plan, the noise of each output, and what eager itself shows.

    `cases` are those that ran, in the order in which they cover most; `left_out` did not run for
    want of time; `certain` are the numbers of those that run whatever they cost.
    """

    spec: ModelSpec
    module: nn.Module
    device: str
    planned: int
    cases: list[Judged] = field(default_factory=list)
    outside: list[tuple[Case, str]] = field(default_factory=list)
    left_out: list[Case] = field(default_factory=list)
    certain: frozenset[int] = frozenset()
    unfit: str | None = None
    findings: list[Finding] = field(default_factory=list)
    slices: dict[str, Slicing] = field(default_factory=dict)
    noise: dict[tuple[str, DrawClass], Vector] = field(default_factory=dict)
    batch_trial: batching.BatchTrial | None = None
    _spreads: dict[int, Spread] = field(default_factory=dict)

    @property
    def least(self) -> int:
        """How many of `cases` a form runs whatever they cost."""
        return sum(judged.case.number in self.certain for judged in self.cases) or LEAST_CASES

    @property
    def noise_source(self) -> str:
        """`float64`, or `perturbation` where the oracle is unfit."""
        return "perturbation" if self.unfit else "float64"

    @property
    def random(self) -> bool:
        """Whether eager departs from itself, so that no value can be judged."""
        return any(found.name == "nondeterministic" for found in self.findings)

    def port(self, name: str) -> Port:
        """The output port of that name."""
        return next(port for port in self.spec.outputs if port.name == name)

    def varies(self, name: str) -> bool:
        """Whether the values of the inputs, and not their sizes alone, decide an output's shape."""
        seen: dict[tuple[tuple[str, int], ...], tuple[int, ...]] = {}
        for judged in self.cases:
            if name in judged.eager:
                shape = judged.eager[name].shape
                if seen.setdefault(tuple(judged.case.sizes.items()), shape) != shape:
                    return True
        return False

    def spread(self, judged: Judged) -> Spread:
        """How far eager moves in this case under the second look; computed once."""
        number = judged.case.number
        if number not in self._spreads:
            self._spreads[number] = spread(
                self.module, self.spec, judged.inputs, judged.eager, device=self.device
            )
        return self._spreads[number]

    def too_little(self) -> str | None:
        """Why the cases that eager accepts are too few to judge by, if they are."""
        narrow = any(
            len(dimension.tested) >= LEAST_SIZES > len(self._sizes(dimension.name))
            for dimension in self.spec.dimensions
        )
        if not narrow and len(self.cases) >= LEAST_SHARE * self.planned:
            return None
        text = f"eager runs in {len(self.cases)} of {self.planned} planned cases"
        refused = map(self._refused, self.spec.dimensions)
        return "; ".join([text, *(where for where in refused if where)])

    def _sizes(self, name: str) -> set[int]:
        return {judged.case.sizes[name] for judged in self.cases}

    def _refused(self, dimension: Dimension) -> str | None:
        """The sizes at which eager never runs, and the words that leave them out."""
        runs = self._sizes(dimension.name)
        never = [str(size) for size in dimension.tested if size not in runs]
        if not never:
            return None
        name = dimension.name
        return (
            f"it never runs at {name} {', '.join(never)}: "
            f"--dim {name}=LOW..HIGH:STEP says the sizes that the model takes"
        )


def refer(
    module: nn.Module,
    spec: ModelSpec,
    plan: tuple[Case, ...],
    *,
    device: str = "cpu",
    budget: Budget | None = None,
    observe: Observe = ignore,
) -> Reference:
    """Run eager, on `device` as the module is, and the oracle, on the CPU, over the plan.

    The cases that cover most come first; what the budget has no time for is left out.
    """
    budget = budget or Budget(None)
    ordered = by_coverage(spec, plan)
    least = least_cases(spec, plan)
    certain = frozenset(case.number for case in ordered[:least])
    reference = Reference(spec, module, device, planned=len(plan), certain=certain)
    oracle: Oracle | None = None
    for done, case in enumerate(ordered):
        if not budget.allows(done, least):
            reference.left_out = ordered[done:]
            reference.planned = done
            break
        observe(Progress(spec.name, "check", "eager and oracle", done, len(plan)))
        arrays = case.inputs(spec)
        try:
            eager = run_module(module, spec, arrays, device=device)
        except Exception as raised:
            reference.outside.append((case, f"{type(raised).__name__}: {_one_line(raised)}"))
            continue
        if oracle is None:
            oracle = Oracle(_on_cpu(module, device), spec, arrays)
        judged = Judged(case, arrays, eager, _oracle_outputs(oracle, arrays, eager))
        reference.cases.append(judged)
    if oracle is not None:
        reference.unfit = oracle.unfit
        _settle(reference)
        reference.batch_trial = batching.try_eager(reference, oracle)
        reference.findings += batching.told(reference, reference.batch_trial)
    reference.findings += _outside_domain(reference)
    return reference


def core(reference: Reference) -> Reference:
    """The cases that run whatever they cost, with noise of their own: the same on any machine."""
    cases = [judged for judged in reference.cases if judged.case.number in reference.certain]
    alone = replace(reference, cases=cases, slices={}, noise={})
    if not reference.random:
        _measure_noise(alone)
    return alone


def _on_cpu(module: nn.Module, device: str) -> nn.Module:
    if device == "cpu":
        return module
    return copy.deepcopy(module).cpu()


def _oracle_outputs(
    oracle: Oracle, arrays: Mapping[str, Array], eager: Mapping[str, Array]
) -> Mapping[str, Array]:
    """The oracle's outputs; eager's where the oracle is unfit or departs in structure."""
    if oracle.unfit:
        return eager
    try:
        outputs = oracle.run(arrays)
    except Exception as raised:
        oracle.unfit = f"cannot run in float64: {type(raised).__name__}: {_one_line(raised)}"
        return eager
    if {name: out.shape for name, out in outputs.items()} != {
        name: out.shape for name, out in eager.items()
    }:
        oracle.unfit = "gives other outputs in float64"
        return eager
    return outputs


def _one_line(raised: BaseException) -> str:
    return " ".join(reason(raised).split())


def _settle(reference: Reference) -> None:
    """Noise, and what eager itself shows, once all cases have run."""
    reference.findings += _probe(reference)
    if reference.unfit:
        reference.findings.append(
            note("ill-conditioned", f"perturbation: the float64 oracle {reference.unfit}")
        )
        reference.cases = [
            Judged(judged.case, judged.inputs, judged.eager, judged.eager)
            for judged in reference.cases
        ]
    if not reference.random:
        _measure_noise(reference)
        reference.findings += degenerate(reference)


def _probe(reference: Reference) -> list[Finding]:
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


def _outside_domain(reference: Reference) -> list[Finding]:
    if not reference.outside:
        return []
    case, message = reference.outside[0]
    text = (
        f"eager raises in {len(reference.outside)} of {reference.planned} cases, "
        f"first in {case}: {message}"
    )
    return [note("outside-domain", text, case=case.number)]


def _measure_noise(reference: Reference) -> None:
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


def _noise(reference: Reference, port: Port, members: list[Judged]) -> Vector:
    slices = reference.slices[port.name]
    oracles = [judged.oracle[port.name] for judged in members]
    eagers = [judged.eager[port.name] for judged in members]
    noise = pooled_noise(slices, oracles, eagers, EPS[port.dtype])
    if reference.unfit:
        moved = [slices.reduce(reference.spread(judged).changes[port.name]) for judged in members]
        noise = np.asarray(np.maximum(noise, np.max(moved, axis=0)))
    return noise

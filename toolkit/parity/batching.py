"""Whether samples of a batch are computed apart: f(a and b together) is f(a) and f(b) in a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from toolkit.errors import ToolkitError
from toolkit.inputs import Array, run_module
from toolkit.parity.compare import difference, score, tolerance_used
from toolkit.parity.findings import Finding, error, note
from toolkit.parity.limits import MAX_SCORE, USUAL, Limits
from toolkit.parity.oracle import Oracle
from toolkit.spec import BATCH, ModelSpec, Port

if TYPE_CHECKING:
    from toolkit.parity.reference import Judged, Reference

Arrays = Mapping[str, Array]
Run = Callable[[Arrays], Arrays]


class Outputs(NamedTuple):
    """What either batch gives alone, and both as one."""

    first: Arrays
    second: Arrays
    both: Arrays


@dataclass(frozen=True)
class BatchTrial:
    """Two cases and both as one batch; `mixing` are the outputs in which eager mixes the samples.

    `beside` are the second case's inputs, with the first's where they have no batch axis.
    """

    first: Judged
    second: Judged
    beside: Arrays
    both: Arrays
    mixing: tuple[str, ...] = ()


def try_eager(reference: Reference, oracle: Oracle) -> BatchTrial | None:
    """Two ordinary cases together, in float64 where the oracle is fit.

    None where the model has no dimension `batch`, where it takes no batch of both, or where eager
    departs from itself.
    """
    trial = None if reference.random else _drawn(reference)
    if trial is None:
        return None
    try:
        outputs = _eager_outputs(reference, oracle, trial)
    except Exception:  # a batch of both may be outside what the model takes
        return None
    limits = Limits(MAX_SCORE)
    mixing = _mixing(reference, outputs, limits)
    if mixing and reference.unfit:
        mixing = _mixing(reference, outputs, limits, _moved(reference, trial))
    return replace(trial, mixing=mixing)


def _eager_outputs(reference: Reference, oracle: Oracle, trial: BatchTrial) -> Outputs:
    """The two cases ran already; without an oracle, what stands for it is eager's own."""

    def run(inputs: Arrays) -> Arrays:
        if reference.unfit is None:
            return oracle.run(inputs)
        return run_module(reference.module, reference.spec, inputs, device=reference.device)

    shared = any(port.batch_axis is None for port in reference.spec.inputs)
    second = run(trial.beside) if shared else trial.second.oracle
    return Outputs(trial.first.oracle, second, run(trial.both))


def told(reference: Reference, trial: BatchTrial | None) -> list[Finding]:
    """What eager does is no fault of a form: a note."""
    if trial is None or not trial.mixing:
        return []
    whole = [name for name in trial.mixing if reference.port(name).batch_axis is None]
    sampled = [name for name in trial.mixing if name not in whole]
    parts = []
    if whole:
        parts.append(f"one value for the whole batch and none a sample: {', '.join(whole)}")
    if sampled:
        parts.append(f"a sample's values depend on the others of its batch: {', '.join(sampled)}")
    text = f"in eager itself, {'; '.join(parts)}"
    return [note("batch-dependence", text, case=trial.first.case.number)]


def try_candidate(reference: Reference, run: Run, limits: Limits = USUAL) -> list[Finding]:
    """An error where the form mixes the samples of a batch and eager does not."""
    trial = reference.batch_trial
    if trial is None:
        return []
    try:
        first = _of_eagers_shape(run(trial.first.inputs), trial.first)
        second = _of_eagers_shape(run(trial.beside), trial.second)
    except ToolkitError:
        return []  # that it refuses a case is said elsewhere
    try:
        outputs = Outputs(first, second, run(trial.both))
    except ToolkitError as refusal:
        return _refused(reference, trial, refusal)
    # Either side of the comparison may be as far from the oracle as a right form may be.
    twice = _doubled(limits)
    mixing = _mixing(reference, outputs, twice)
    if set(mixing) - set(trial.mixing):
        mixing = _mixing(reference, outputs, twice, _moved(reference, trial))
    names = [name for name in mixing if name not in trial.mixing]
    if not names:
        return []
    text = (
        f"the samples of a batch depend on each other in {', '.join(names)}, and in eager they do "
        f"not: {trial.first.case} and {trial.second.case} give other values when run as one batch"
    )
    return [error("batch-dependence", text, case=trial.first.case.number)]


def _refused(reference: Reference, trial: BatchTrial, refusal: ToolkitError) -> list[Finding]:
    """An error where no case has the size of both together: of any other it is said elsewhere."""
    first, second = trial.first, trial.second
    joined = {**first.case.sizes, BATCH: _size(first) + _size(second)}
    if any(judged.case.sizes == joined for judged in reference.cases):
        return []
    text = (
        f"refuses {first.case} and {second.case} as one batch, which eager accepts: "
        f"{refusal.message or refusal.name}"
    )
    return [error("structure", text, case=first.case.number)]


def _of_eagers_shape(outputs: Arrays, judged: Judged) -> Arrays:
    """Another shape, or an output more, is found elsewhere: no noise goes with it."""
    shapes = {name: one.shape for name, one in judged.eager.items()}
    return {name: one for name, one in outputs.items() if one.shape == shapes.get(name)}


def _doubled(limits: Limits) -> Limits:
    """What both sides of the comparison may be off by; batches are no stricter than rounding is."""
    return replace(
        limits,
        max_score=2 * max(limits.max_score, MAX_SCORE),
        atol={name: 2 * value for name, value in limits.atol.items()},
        rtol={name: 2 * value for name, value in limits.rtol.items()},
    )


def _drawn(reference: Reference) -> BatchTrial | None:
    """The least pair of ordinary cases that can be joined, other sizes as traced if can be."""
    spec = reference.spec
    if BATCH not in spec.traced_sizes:
        return None
    ordinary = [
        one
        for one in reference.cases
        if one.case.draw_class == "ordinary" and (reference.unfit or not one.alone)
    ]
    pairs = [pair for pair in combinations(ordinary, 2) if _fit(spec, *pair)]
    if not pairs:
        return None
    first, second = min(pairs, key=lambda pair: _rank(spec, *pair))
    beside = {
        port.name: (first if port.batch_axis is None else second).inputs[port.name]
        for port in spec.inputs
    }
    return BatchTrial(first, second, beside, _joined(spec, first.inputs, beside))


def _fit(spec: ModelSpec, first: Judged, second: Judged) -> bool:
    """Whether two cases make one batch that the model takes."""
    same = _others(first.case.sizes) == _others(second.case.sizes)
    both = _size(first) + _size(second)
    return same and min(_size(first), _size(second)) > 0 and spec.dimension(BATCH).allows(both)


def _rank(spec: ModelSpec, first: Judged, second: Judged) -> tuple[bool, int]:
    """The lower the better: other sizes as traced, then few samples."""
    elsewhere = _others(first.case.sizes) != _others(spec.traced_sizes)
    return elsewhere, _size(first) + _size(second)


def _size(judged: Judged) -> int:
    return judged.case.sizes[BATCH]


def _others(sizes: Mapping[str, int]) -> dict[str, int]:
    return {name: size for name, size in sizes.items() if name != BATCH}


def _joined(spec: ModelSpec, first: Arrays, second: Arrays) -> Arrays:
    joined = {}
    for port in spec.inputs:
        one, other, axis = first[port.name], second[port.name], port.batch_axis
        joined[port.name] = one if axis is None else np.concatenate([one, other], axis)
    return joined


def _moved(reference: Reference, trial: BatchTrial) -> tuple[Arrays, Arrays]:
    """How far eager moves in either case under the second look."""
    return reference.spread(trial.first).changes, reference.spread(trial.second).changes


class _Pair(NamedTuple):
    """Values that are to agree, and how far eager moves there."""

    apart: Array
    together: Array
    moved: Array


def _mixing(
    reference: Reference,
    outputs: Outputs,
    limits: Limits,
    moved: tuple[Arrays, Arrays] = ({}, {}),
) -> tuple[str, ...]:
    """The outputs that come out otherwise when two batches are run as one."""
    return tuple(
        port.name
        for port in reference.spec.outputs
        if all(port.name in arrays for arrays in outputs)
        and _mixes(reference, port, _pairs(port, outputs, moved), limits)
    )


def _mixes(reference: Reference, port: Port, pairs: Sequence[_Pair] | None, limits: Limits) -> bool:
    return pairs is None or any(_differ(reference, port, pair, limits) for pair in pairs)


def _pairs(port: Port, outputs: Outputs, moved: tuple[Arrays, Arrays]) -> list[_Pair] | None:
    """Both in a row against both as one; without a batch axis, either against both as one.

    None where another axis has the batch's size too, as in a table of all pairs.
    """
    axis, name = port.batch_axis, port.name
    apart, together = [outputs.first[name], outputs.second[name]], outputs.both[name]
    spreads = [by.get(name, np.zeros(one.shape)) for by, one in zip(moved, apart, strict=True)]
    if axis is not None:
        try:
            return [_Pair(np.concatenate(apart, axis), together, np.concatenate(spreads, axis))]
        except ValueError:
            return None
    if any(BATCH in str(size) for size in port.shape):
        return []  # an extent such as 2*batch does not say where each sample is
    return [_Pair(one, together, by) for one, by in zip(apart, spreads, strict=True)]


def _differ(reference: Reference, port: Port, pair: _Pair, limits: Limits) -> bool:
    if pair.apart.shape != pair.together.shape:
        return True
    return not _tolerated(port, pair, limits) and _departs(reference, port, pair, limits)


def _tolerated(port: Port, pair: _Pair, limits: Limits) -> bool:
    tolerance = limits.tolerance(port.name, is_float=port.is_float)
    return tolerance is not None and bool(
        np.all(tolerance_used(pair.together, pair.apart, tolerance.atol, tolerance.rtol) <= 1)
    )


def _departs(reference: Reference, port: Port, pair: _Pair, limits: Limits) -> bool:
    apart, together, moved = pair
    if not port.is_float:
        return bool(np.any((apart != together) & (moved == 0)))
    if np.any(np.isfinite(apart) != np.isfinite(together)):
        return True
    slices = reference.slices[port.name]
    noise = reference.noise[port.name, "ordinary"] + slices.reduce(moved)
    return score(slices, difference(apart, together), np.asarray(noise)) > limits.max_score

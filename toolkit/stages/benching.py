"""The forms of one model timed against eager, interleaved in this process."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from toolkit import results, runtimes
from toolkit.errors import ToolkitError, UsageError
from toolkit.events import Observe, Progress, ignore
from toolkit.inputs import draw
from toolkit.options import EAGER, BenchOptions, TimedForm
from toolkit.runtimes import eager
from toolkit.runtimes.base import Runner, RunOptions
from toolkit.spec import BATCH, ModelSpec
from toolkit.stages.subject import Subject
from toolkit.timing.calls import Contestant
from toolkit.timing.comparison import Outcome, Timing, compare
from toolkit.timing.measuring import measure
from toolkit.timing.protocol import BUFFERS, Protocol

ONNX = "onnx"


@dataclass(frozen=True)
class Benching:
    """What one comparison is made of."""

    subject: Subject
    forms: Mapping[str, TimedForm]
    options: BenchOptions
    observe: Observe = ignore
    notes: dict[str, str] = field(default_factory=dict)


def for_subject(subject: Subject, options: BenchOptions) -> BenchOptions:
    """The options for an ONNX file: it is all there is, and its own baseline.

    Raises `UsageError` where anything else was asked for.
    """
    if subject.file is None:
        return options
    others = [name for name in options.variants if name != ONNX]
    if others or options.baseline not in (EAGER, ONNX):
        raise UsageError(
            f"an ONNX file has one variant, {ONNX}: there is no {(*others, options.baseline)[0]}",
            model=subject.shown,
        )
    return replace(options, variants=(ONNX,), baseline=ONNX)


def compare_forms(benching: Benching, batch: int) -> results.Comparison:
    """Time every chosen variant at one batch size; what failed parity is a row without times."""
    options = benching.options
    sizes = bench_sizes(benching.subject.spec, batch)
    contestants = []
    with torch.inference_mode():
        for variant in options.chosen:
            contestant = _contestant(benching, variant, sizes)
            if contestant is not None:
                contestants.append(contestant)
        if not any(one.name == options.baseline for one in contestants):
            reason = benching.notes.get(options.baseline, "it is not there")
            raise UsageError(f"the baseline {options.baseline} cannot be timed: {reason}")
        # The twin is loaded anew: identical code in another place of memory.
        twin = _contestant(benching, options.baseline, sizes)
        outcome = _measured(benching, contestants, twin, batch)
    return _comparison(benching, outcome, batch)


def bench_sizes(spec: ModelSpec, batch: int) -> dict[str, int]:
    """The batch asked for; every other dynamic dimension at the largest size that checks run."""
    sizes = {dimension.name: dimension.tested[-1] for dimension in spec.dimensions}
    if BATCH in sizes:
        if not spec.dimension(BATCH).allows(batch):
            raise UsageError(f"batch {batch} is out of the model's range", model=spec.name)
        sizes[BATCH] = batch
    elif batch != 1:
        raise UsageError("the model has no dimension called batch", model=spec.name)
    return sizes


def _measured(
    benching: Benching, contestants: Sequence[Contestant], twin: Contestant | None, batch: int
) -> Outcome:
    options = benching.options
    name = benching.subject.spec.name

    def told(done: int, total: int) -> None:
        benching.observe(Progress(name, "bench", f"batch {batch}", done, total))

    seed = benching.subject.words.seed
    protocol = (
        Protocol.quick(seed) if options.quick else Protocol.full(seed, budget_s=options.budget_s)
    )
    measured = measure(contestants, protocol, baseline=options.baseline, twin=twin, observe=told)
    return compare(measured)


def _contestant(benching: Benching, variant: str, sizes: Mapping[str, int]) -> Contestant | None:
    """A variant with its rotated buffers; None, with a note, where it cannot or may not run."""
    try:
        runner = _runner(benching, variant)
        if runner is None:
            return None
        spec = benching.subject.spec
        calls = tuple(runner.prepare(draw(spec, sizes, seed)) for seed in range(BUFFERS))
    except ToolkitError as failure:
        if variant == EAGER:
            raise  # without the device nothing at all can be timed
        benching.notes[variant] = failure.message
        return None
    items = sizes.get(BATCH, 1)
    return Contestant(variant, calls, items)


def _runner(benching: Benching, variant: str) -> Runner | None:
    subject, device, threads = benching.subject, benching.options.device, benching.options.threads
    if variant == EAGER:
        own = replace(subject.built, module=copy.deepcopy(subject.built.module))
        return eager.load(own, RunOptions(device, threads))
    form = benching.forms.get(variant)
    if form is None:
        benching.notes[variant] = "this form was not exported"
        return None
    if form.status != "pass":
        benching.notes[variant] = f"parity: {form.status}"
        return None
    options = RunOptions(device, threads, libraries=subject.libraries_for(variant))
    return runtimes.runtime_for(variant).load(form.path, subject.spec, options)


def _comparison(benching: Benching, outcome: Outcome, batch: int) -> results.Comparison:
    timed = {timing.name: timing for timing in outcome.timings}
    return results.Comparison(
        baseline=outcome.baseline,
        aa_band=outcome.aa_band,
        rounds=outcome.rounds,
        sets=outcome.sets,
        seed=outcome.seed,
        aa=_speedup(outcome.aa),
        within_one_process=True,
        load_start=outcome.load_start,
        load_end=outcome.load_end,
        harness_ns=outcome.harness_ns,
        conditions=[
            results.RoundConditions(
                order=list(one.order),
                load=one.load,
                steal_s=one.steal_s,
                involuntary_switches=one.involuntary_switches,
                cpu_per_wall=one.cpu_per_wall,
            )
            for one in outcome.conditions
        ],
        aa_samples_ns=list(outcome.aa_samples_ns),
        variants=[
            _variant(benching, name, timed.get(name), batch) for name in benching.options.chosen
        ],
    )


def _speedup(interval: object) -> results.Speedup | None:
    if interval is None:
        return None
    return results.Speedup.model_validate(interval, from_attributes=True)


def _variant(benching: Benching, name: str, timing: Timing | None, batch: int) -> results.Variant:
    subject, options = benching.subject, benching.options
    form = benching.forms.get(name)
    timing = timing or Timing(name, "not timed", note=benching.notes.get(name))
    return results.Variant(
        model=subject.shown,
        variant=name,
        format=None if name == EAGER else name,
        runtime=EAGER if name == EAGER else runtimes.RUNTIME_OF[name],
        device=options.device,
        dtype=_dtype(subject.spec),
        threads=options.threads,
        batch=batch if BATCH in subject.spec.traced_sizes else None,
        p50_us=timing.p50_us,
        p50_low_us=timing.p50_low_us,
        p50_high_us=timing.p50_high_us,
        p90_us=timing.p90_us,
        p99_us=timing.p99_us,
        calls=timing.calls,
        items_per_s=timing.items_per_s,
        speedup=_speedup(timing.speedup),
        verdict=timing.verdict,
        size_bytes=form.size_bytes if form else None,
        parity_score=form.score if form else None,
        note=timing.note,
        weights=subject.built.weights.origin,
        warm_up_calls=timing.warm_up_calls,
        samples_ns=list(timing.samples_ns),
    )


def _dtype(spec: ModelSpec) -> str:
    """The dtype of the computation: that of the first floating port."""
    ports = [*spec.inputs, *spec.outputs]
    return next((port.dtype for port in ports if port.is_float), ports[0].dtype)

"""The stages chained, one function a verb: values in, values out, nothing printed.

Each is a generator, so that rows come as they are found; `toolkit.isolation` runs them in a child
by name, and the Python API in this process.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import torch

from toolkit import libraries, registry, results, weights
from toolkit.benching.jobs import bench, describe, enter, time_set, vet
from toolkit.benching.sizes import require_sizes
from toolkit.comparing import applied, candidates, judging
from toolkit.errors import BuildError, RefusedError
from toolkit.events import Observe, ignore
from toolkit.folders import temporary_folder
from toolkit.options import (
    CheckOptions,
    ExportOptions,
    PredictOptions,
    SelfTestOptions,
    Surroundings,
)
from toolkit.parity.reference import Reference
from toolkit.runtimes.devices import torch_device
from toolkit.spec import FORMAT_NAMES, PART_FAMILIES, ModelSpec
from toolkit.stages import exporting, picturing, predicting, room, self_testing
from toolkit.stages.checking import Checking, FormAtHand, check_form, discard, not_held
from toolkit.stages.planning import planned
from toolkit.stages.self_testing import SelfTesting
from toolkit.stages.sources import Sources
from toolkit.stages.subject import Subject, prepare, reference, train_plan
from toolkit.timing import machine
from toolkit.words import ModelWords, TrainingWords

__all__ = [
    "bench",
    "check",
    "checked",
    "compare",
    "describe",
    "draw",
    "enter",
    "export",
    "plan",
    "predict",
    "prove",
    "resolve",
    "self_test",
    "self_tested",
    "time_set",
    "train",
    "vet",
]


def resolve(
    words: tuple[ModelWords, ...],
    everything: bool,
    device: str = "cpu",
    sizes: Mapping[str, int] | None = None,
    *,
    observe: Observe = ignore,
) -> Iterator[tuple[list[ModelWords], Surroundings]]:
    """What is meant, then every word looked up before any work; `everything` is the catalogue.

    A user's code that raises is no usage error: the stages of that model tell it. Raises for
    `sizes` that no model takes, as far as the dimensions of all are known without building any.
    """
    del observe
    torch_device(device)
    found = [named for each in words for named in libraries.expand(each)]
    if everything:
        common = words[0] if words else ModelWords("")
        found = [_of_sweep(common, spec) for spec in registry.catalogue().values()]
    yield found, _surroundings(_parts())
    specs: list[ModelSpec | None] = []
    for each in found:
        specs.append(None)
        with contextlib.suppress(BuildError):
            specs[-1] = exporting.find(each)
    require_sizes(sizes or {}, specs)


def _of_sweep(common: ModelWords, spec: ModelSpec) -> ModelWords:
    """The words for one entry of all: what is said about training is for those that are trained."""
    trained = spec.training or spec.recipe or spec.part_of
    named = common.named(spec.name)
    return named if trained else replace(named, training=TrainingWords())


def _surroundings(parts: frozenset[str] = frozenset()) -> Surroundings:
    return Surroundings(tuple(machine.devices()), torch.get_num_threads(), parts)


def _parts() -> frozenset[str]:
    """Entries that are no networks by themselves."""
    entries = registry.catalogue().values()
    return frozenset(spec.name for spec in entries if spec.family in PART_FAMILIES)


def train(
    words: ModelWords, again: bool, required: bool = True, *, observe: Observe = ignore
) -> Iterator[results.TrainedModel]:
    """Train one model by its plan, or find its earlier weights; nothing for one without a plan.

    Where training is not `required`, nothing for one whose data must be asked for either.
    """
    spec = train_plan(words, required=required)
    if spec is None:
        return
    entry = weights.train(
        spec,
        seed=words.seed,
        choice=words.weights,
        training=words.training,
        fresh=again,
        observe=observe,
    )
    yield results.TrainedModel(
        name=words.shown,
        data=entry.data,
        epochs=entry.epochs,
        seconds=entry.seconds,
        metric=results.Metric(
            name=entry.metric, value=entry.metric_value, floor=entry.floor, met=entry.met
        ),
        weights=results.WeightsOrigin(
            origin=entry.built.weights.origin,
            sha256=entry.built.weights.sha256,
            seed=entry.built.weights.seed,
        ),
        reused=entry.reused,
        per_class=dict(zip(entry.labels, entry.per_class, strict=False)),
        interrupted=entry.interrupted,
        file=_from_home(entry.file) if entry.interrupted else None,
    )


def _from_home(file: Path | None) -> str | None:
    """A path that a shell takes and that does not name the user."""
    if file is not None and file.is_relative_to(Path.home()):
        return str(Path("~") / file.relative_to(Path.home()))
    return None if file is None else str(file)


def export(
    words: ModelWords,
    options: ExportOptions,
    dead: Mapping[str, str],
    *,
    observe: Observe = ignore,
) -> Iterator[results.ExportedModel]:
    """Write the bundle of one model; `dead` are forms whose export ended a process before."""
    subject = prepare(words, observe, trust=options.trust)
    room.require_to_export(subject, options)
    judged_against = reference(subject, observe=observe, budget_s=0.0)
    yield exporting.export_bundle(subject, options, dead, judged_against, observe)


def prove(
    words: ModelWords,
    options: ExportOptions,
    check_options: CheckOptions,
    names: tuple[str, ...],
    dead: Mapping[str, str],
    *,
    observe: Observe = ignore,
) -> Iterator[results.ExportedModel | results.CheckResult]:
    """Write the bundle, then check its forms in `names`; on the CPU both share one reference."""
    torch_device(check_options.device)
    subject = prepare(words, observe, trust=options.trust, fallback=True)
    room.require_to_export(subject, options)
    room.require_to_check(subject, names, written=True)
    judged_against = reference(subject, observe=observe, budget_s=check_options.budget_s)
    exported = exporting.export_bundle(subject, options, dead, judged_against, observe)
    yield exported
    yield from checked(
        subject,
        check_options,
        names,
        Path(exported.bundle) if exported.bundle else None,
        reference_at_hand=judged_against if check_options.device == "cpu" else None,
        observe=observe,
    )


def check(
    words: ModelWords,
    options: CheckOptions,
    names: tuple[str, ...],
    bundle: Path | None,
    *,
    observe: Observe = ignore,
) -> Iterator[results.CheckResult]:
    """One row a format in `names`, from fresh exports or from the files of `bundle`."""
    torch_device(options.device)  # before any work: what is not there is refused
    subject = prepare(words, observe, bundle, trust=options.trust, fallback=True)
    yield from checked(subject, options, names, bundle, observe=observe)


def checked(
    subject: Subject,
    options: CheckOptions,
    names: tuple[str, ...] = FORMAT_NAMES,
    bundle: Path | None = None,
    *,
    reference_at_hand: Reference | None = None,
    observe: Observe = ignore,
) -> Iterator[results.CheckResult]:
    """`check` for a subject at hand."""
    options.limits.require_outputs([port.name for port in subject.spec.outputs], subject.shown)
    if reference_at_hand is None:
        room.require_to_check(subject, names, written=bundle is not None)
    judged_against = reference_at_hand or reference(
        subject, options.device, observe, budget_s=options.budget_s
    )
    at_hand = exporting.forms_at_hand(subject, bundle)
    with temporary_folder() as folder:
        wanted = (*names, *_further(subject, options, at_hand))
        sources = Sources(subject, wanted)
        checking = Checking(
            subject, judged_against, options, Path(folder), at_hand, sources, observe
        )
        for name in wanted:
            if name in at_hand or not subject.is_exported:
                yield check_form(checking, name)
                discard(checking, name)
            elif name in options.formats:
                yield not_held(checking, name)
        if subject.is_exported and not at_hand and not options.formats:
            yield not_held(checking, None)


def self_test(
    words: ModelWords,
    options: SelfTestOptions,
    names: tuple[str, ...],
    *,
    observe: Observe = ignore,
) -> Iterator[results.SelfTest]:
    """Try the judge on each ONNX form in `names`: one row of planted defects a form."""
    torch_device(options.check.device)
    subject = prepare(words, observe, trust=options.check.trust, fallback=True)
    yield from self_tested(subject, options, names, observe=observe)


def self_tested(
    subject: Subject,
    options: SelfTestOptions,
    names: tuple[str, ...] = ("onnx",),
    *,
    observe: Observe = ignore,
) -> Iterator[results.SelfTest]:
    """`self_test` for a subject at hand."""
    check = options.check
    room.require_to_check(subject, names)
    judged_against = reference(subject, check.device, observe, budget_s=check.budget_s)
    at_hand = exporting.forms_at_hand(subject, None)
    for name in names:
        if name not in at_hand and subject.is_exported:
            raise RefusedError(f"it holds no {name} form to plant defects in", model=subject.shown)
        with temporary_folder() as folder:
            testing = SelfTesting(
                subject, judged_against, options, Path(folder), at_hand.get(name), observe
            )
            yield self_testing.self_test(testing, name)


def _further(
    subject: Subject, options: CheckOptions, at_hand: Mapping[str, FormAtHand]
) -> list[str]:
    """What a bundle holds beyond the usual formats is checked with it."""
    if subject.bundle is None or options.formats:
        return []
    return [name for name in at_hand if name not in FORMAT_NAMES]


def compare(
    words: ModelWords,
    candidate: str,
    options: CheckOptions,
    done: tuple[str, ...] = (),
    *,
    observe: Observe = ignore,
) -> Iterator[Surroundings | results.CheckResult]:
    """The machine, then a row for each form of `candidate` against the model of `words`.

    Forms in `done` have rows already.
    """
    torch_device(options.device)
    yield _surroundings()
    other = applied.kind_of(replace(words, word=candidate, entry=None))
    mine, theirs = applied.applied(words, applied.kind_of(words), other, candidate)
    subject = prepare(mine, observe, trust=options.trust, fallback=True)
    make = candidates.of_words(theirs, other, trust=options.trust)
    yield from judging.compare(subject, make, options, words, done=done, observe=observe)


def predict(
    bundle: str,
    images: tuple[Path, ...],
    options: PredictOptions,
    *,
    observe: Observe = ignore,
) -> Iterator[Surroundings | results.Prediction]:
    """The machine, then the rows of one image after the other."""
    torch_device(options.device)
    yield _surroundings()
    yield from predicting.predict(bundle, images, options, observe)


def plan(
    words: ModelWords, options: CheckOptions, *, observe: Observe = ignore
) -> Iterator[results.PlannedModel]:
    """The cases that a check of one model runs; none of them is run."""
    del observe
    yield planned(words, options)


def draw(
    words: ModelWords, folder: Path, *, observe: Observe = ignore
) -> Iterator[Surroundings | results.Picture]:
    """The machine, then the pictures of one generative model, written into `folder`."""
    yield _surroundings()
    yield from picturing.draw(words, folder, observe)

"""Weights by training: the plan that is meant, and what an earlier training gave."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit import data, trained_cache
from toolkit.errors import UsageError
from toolkit.events import Observe, ignore
from toolkit.spec import ModelSpec, TrainingPlan
from toolkit.trained_cache import TrainedFacts
from toolkit.weights.built import Built, WeightsRecord
from toolkit.weights.untrained import DEFAULT, untrained
from toolkit.words import TrainingWords

if TYPE_CHECKING:
    from torch import nn

BRIEF = "brief"
AS_PLANNED = TrainingWords()


@dataclass(frozen=True)
class TrainedEntry:
    """A trained model with its held-out metric; `reused` where earlier weights served.

    `seconds` is what the training took when it was made. `per_class` is the held-out accuracy of
    each of `labels`, None for one without samples. `partner` is the second network of an
    alternating training. With `interrupted` the weights are the best until Ctrl-C. `file` is where
    they are kept; None where they are not.
    """

    built: Built
    data: str
    metric: str
    metric_value: float
    floor: float | None
    met: bool
    epochs: int
    seconds: float
    reused: bool
    per_class: tuple[float | None, ...] = ()
    labels: tuple[str, ...] = ()
    partner: nn.Module | None = None
    interrupted: bool = False
    file: Path | None = None


def plan_of(spec: ModelSpec, training: TrainingWords = AS_PLANNED) -> TrainingPlan | None:
    """The plan that is meant; None for a model without any.

    Raises `UsageError` where the document's was asked for and there is none.
    """
    if training.recipe == BRIEF or (spec.training is None and spec.recipe is None):
        return spec.training
    if spec.recipe is None:
        raise UsageError(
            "its document has no training of its own",
            model=spec.name,
            hint="without --recipe it is trained by the catalogue's own plan",
        )
    return spec.recipe


def trains(spec: ModelSpec, training: TrainingWords = AS_PLANNED) -> bool:
    """Whether the default weights are trained: by words, or by a plan whose data are at hand."""
    plan = plan_of(spec, training)
    if plan is None:
        return False
    asked = training.recipe != BRIEF or training.data or training.data_dir
    return bool(asked) or plan.data in data.EMBEDDED


def train(
    spec: ModelSpec,
    *,
    seed: int = 0,
    choice: str = DEFAULT,
    training: TrainingWords = AS_PLANNED,
    observe: Observe = ignore,
    fresh: bool = False,
) -> TrainedEntry:
    """Train by the plan that is meant, or reuse the weights that the same training gave before.

    It starts from published weights where the spec has any, else from seeded ones, or from those
    that `choice` names. `fresh` trains in any case. Raises `UsageError` for a model without a plan,
    `DataError`, `MissingError`, `WeightsError`, `TrainingError`.
    """
    plan = _required_plan(spec, training)
    start = untrained(spec, choice, seed, observe)
    file = _place(start, plan, seed, training)
    kept = None if fresh else _restored(plan, start.module, file)
    if kept is not None:
        facts, partner = kept
        return _entry(start, facts, plan, training, partner=partner, file=file)
    return _trained(start, plan, seed, training, file=file, observe=observe)


def _place(start: Built, plan: TrainingPlan, seed: int, training: TrainingWords) -> Path:
    """Where the weights of this training are kept; the same before it and after it."""
    return trained_cache.path(
        start.spec,
        plan,
        start.module,
        seed,
        training.epochs,
        data=training.data,
        data_dir=training.data_dir,
        device=training.device,
        initial=start.weights.sha256,
    )


def _data_are_there(plan: TrainingPlan, training: TrainingWords) -> bool:
    """Whether the data have files already: a set that is downloaded has none before."""
    folder = None if training.data_dir is None else Path(training.data_dir)
    return bool(data.identity(training.data or plan.data, folder))


def _required_plan(spec: ModelSpec, training: TrainingWords) -> TrainingPlan:
    plan = plan_of(spec, training)
    if plan is not None:
        return plan
    whole = spec.part_of.whole if spec.part_of is not None else None
    raise UsageError(
        "there is no training plan: its weights are "
        + (f"a part of those of {whole}" if whole else "not trained here"),
        model=spec.name,
        hint=f"toolkit train {whole}" if whole else "`toolkit list` shows what each trains on",
    )


def _restored(
    plan: TrainingPlan, module: nn.Module, file: Path
) -> tuple[TrainedFacts, nn.Module | None] | None:
    """Earlier weights, loaded into `module`, with the partner that was trained with them."""
    partner = None if plan.partner is None else plan.partner().eval()
    if partner is not None and not trained_cache.restore_partner(partner, file):
        return None
    facts = trained_cache.restore(module, file)
    return None if facts is None else (facts, partner)


def _trained(
    start: Built,
    plan: TrainingPlan,
    seed: int,
    training: TrainingWords,
    *,
    file: Path,
    observe: Observe,
) -> TrainedEntry:
    from toolkit import training as trainer

    there = _data_are_there(plan, training)
    outcome = trainer.train(
        start.module,
        start.spec,
        plan=plan,
        seed=seed,
        device=training.device,
        epochs=training.epochs,
        data=training.data,
        data_dir=training.data_dir,
        observe=observe,
    )
    facts = TrainedFacts.of(start.spec.name, seed, start.module, outcome)
    if not there:  # now they are, and the next training will look for weights by their files
        file = _place(start, plan, seed, training)
    kept = trained_cache.keep(start.module, file, facts, outcome.partner)
    entry = _entry(start, facts, plan, training, partner=outcome.partner, file=kept)
    return replace(entry, reused=False)


def _entry(
    start: Built,
    facts: TrainedFacts,
    plan: TrainingPlan,
    training: TrainingWords,
    *,
    partner: nn.Module | None,
    file: Path | None,
) -> TrainedEntry:
    from toolkit.training import chosen_plan

    followed = chosen_plan(plan, data=training.data)
    notes = [note for note in (_started(start), _missed(facts, followed)) if note]
    record = WeightsRecord(
        "trained",
        facts.sha256,
        seed=facts.seed,
        data=facts.data,
        note="; ".join(notes) or None,
    )
    return TrainedEntry(
        built=replace(start, spec=_named(start.spec, facts), weights=record),
        data=facts.data,
        metric=facts.metric,
        metric_value=facts.metric_value,
        floor=followed.floor,
        met=followed.met_by(facts.metric_value),
        epochs=facts.epochs,
        seconds=facts.seconds,
        reused=True,
        per_class=facts.per_class,
        labels=facts.labels,
        partner=partner,
        interrupted=facts.interrupted,
        file=file,
    )


def _missed(facts: TrainedFacts, plan: TrainingPlan) -> str | None:
    """What must be said of weights that are not as good as their plan promises."""
    if plan.floor is None or plan.met_by(facts.metric_value):
        return None
    bound = "at most" if plan.less_is_better else "at least"
    return f"{facts.metric} {facts.metric_value:.3g} misses the floor, {bound} {plan.floor:g}"


def _named(spec: ModelSpec, facts: TrainedFacts) -> ModelSpec:
    """The spec with the names of the classes that were learnt, where the data were other ones."""
    planned = None if spec.training is None else spec.training.data
    if spec.preprocess is None or not facts.labels or facts.data == planned:
        return spec
    width = spec.outputs[0].shape[-1] if spec.outputs else len(facts.labels)
    unnamed = range(len(facts.labels), width) if isinstance(width, int) and width > 1 else ()
    return replace(spec, labels=(*facts.labels, *(f"class {index}" for index in unnamed)))


def _started(start: Built) -> str | None:
    """What a training started from, where that is not what its plan says by itself."""
    weights, published = start.weights, start.spec.pretrained
    if weights.origin == "pretrained":
        return f"trained from {weights.data}"
    if weights.origin == "file":
        return "trained from the weights of a file"
    return None if published is None else "trained from random weights, not from published ones"

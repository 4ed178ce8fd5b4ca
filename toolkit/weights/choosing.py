"""Which weights a model gets, by its spec and by what was said."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from toolkit import registry
from toolkit.checkpoints import own_state, take_over
from toolkit.errors import MissingError, SpecError
from toolkit.events import Observe, ignore
from toolkit.spec import ModelSpec, PartOf
from toolkit.weights.built import Built, construct, weights_sha256
from toolkit.weights.trained import AS_PLANNED, TrainedEntry, train, trains
from toolkit.weights.untrained import DEFAULT, naming, substituted, untrained
from toolkit.words import TrainingWords

if TYPE_CHECKING:
    from torch import nn

PARTNER = "partner"
"""The part that is the second network of an alternating training."""


def materialize(
    spec: ModelSpec,
    *,
    seed: int = 0,
    choice: str = DEFAULT,
    training: TrainingWords = AS_PLANNED,
    fallback: bool = False,
    observe: Observe = ignore,
) -> Built:
    """The spec's module on the CPU, in eval mode, with the weights that `choice` names.

    `choice` is `default` (trained or reused where the spec has a plan and its data are at hand or
    were asked for by `training`, else published, else those of a part of another entry, else as
    constructed under `seed`), `pretrained` (published), `random` (as constructed) or a weights
    file, `FILE` or `FILE:key`. Where published weights cannot be had by default, `fallback` takes
    random ones and says so; a training that was asked for does not start from them unasked. Raises
    `BuildError`, `WeightsError`, `MissingError`, `TrainingError`, `DataError`, `UsageError`.
    """
    if choice == DEFAULT and trains(spec, training):
        return _whole_training(spec, seed, training, observe).built
    if choice == DEFAULT and spec.pretrained is None and spec.part_of is not None:
        return _part(
            spec,
            spec.part_of,
            seed=seed,
            training=training,
            fallback=fallback,
            observe=observe,
        )
    try:
        return untrained(spec, choice, seed, observe)
    except MissingError:
        if not fallback or choice != DEFAULT or spec.pretrained is None:
            raise
        return substituted(spec, seed)


def _part(
    spec: ModelSpec,
    part_of: PartOf,
    *,
    seed: int,
    training: TrainingWords,
    fallback: bool,
    observe: Observe,
) -> Built:
    """The weights of a part of another entry, which is trained, reused or had as a whole."""
    whole = _whole(spec, part_of)
    found: nn.Module | None
    if part_of.part == PARTNER:
        entry = _whole_training(whole, seed, training, observe)
        weights, found = entry.built.weights, entry.partner
    else:
        built = materialize(whole, seed=seed, training=training, fallback=fallback, observe=observe)
        weights, found = built.weights, built.module.get_submodule(part_of.part)
    if found is None:
        raise SpecError(f"the training of {whole.name} has no second network", model=spec.name)
    module = construct(spec, seed)
    with naming(spec):
        take_over(module, own_state(found), f"the {part_of.part or 'whole'} of {whole.name}")
    return Built(spec, module, replace(weights, sha256=weights_sha256(module)))


def _whole_training(
    spec: ModelSpec, seed: int, training: TrainingWords, observe: Observe
) -> TrainedEntry:
    """A trained entry; weights that Ctrl-C left half-trained are nobody's default."""
    entry = train(spec, seed=seed, training=training, observe=observe)
    if entry.interrupted:
        raise KeyboardInterrupt
    return entry


def _whole(spec: ModelSpec, part_of: PartOf) -> ModelSpec:
    known = registry.catalogue()
    if part_of.whole not in known:
        raise SpecError(f"there is no {part_of.whole} that it could be a part of", model=spec.name)
    return known[part_of.whole]

"""Weights for a spec: trained, reused, read from a file or seeded; the way from spec to `Built`."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from toolkit import trained_cache
from toolkit.checkpoints import load_state, own_state
from toolkit.errors import BuildError, ToolkitError, UsageError
from toolkit.events import Observe, ignore
from toolkit.hashing import state_dict_sha256
from toolkit.seeds import seeded
from toolkit.spec import ModelSpec, TrainingPlan
from toolkit.trained_cache import TrainedFacts

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "Built",
    "Origin",
    "TrainedEntry",
    "WeightsRecord",
    "load_state",
    "materialize",
    "train",
]

Origin = Literal["trained", "pretrained", "random", "file", "constructed", "bundle"]

DEFAULT = "default"
RANDOM = "random"


@dataclass(frozen=True)
class WeightsRecord:
    """Where the weights came from, the hash of their values and what they were trained on."""

    origin: Origin
    sha256: str
    seed: int | None = None
    data: str | None = None


@dataclass(frozen=True)
class Built:
    """A module in eval mode with its weights, and the spec that describes it."""

    spec: ModelSpec
    module: nn.Module
    weights: WeightsRecord


@dataclass(frozen=True)
class TrainedEntry:
    """A trained model with its held-out metric; `reused` where earlier weights served.

    `seconds` is what the training took when it was made.
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


def materialize(
    spec: ModelSpec,
    *,
    seed: int = 0,
    choice: str = DEFAULT,
    device: str = "cpu",
    epochs: int | None = None,
    observe: Observe = ignore,
) -> Built:
    """The spec's module on the CPU, in eval mode, with the weights that `choice` names.

    `choice` is `default` (trained or reused where the spec has a plan, else as constructed under
    `seed`), `random` (as constructed under `seed`) or a weights file, `FILE` or `FILE:key`.
    `device` is where training runs. Raises `BuildError`, `WeightsError`, `TrainingError`,
    `DataError`.
    """
    if choice not in (DEFAULT, RANDOM):
        return _from_file(spec, choice, seed)
    if choice == DEFAULT and spec.training is not None:
        return train(spec, seed=seed, device=device, epochs=epochs, observe=observe).built
    module = construct(spec, seed)
    origin: Origin = "random" if spec.document is not None else "constructed"
    return Built(spec, module, WeightsRecord(origin, _sha256(module), seed=seed))


def _from_file(spec: ModelSpec, choice: str, seed: int) -> Built:
    path, key = _split_choice(choice)
    module = construct(spec, seed)
    try:
        load_state(module, path, key)
    except ToolkitError as error:
        error.model = error.model or spec.name
        raise
    return Built(spec, module, WeightsRecord("file", _sha256(module)))


def _split_choice(choice: str) -> tuple[Path, str | None]:
    """`FILE` or `FILE:key`; a file whose name holds a colon is taken as it is."""
    if Path(choice).exists() or ":" not in choice:
        return Path(choice), None
    name, key = choice.rsplit(":", 1)
    return Path(name), key


def construct(spec: ModelSpec, seed: int) -> nn.Module:
    """The module as its own code builds it under `seed`, in eval mode and not shared.

    Raises `BuildError` with the type and message of what the code raised.
    """
    from torch import nn

    with seeded(seed):
        try:
            module = spec.build()
            if not isinstance(module, nn.Module):
                raise TypeError(f"gave {type(module).__name__}, not a torch.nn.Module")
            # A user's word may name an instance; a catalogue entry always builds a fresh one.
            return (module if spec.document is not None else copy.deepcopy(module)).eval()
        except ToolkitError:
            raise
        except (Exception, SystemExit) as error:
            raise BuildError(
                f"the model could not be built: {type(error).__name__}: {error}",
                model=spec.name,
                hint="its class or function is called without arguments unless --arg gives some",
            ) from error


def _sha256(module: nn.Module) -> str:
    return state_dict_sha256(own_state(module))


def train(
    spec: ModelSpec,
    *,
    seed: int = 0,
    device: str = "cpu",
    epochs: int | None = None,
    observe: Observe = ignore,
    fresh: bool = False,
) -> TrainedEntry:
    """Train by the spec's plan, or reuse the weights that the same plan and seed gave before.

    `fresh` trains in any case. Raises `UsageError` for a model without a plan, `DataError`,
    `TrainingError`.
    """
    if spec.training is None:
        raise UsageError(
            "there is no training plan: its weights are seeded",
            model=spec.name,
            hint="`toolkit list` shows what each model trains on",
        )
    module = construct(spec, seed)
    path = trained_cache.path(spec, spec.training, module, seed, epochs)
    facts = None if fresh else trained_cache.restore(module, path)
    reused = facts is not None
    if facts is None:
        facts = _train(spec, module, seed=seed, device=device, epochs=epochs, observe=observe)
        trained_cache.keep(module, path, facts)
    return _entry(spec, spec.training, module, facts, reused=reused)


def _train(
    spec: ModelSpec,
    module: nn.Module,
    *,
    seed: int,
    device: str,
    epochs: int | None,
    observe: Observe,
) -> TrainedFacts:
    from toolkit import training

    outcome = training.train(module, spec, seed=seed, device=device, epochs=epochs, observe=observe)
    return TrainedFacts(
        model=spec.name,
        seed=seed,
        data=outcome.data,
        metric=outcome.metric,
        metric_value=outcome.metric_value,
        epochs=outcome.epochs,
        seconds=outcome.seconds,
        sha256=_sha256(module),
    )


def _entry(
    spec: ModelSpec, plan: TrainingPlan, module: nn.Module, facts: TrainedFacts, *, reused: bool
) -> TrainedEntry:
    record = WeightsRecord("trained", facts.sha256, seed=facts.seed, data=facts.data)
    return TrainedEntry(
        built=Built(spec, module, record),
        data=facts.data,
        metric=facts.metric,
        metric_value=facts.metric_value,
        floor=plan.floor,
        met=plan.met_by(facts.metric_value),
        epochs=facts.epochs,
        seconds=facts.seconds,
        reused=reused,
    )

"""Trained weights kept in the user's cache, found again when nothing that made them has changed."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.checkpoints import load_state, own_state, read_facts, read_state, save_state
from toolkit.errors import WeightsError
from toolkit.folders import cache_folder
from toolkit.hashing import file_sha256, state_dict_sha256
from toolkit.spec import ModelSpec, TrainingPlan

if TYPE_CHECKING:
    from torch import nn

_KEY_DIGITS = 16


@dataclass(frozen=True)
class TrainedFacts:
    """What is told of trained weights wherever they are shown: kept in the file beside them."""

    model: str
    seed: int
    data: str
    metric: str
    metric_value: float
    epochs: int
    seconds: float
    sha256: str


def path(
    spec: ModelSpec, plan: TrainingPlan, module: nn.Module, seed: int, epochs: int | None
) -> Path:
    """Where the weights of this training are kept: the name carries a hash of all that shapes them.

    `module` is the model before training: its initial values, its source, the plan, the seed, the
    code that trains and the version of torch all count.
    """
    import torch

    made_from = {
        "plan": {field.name: _told(getattr(plan, field.name)) for field in fields(plan)},
        "epochs": epochs or plan.epochs,
        "seed": seed,
        "initial": state_dict_sha256(own_state(module)),
        "ports": [asdict(port) for port in (*spec.inputs, *spec.outputs)],
        "code": [*_training_code(), *_model_code(module, plan)],
        "torch": torch.__version__,
    }
    text = json.dumps(made_from, sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()[:_KEY_DIGITS]
    return cache_folder() / "weights" / f"{spec.name}-{key}.safetensors"


def _told(value: Any) -> object:
    """A plan's field as JSON; a callable by its name, its source counts elsewhere."""
    if not callable(value):
        return value
    return f"{value.__module__}.{getattr(value, '__qualname__', type(value).__qualname__)}"


def _training_code() -> list[str]:
    """Hashes of the files that decide what a training gives."""
    from toolkit import data, training

    folder = Path(inspect.getfile(training)).parent
    return [file_sha256(file) for file in (Path(data.__file__), *sorted(folder.glob("*.py")))]


def _model_code(module: nn.Module, plan: TrainingPlan) -> list[str]:
    """Hashes of the files that define the module's own classes, its partner and its reader."""
    makers: list[Callable[..., object]] = [type(part) for part in module.modules()]
    makers += [maker for maker in (plan.partner, plan.reader) if maker is not None]
    files = {_source(maker) for maker in makers if not maker.__module__.startswith("torch.")}
    return sorted(file_sha256(Path(file)) for file in files if file is not None)


def _source(maker: Callable[..., object]) -> str | None:
    try:
        return inspect.getsourcefile(maker)
    except (TypeError, OSError):  # defined at a prompt, or a callable object
        return None


def keep(module: nn.Module, file: Path, facts: TrainedFacts) -> None:
    """Write trained weights with what is told of them; a metric that is no number is not kept."""
    if not math.isfinite(facts.metric_value):
        return
    with contextlib.suppress(OSError):  # a cache that cannot be written costs only time
        save_state(module, file, {"origin": "trained", **asdict(facts)})


def restore(module: nn.Module, file: Path) -> TrainedFacts | None:
    """Load kept weights into `module`; None, and the module as it was, where there are none.

    A damaged file counts as none: its weights are trained again.
    """
    if not file.is_file():
        return None
    try:
        told = read_facts(file)
        facts = TrainedFacts(**{field.name: told[field.name] for field in fields(TrainedFacts)})
        if state_dict_sha256(read_state(file)) != facts.sha256:
            return None
        load_state(module, file)
    except (WeightsError, KeyError):
        return None
    return facts

"""Trained weights kept in the user's cache, found again when nothing that made them has changed."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import math
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.checkpoints import load_state, own_state, read_facts, read_state, save_state
from toolkit.errors import WeightsError
from toolkit.folders import cache_folder, slug
from toolkit.hashing import file_sha256, state_dict_sha256
from toolkit.spec import ModelSpec, TrainingPlan

if TYPE_CHECKING:
    from torch import nn

    from toolkit.training import TrainingOutcome

_KEY_DIGITS = 16
INTERRUPTED_SUFFIX = ".interrupted.safetensors"
PARTNER_SUFFIX = ".partner.safetensors"
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


@dataclass(frozen=True)
class TrainedFacts:
    """What is told of trained weights wherever they are shown: kept in the file beside them.

    `per_class` is the held-out accuracy of each class of `labels`, None for one without samples.
    `partner_sha256` is that of the second network's weights, kept in a file of their own.
    """

    model: str
    seed: int
    data: str
    metric: str
    metric_value: float
    epochs: int
    seconds: float
    sha256: str
    per_class: tuple[float | None, ...] = ()
    labels: tuple[str, ...] = ()
    partner_sha256: str | None = None
    interrupted: bool = False

    @classmethod
    def of(cls, model: str, seed: int, module: nn.Module, outcome: TrainingOutcome) -> TrainedFacts:
        """What a training that just ended is told by; `module` holds the weights."""
        partner = outcome.partner
        return cls(
            model=model,
            seed=seed,
            data=outcome.data,
            metric=outcome.metric,
            metric_value=outcome.metric_value,
            epochs=outcome.epochs,
            seconds=outcome.seconds,
            sha256=state_dict_sha256(own_state(module)),
            per_class=outcome.per_class,
            labels=outcome.labels,
            partner_sha256=None if partner is None else state_dict_sha256(own_state(partner)),
            interrupted=outcome.interrupted,
        )


def path(
    spec: ModelSpec,
    plan: TrainingPlan,
    module: nn.Module,
    seed: int,
    epochs: int | None,
    *,
    data: str | None = None,
    data_dir: Path | str | None = None,
    device: str = "cpu",
    initial: str | None = None,
) -> Path:
    """Where the weights of this training are kept: the name carries a hash of all that shapes them.

    `module` is the model before training: its initial values, its structure, its source and that
    of what builds it, the plan with what was asked for in place of it, the files of the data, the
    seed, the kind of device, the code that trains and the version of torch all count. `initial`
    is the hash of the initial values where the module no longer holds them.
    """
    import torch

    from toolkit import training

    followed = training.chosen_plan(plan, data=data, epochs=epochs)
    made_from = {
        "plan": {field.name: _told(getattr(followed, field.name)) for field in fields(followed)},
        "data": _data_identity(followed.data, data_dir),
        "preprocess": spec.preprocess and asdict(spec.preprocess),
        "device": device.partition(":")[0],
        "seed": seed,
        "initial": initial or state_dict_sha256(own_state(module)),
        "structure": _without_addresses(repr(module)),
        "ports": [asdict(port) for port in (*spec.inputs, *spec.outputs)],
        "code": [*_training_code(), *_model_code(spec, module, plan)],
        "torch": torch.__version__,
    }
    text = json.dumps(made_from, sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()[:_KEY_DIGITS]
    return cache_folder() / "weights" / f"{slug(spec.name)}-{key}.safetensors"


def _data_identity(name: str, data_dir: Path | str | None) -> list[str]:
    from toolkit import data

    return data.identity(name, None if data_dir is None else Path(data_dir))


def _told(value: Any) -> object:
    """A plan's field as JSON; a callable by its name and arguments, its source counts elsewhere."""
    if isinstance(value, functools.partial):
        given = repr((value.args, sorted(value.keywords.items())))
        return [_told(value.func), _without_addresses(given)]
    if not callable(value):
        return value
    return f"{value.__module__}.{getattr(value, '__qualname__', type(value).__qualname__)}"


def _without_addresses(text: str) -> str:
    """A `repr` that is the same in every process."""
    return _ADDRESS.sub("", text)


def _training_code() -> list[str]:
    """Hashes of the files that decide what a training gives."""
    from toolkit import data, images, training

    folders = [Path(inspect.getfile(room)).parent for room in (data, training)]
    files = [file for folder in folders for file in sorted(folder.glob("*.py"))]
    return [file_sha256(file) for file in (*files, Path(inspect.getfile(images)))]


def _model_code(spec: ModelSpec, module: nn.Module, plan: TrainingPlan) -> list[str]:
    """Hashes of the files that define what builds the module, its classes, partner and reader."""
    makers: list[Callable[..., object]] = [type(part) for part in module.modules()]
    makers += [maker for maker in (spec.build, plan.partner, plan.reader) if maker is not None]
    own = [maker for maker in map(_bare, makers) if not _is_torchs(maker)]
    files = {_source(maker) for maker in own}
    return sorted(file_sha256(Path(file)) for file in files if file is not None)


def _bare(maker: Callable[..., object]) -> Callable[..., object]:
    """What has the source: without the arguments and decorators around it, an object's class."""
    while isinstance(maker, functools.partial):
        maker = maker.func
    maker = inspect.unwrap(maker)
    return maker if isinstance(maker, type) or inspect.isroutine(maker) else type(maker)


def _is_torchs(maker: Callable[..., object]) -> bool:
    return (maker.__module__ or "").startswith("torch.")


def _source(maker: Callable[..., object]) -> str | None:
    try:
        return inspect.getsourcefile(maker)
    except (TypeError, OSError):  # defined at a prompt, or written in C
        return None


def keep(
    module: nn.Module, file: Path, facts: TrainedFacts, partner: nn.Module | None = None
) -> Path | None:
    """Write trained weights with what is told of them, a partner's beside them; where they are.

    None where a metric that is no number, or a folder that cannot be written, leaves nothing kept.
    Those of an interrupted training go to a file of their own, which is never taken for the
    whole training's.
    """
    if facts.interrupted:
        file = file.with_suffix(INTERRUPTED_SUFFIX)
    elif not math.isfinite(facts.metric_value):
        return None
    told = {"origin": "trained", **asdict(facts)}
    try:
        if partner is not None:
            save_state(partner, partner_file(file), told)
        save_state(module, file, told)
    except OSError:  # a cache that cannot be written costs only time
        return None
    return file


def partner_file(file: Path) -> Path:
    """Where the second network of an alternating training is kept, beside the first."""
    return file.with_suffix(PARTNER_SUFFIX)


def restore_partner(partner: nn.Module, file: Path) -> bool:
    """Load the partner that was trained with the weights in `file`; whether it is there, whole."""
    try:
        kept = partner_file(file)
        if state_dict_sha256(read_state(kept)) != read_facts(file).get("partner_sha256"):
            return False
        load_state(partner, kept)
    except WeightsError:
        return False
    return True


def restore(module: nn.Module, file: Path) -> TrainedFacts | None:
    """Load kept weights into `module`; None, and the module as it was, where there are none.

    A damaged file counts as none: its weights are trained again.
    """
    if not file.is_file():
        return None
    try:
        told = read_facts(file)
        facts = TrainedFacts(**{field.name: _as_kept(told[field.name]) for field in _FIELDS})
        if state_dict_sha256(read_state(file)) != facts.sha256:
            return None
        load_state(module, file)
    except (WeightsError, KeyError):
        return None
    return facts


_FIELDS = fields(TrainedFacts)


def _as_kept(value: Any) -> Any:
    """JSON gives a tuple back as a list."""
    return tuple(value) if isinstance(value, list) else value

"""What eager does that no export can be right about: randomness, and training-mode operations."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from toolkit.inputs import Array, run_module
from toolkit.parity.modules import ModulePath
from toolkit.parity.watching import FunctionWatch
from toolkit.spec import ModelSpec

SEEDS = (11, 4242)

# Position of the argument that says "training" in the signatures of torch's own functions.
_TRAINING_ARGUMENT: Mapping[Any, tuple[str, int, bool]] = {
    F.dropout: ("training", 2, True),
    F.alpha_dropout: ("training", 2, False),
    F.dropout1d: ("training", 2, True),
    F.dropout2d: ("training", 2, True),
    F.dropout3d: ("training", 2, True),
    F.feature_alpha_dropout: ("training", 2, False),
    F.rrelu: ("training", 3, False),
    F.batch_norm: ("training", 5, False),
    torch.dropout: ("train", 2, True),
    torch.dropout_: ("train", 2, True),
    torch.alpha_dropout: ("train", 2, True),
    torch.feature_dropout: ("train", 2, True),
    torch.feature_alpha_dropout: ("train", 2, True),
    torch.batch_norm: ("training", 5, False),
    torch.native_batch_norm: ("training", 5, False),
}
_PROBABILITY_POSITION = 1


class _TrainingWatch(FunctionWatch):
    """Remembers calls that drop out or take batch statistics, with the module that made them.

    `taken` are the tensors whose statistics were taken, call by call.
    """

    def __init__(self, path: ModulePath) -> None:
        super().__init__()
        self.path = path
        self.found: dict[str, str] = {}
        self.taken: list[tuple[str, torch.Tensor]] = []

    def called(self, func: Any, args: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        """Look at one function."""
        if func in _TRAINING_ARGUMENT and _trains(func, args, named):
            name = getattr(func, "__name__", str(func))
            if "batch_norm" in name:
                self.taken.append((self.path.current, args[0].detach().clone()))
            else:
                self.found.setdefault(self.path.current, name)


def _trains(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    keyword, position, default = _TRAINING_ARGUMENT[func]
    active = kwargs.get(keyword, args[position] if len(args) > position else default)
    if "batch_norm" in func.__name__:
        return bool(active)
    probability = kwargs.get("p", args[_PROBABILITY_POSITION] if len(args) > 1 else 1.0)
    return bool(active) and probability != 0


def training_operations(
    module: nn.Module,
    spec: ModelSpec,
    arrays: Mapping[str, Array],
    others: Sequence[Mapping[str, Array]],
    *,
    device: str = "cpu",
) -> dict[str, str]:
    """Module path → operation, for each that still trains although the model is in eval mode.

    Statistics of a tensor that has the same shape and values for `others`, inputs of other sizes
    and kinds, are those of weights, as of a convolution that standardises them: no batch's.
    """
    first = _watched(module, spec, arrays, device)
    taken = dict(enumerate(first.taken))
    runs = [_watched_if_taken(module, spec, inputs, device) for inputs in others if taken]
    known = [run for run in runs if run is not None]
    of_weights = functools.reduce(_same, known, taken) if known else {}
    of_inputs = {path: "batch_norm" for at, (path, _) in taken.items() if at not in of_weights}
    return {**of_inputs, **first.found}


Taken = dict[int, tuple[str, torch.Tensor]]


def _same(first: Taken, second: Taken) -> Taken:
    """The calls, by number, of the same module with the same tensor."""
    return {
        place: (path, tensor)
        for place, (path, tensor) in first.items()
        if place in second and second[place][0] == path and torch.equal(second[place][1], tensor)
    }


def _watched_if_taken(
    module: nn.Module, spec: ModelSpec, inputs: Mapping[str, Array], device: str
) -> Taken | None:
    """The statistics that are taken for other inputs; None where eager does not take these."""
    try:
        return dict(enumerate(_watched(module, spec, inputs, device).taken))
    except Exception:
        return None


def _watched(
    module: nn.Module, spec: ModelSpec, arrays: Mapping[str, Array], device: str
) -> _TrainingWatch:
    with ModulePath(module) as path:
        watch = _TrainingWatch(path)
        with watch:
            run_module(module, spec, arrays, device=device)
    return watch


def two_random_states(
    module: nn.Module, spec: ModelSpec, arrays: Mapping[str, Array], *, device: str = "cpu"
) -> tuple[dict[str, Array], dict[str, Array]]:
    """The same inputs under two states of torch's random generators; the caller's is kept."""
    outputs = []
    with torch.random.fork_rng():
        for seed in SEEDS:
            torch.manual_seed(seed)
            outputs.append(run_module(module, spec, arrays, device=device))
    return outputs[0], outputs[1]

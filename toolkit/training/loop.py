"""The loop that every objective shares: batches, progress, divergence, the held-out metric."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toolkit import data as data_sets
from toolkit.data import DataSet
from toolkit.errors import MissingError, ToolkitError, TrainingError
from toolkit.events import Observe, Progress, ignore
from toolkit.seeds import seeded
from toolkit.spec import ModelSpec, Port, TrainingPlan
from toolkit.training.adversarial import Adversarial
from toolkit.training.objectives import Autoencoding, Classification, Objective, parts
from toolkit.training.optimisers import set_rate

PROGRESS_EVENTS = 50


@dataclass(frozen=True)
class TrainingOutcome:
    """A trained module in eval mode on the CPU, and what the training was and reached."""

    module: nn.Module
    metric: str
    metric_value: float
    epochs: int
    seconds: float
    data: str


def train(
    module: nn.Module,
    spec: ModelSpec,
    *,
    seed: int = 0,
    device: str = "cpu",
    epochs: int | None = None,
    observe: Observe = ignore,
) -> TrainingOutcome:
    """Train `module` in place by the spec's plan; the same seed gives the same weights.

    The caller's random state is untouched. Raises `DataError`, `MissingError` (no such device)
    and `TrainingError` (diverged, or the plan cannot be followed), all naming the model.
    """
    plan = spec.training
    if plan is None:
        raise TrainingError("the model has no training plan", model=spec.name)
    _refuse_missing_device(device, spec.name)
    started = time.perf_counter()
    shorter = plan if epochs is None else replace(plan, epochs=epochs)
    try:
        with seeded(seed), torch.enable_grad(), _reproducible():
            metric_value = _train(module.to(device), spec, shorter, device, observe)
    except ToolkitError as error:
        error.model = error.model or spec.name
        raise
    finally:
        module.to("cpu").eval()
    seconds = time.perf_counter() - started
    return TrainingOutcome(module, plan.metric, metric_value, shorter.epochs, seconds, plan.data)


def _refuse_missing_device(device: str, model: str) -> None:
    if torch.device(device).type == "cuda" and not torch.cuda.is_available():
        raise MissingError(
            f"no CUDA device to train on: {device}", model=model, hint="use --device cpu"
        )


@contextmanager
def _reproducible() -> Iterator[None]:
    """Sums in the same order every time: one thread, deterministic convolutions.

    With two threads the same seed gives other weights, and networks of this size train no faster:
    on a shared machine several times slower.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.backends.cudnn.flags(deterministic=True, benchmark=False):
            yield
    finally:
        torch.set_num_threads(threads)


def _train(
    module: nn.Module, spec: ModelSpec, plan: TrainingPlan, device: str, observe: Observe
) -> float:
    data = _on(device, _load(spec, plan))
    module.train()
    objective = _objective(module, spec, plan, data)
    if objective.metric_name != plan.metric:
        raise TrainingError(
            f"the objective {plan.objective} is judged by {objective.metric_name}, "
            f"not by {plan.metric}"
        )
    _run_epochs(objective, spec.name, plan, data, observe)
    module.eval()
    return objective.metric()


def _load(spec: ModelSpec, plan: TrainingPlan) -> DataSet:
    """Samples in the shape of the port that carries them: a generator's is its output."""
    port = spec.outputs[0] if plan.objective == "cgan" else spec.inputs[0]
    return data_sets.load(plan.data, _sample_shape(port), pixel_range=plan.pixel_range)


def _sample_shape(port: Port) -> tuple[int, ...]:
    sizes = port.shape[1:]
    if not all(isinstance(size, int) for size in sizes):
        raise TrainingError(f"{port.name} has dynamic dimensions besides its first: {port.shape}")
    return tuple(int(size) for size in sizes)


def _on(device: str, data: DataSet) -> DataSet:
    return replace(
        data,
        train_inputs=data.train_inputs.to(device),
        train_targets=data.train_targets.to(device),
        held_out_inputs=data.held_out_inputs.to(device),
        held_out_targets=data.held_out_targets.to(device),
    )


def _adversarial(
    module: nn.Module, plan: TrainingPlan, data: DataSet, *, spec: ModelSpec
) -> Objective:
    return Adversarial(module, plan, data, noise=_sample_shape(spec.inputs[0])[0])


def _objective(module: nn.Module, spec: ModelSpec, plan: TrainingPlan, data: DataSet) -> Objective:
    objectives: dict[str, Callable[[nn.Module, TrainingPlan, DataSet], Objective]] = {
        "cross_entropy": partial(Classification, loss=F.cross_entropy),
        "nll": partial(Classification, loss=F.nll_loss),
        "vae": Autoencoding,
        "cgan": partial(_adversarial, spec=spec),
    }
    build = objectives.get(plan.objective)
    if build is None:
        raise TrainingError(
            f"there is no objective {plan.objective!r}",
            hint=f"the objectives are: {', '.join(objectives)}",
        )
    return build(module, plan, data)


def _run_epochs(
    objective: Objective, model: str, plan: TrainingPlan, data: DataSet, observe: Observe
) -> None:
    steps = max(1, len(data.train_inputs) // plan.batch_size)
    total = steps * plan.epochs
    every = math.ceil(total / PROGRESS_EVENTS)
    done, said = 0, ""
    for _ in range(plan.epochs):
        for inputs, targets in _batches(data, plan.batch_size):
            set_rate(plan, objective.optimisers, done / total)
            loss = objective.step(inputs, targets)
            done += 1
            if not math.isfinite(loss):
                raise TrainingError(
                    f"the loss became {loss} at step {done} of {total}",
                    hint="a lower learning rate in the training plan",
                )
            if done % every == 0:
                observe(Progress(model, "train", _detail(loss, said), done, total))
        said = objective.after_epoch()
    observe(Progress(model, "train", _detail(loss, said), done, total))


def _detail(loss: float, said: str) -> str:
    return f"loss {loss:.3g} · {said}" if said else f"loss {loss:.3g}"


def _batches(data: DataSet, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """All samples in a new random order; a short last batch is left to the next epoch."""
    count = len(data.train_inputs)
    order = torch.randperm(count).to(data.train_inputs.device)
    whole = count - count % size if count > size else count
    for rows in parts(order[:whole], size):
        yield data.train_inputs[rows], data.train_targets[rows]

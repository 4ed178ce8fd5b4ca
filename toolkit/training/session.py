"""One training from beginning to end: plan, data, objective, loop, judgement."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from toolkit import data as data_sets
from toolkit.data import DataSet, Wanted
from toolkit.errors import MissingError, ToolkitError, TrainingError
from toolkit.events import Observe, Progress, ignore
from toolkit.seeds import seeded
from toolkit.spec import ModelSpec, Port, Size, TrainingPlan
from toolkit.training.adversarial import Adversarial
from toolkit.training.autoencoding import Autoencoding
from toolkit.training.batches import Batches
from toolkit.training.freezing import frozen
from toolkit.training.initialisers import initialise
from toolkit.training.loop import Ended, Loop
from toolkit.training.objectives import Judgement, Objective
from toolkit.training.stopping import without_validation
from toolkit.training.supervised import LOSSES, Supervised

_AUTOENCODING = "vae"
ALTERNATING = "cgan"

OBJECTIVES = (*LOSSES, _AUTOENCODING, ALTERNATING)


@dataclass(frozen=True)
class TrainingOutcome:
    """A trained module in eval mode on the CPU, and what the training was and reached.

    `epochs` are those that were completed. `per_class` is the held-out accuracy of each class of
    `labels`, None for one without samples; empty where there are no classes. `partner` is the
    second network of an alternating training. With `interrupted` the weights are the best until
    Ctrl-C: of the best epoch by the held-out metric, which is therefore a little too good for
    them; of the least validation loss where the plan has patience; of the moment where no epoch
    had ended, and in an alternating training.
    """

    module: nn.Module
    metric: str
    metric_value: float
    epochs: int
    seconds: float
    data: str
    per_class: tuple[float | None, ...] = ()
    labels: tuple[str, ...] = ()
    partner: nn.Module | None = None
    interrupted: bool = False


def chosen_plan(
    plan: TrainingPlan, *, data: str | None = None, epochs: int | None = None
) -> TrainingPlan:
    """The plan with another data set, or other epochs, where they were asked for.

    A floor is promised for the plan's own data alone.
    """
    if data is not None and data != plan.data:
        plan = replace(plan, data=data, floor=None)
    return plan if epochs is None else replace(plan, epochs=epochs)


def train(
    module: nn.Module,
    spec: ModelSpec,
    *,
    plan: TrainingPlan | None = None,
    seed: int = 0,
    device: str = "cpu",
    epochs: int | None = None,
    data: str | None = None,
    data_dir: Path | str | None = None,
    observe: Observe = ignore,
) -> TrainingOutcome:
    """Train `module` in place by `plan`, the spec's own where none is given.

    The same seed gives the same weights on the same machine; the caller's random state is
    untouched. `data` and `epochs` take the place of the plan's; `data_dir` is where data that are
    not embedded lie, or are downloaded to. Ctrl-C ends the training, not the program: the outcome
    says so. Raises `DataError`, `MissingError` (no such device) and `TrainingError` (diverged, or
    the plan cannot be followed), all naming the model.
    """
    given = plan or spec.training
    if given is None:
        raise TrainingError("the model has no training plan", model=spec.name)
    followed = chosen_plan(given, data=data, epochs=epochs)
    _refuse_missing_device(device, spec.name)
    folder = None if data_dir is None else Path(data_dir)
    started = time.perf_counter()
    try:
        with seeded(seed), torch.enable_grad(), _reproducible():
            outcome = _train(
                module, spec, followed, device=device, data_dir=folder, observe=observe
            )
    except ToolkitError as error:
        error.model = error.model or spec.name
        raise
    finally:
        module.to("cpu").eval()
    return replace(outcome, seconds=time.perf_counter() - started)


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
    module: nn.Module,
    spec: ModelSpec,
    plan: TrainingPlan,
    *,
    device: str,
    data_dir: Path | None,
    observe: Observe,
) -> TrainingOutcome:
    _refuse_blind_patience(plan)
    observe(Progress(spec.name, "train", f"reading {Path(plan.data).name}"))
    data = load_data(spec, plan, data_dir)
    axes = batch_axes(spec, plan, data)
    train_samples, watched = data.train, None
    if plan.patience is not None:
        train_samples, watched = without_validation(data.train)
    batches = Batches(train_samples, axes, device)
    held_out = Batches(data.held_out, axes, device)
    validation = None if watched is None else Batches(watched, axes, device)
    module.to(device).train()
    with frozen(module, plan.freeze):
        if plan.initialiser is not None:
            initialise(module, plan.initialiser)
        objective = _objective(module, spec, plan, batches, held_out)
        loop = Loop(objective, module, plan, batches, validation)
        ended = loop.run(spec.name, observe)
        module.eval()
        judgement, ended = _judged(objective, ended)
    partner = objective.discriminator if isinstance(objective, Adversarial) else None
    return TrainingOutcome(
        module,
        plan.metric,
        judgement.value,
        ended.epochs,
        0.0,
        data.name,
        judgement.per_class,
        data.labels[: len(judgement.per_class)],
        None if partner is None else partner.to("cpu").eval(),
        ended.interrupted,
    )


def _refuse_blind_patience(plan: TrainingPlan) -> None:
    """Early stopping without a loss to watch would stop at once, and choose no weights."""
    if plan.patience is not None and plan.objective == ALTERNATING:
        raise TrainingError(
            "an alternating training has no validation loss to stop early by",
            hint="no `patience` in the training plan; fewer `epochs` end it earlier",
        )


def _judged(objective: Objective, ended: Ended) -> tuple[Judgement, Ended]:
    """The metric; Ctrl-C while it is found is no reason to lose the weights that it is of."""
    try:
        return objective.judge(), ended
    except KeyboardInterrupt:
        return objective.judge(), replace(ended, interrupted=True)


def load_data(spec: ModelSpec, plan: TrainingPlan, data_dir: Path | None = None) -> DataSet:
    """Samples in the shape of the port that carries them: a generator's is its output."""
    port = spec.outputs[0] if plan.objective == ALTERNATING else spec.inputs[0]
    wanted = Wanted(
        _sample_shape(spec, port),
        pixel_range=plan.pixel_range,
        mean=plan.mean,
        std=plan.std,
        classes=plan.classes,
        positive=plan.positive,
        preprocess=spec.preprocess,
        data_dir=data_dir,
    )
    return data_sets.load(plan.data, wanted)


def _sample_shape(spec: ModelSpec, port: Port) -> tuple[Size, ...]:
    """The port's shape without the batch; dynamic sizes of an image are those of its crop."""
    axis = port.batch_axis or 0
    sizes = (*port.shape[:axis], *port.shape[axis + 1 :])
    if spec.preprocess is None:
        return sizes
    side = spec.preprocess.crop + 2 * spec.preprocess.padding
    return tuple(side if isinstance(size, str) else size for size in sizes)


def batch_axes(spec: ModelSpec, plan: TrainingPlan, data: DataSet) -> tuple[int, ...]:
    """Where each input of the model has its batch; raises `TrainingError` for other inputs."""
    given = len(data.train.take(torch.arange(1)))
    if plan.objective == ALTERNATING:
        return (0,) * given
    if given != len(spec.inputs):
        raise TrainingError(
            f"{data.name} gives {given} inputs, the model takes {len(spec.inputs)}: "
            f"{', '.join(port.name for port in spec.inputs)}"
        )
    return tuple(port.batch_axis or 0 for port in spec.inputs)


def _objective(
    module: nn.Module, spec: ModelSpec, plan: TrainingPlan, train: Batches, held_out: Batches
) -> Objective:
    objective: Objective
    if plan.objective in LOSSES:
        objective = Supervised(module, plan, train, held_out)
    elif plan.objective == _AUTOENCODING:
        objective = Autoencoding(module, plan, train, held_out)
    elif plan.objective == ALTERNATING:
        objective = Adversarial(module, plan, train, held_out, _noise_size(spec))
    else:
        raise TrainingError(
            f"there is no objective {plan.objective!r}",
            hint=f"the objectives are: {', '.join(OBJECTIVES)}",
        )
    if objective.metric_name != plan.metric:
        raise TrainingError(
            f"the objective {plan.objective} is judged by {objective.metric_name}, "
            f"not by {plan.metric}"
        )
    return objective


def _noise_size(spec: ModelSpec) -> int:
    """How many numbers a generator's first input takes a sample."""
    size = spec.inputs[0].shape[-1]
    if not isinstance(size, int):
        raise TrainingError(f"{spec.inputs[0].name} has no fixed size: {spec.inputs[0].shape}")
    return size

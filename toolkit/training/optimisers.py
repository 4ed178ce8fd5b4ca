"""Optimisers by the name that a training plan gives them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import nn

from toolkit.errors import TrainingError
from toolkit.spec import TrainingPlan

Parameters = Iterable[nn.Parameter]


def _sgd(plan: TrainingPlan, parameters: Parameters) -> torch.optim.Optimizer:
    return torch.optim.SGD(
        parameters,
        lr=plan.learning_rate,
        momentum=plan.momentum,
        weight_decay=plan.weight_decay,
    )


def _adam(plan: TrainingPlan, parameters: Parameters) -> torch.optim.Optimizer:
    return torch.optim.Adam(
        parameters,
        lr=plan.learning_rate,
        betas=plan.adam_betas,
        weight_decay=plan.weight_decay,
        fused=True,
    )


_OPTIMISERS: dict[str, Callable[[TrainingPlan, Parameters], torch.optim.Optimizer]] = {
    "adam": _adam,
    "sgd": _sgd,
}


def optimiser(plan: TrainingPlan, module: nn.Module) -> torch.optim.Optimizer:
    """The plan's optimiser over the parameters that are not frozen; raises `TrainingError`."""
    build = _OPTIMISERS.get(plan.optimiser)
    if build is None:
        raise TrainingError(
            f"there is no optimiser {plan.optimiser!r}",
            hint=f"the optimisers are: {', '.join(_OPTIMISERS)}",
        )
    trainable = [parameter for parameter in module.parameters() if parameter.requires_grad]
    if not trainable:
        raise TrainingError("every parameter is frozen: there is nothing to train")
    return build(plan, trainable)


def set_rate(plan: TrainingPlan, optimisers: Iterable[torch.optim.Optimizer], done: float) -> None:
    """The learning rate when the share `done` of the training lies behind, 0 … 1."""
    if plan.schedule == "constant":
        return
    for each in optimisers:
        for group in each.param_groups:
            group["lr"] = plan.learning_rate * (1.0 - done)

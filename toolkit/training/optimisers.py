"""Optimisers by the name that a training plan gives them, and one step of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer

from toolkit.errors import TrainingError
from toolkit.spec import TrainingPlan
from toolkit.training.freezing import trainable

Parameters = list[nn.Parameter]


class HandWrittenSgd(Optimizer):
    """Gradient descent as it is written down: w -= lr · g."""

    def __init__(self, parameters: Parameters, lr: float) -> None:
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move every weight against its gradient."""
        del closure
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    weight.sub_(group["lr"] * weight.grad)


def _options(plan: TrainingPlan) -> dict[str, Any]:
    return {"lr": plan.learning_rate, "weight_decay": plan.weight_decay}


def _sgd(plan: TrainingPlan, parameters: Parameters) -> Optimizer:
    return torch.optim.SGD(
        parameters, momentum=plan.momentum, nesterov=plan.nesterov, **_options(plan)
    )


def _adam(plan: TrainingPlan, parameters: Parameters) -> Optimizer:
    return torch.optim.Adam(parameters, betas=plan.adam_betas, fused=True, **_options(plan))


def _rmsprop(plan: TrainingPlan, parameters: Parameters) -> Optimizer:
    return torch.optim.RMSprop(parameters, momentum=plan.momentum, **_options(plan))


_OPTIMISERS: dict[str, Callable[[TrainingPlan, Parameters], Optimizer]] = {
    "sgd": _sgd,
    "hand_written_sgd": lambda plan, weights: HandWrittenSgd(weights, plan.learning_rate),
    "adam": _adam,
    "adagrad": lambda plan, weights: torch.optim.Adagrad(weights, **_options(plan)),
    "adadelta": lambda plan, weights: torch.optim.Adadelta(weights, **_options(plan)),
    "rmsprop": _rmsprop,
}

OPTIMISERS = tuple(_OPTIMISERS)

_WITH_MOMENTUM = ("sgd", "rmsprop")


def optimiser(plan: TrainingPlan, module: nn.Module) -> Optimizer:
    """The plan's optimiser over the parameters that are not frozen; raises `TrainingError`."""
    build = _OPTIMISERS.get(plan.optimiser)
    if build is None:
        raise TrainingError(
            f"there is no optimiser {plan.optimiser!r}",
            hint=f"the optimisers are: {', '.join(OPTIMISERS)}",
        )
    _refuse_what_it_would_pass_over(plan)
    weights = trainable(module)
    if not weights:
        raise TrainingError("every parameter is frozen: there is nothing to train")
    try:
        return build(plan, weights)
    except ValueError as error:
        raise TrainingError(f"the optimiser {plan.optimiser} refuses the plan: {error}") from error


def _refuse_what_it_would_pass_over(plan: TrainingPlan) -> None:
    said = {
        "momentum": plan.momentum > 0 and plan.optimiser not in _WITH_MOMENTUM,
        "nesterov": plan.nesterov and plan.optimiser != "sgd",
        "weight_decay": plan.weight_decay > 0 and plan.optimiser == "hand_written_sgd",
    }
    idle = [name for name, passed_over in said.items() if passed_over]
    if idle:
        raise TrainingError(f"the optimiser {plan.optimiser} takes no {', '.join(idle)}")


class Descent:
    """Steps of one optimiser over one module, with the plan's penalties and clipping."""

    def __init__(self, plan: TrainingPlan, module: nn.Module) -> None:
        self.plan = plan
        self.optimiser = optimiser(plan, module)
        self.weights = trainable(module)

    def step(self, loss: Tensor) -> float:
        """Move the weights against the gradient of the loss; the penalised loss before it."""
        penalised = loss + self._penalty() if self.plan.l1 or self.plan.l2 else loss
        self.optimiser.zero_grad()
        penalised.backward()  # type: ignore[no-untyped-call]
        if self.plan.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.weights, self.plan.clip_norm)
        self.optimiser.step()
        return penalised.item()

    def _penalty(self) -> Tensor:
        """λ₁ ‖w‖₁ + λ₂ ‖w‖₂ over all trained weights as one vector (the norm, not its square)."""
        vector = nn.utils.parameters_to_vector(self.weights)
        penalty: Tensor = torch.linalg.vector_norm(vector) * self.plan.l2
        return penalty + self.plan.l1 * vector.abs().sum()


def set_rate(plan: TrainingPlan, optimisers: Iterable[Optimizer], done: float) -> None:
    """The learning rate when the share `done` of the training lies behind, 0 … 1."""
    if plan.schedule == "constant":
        return
    for each in optimisers:
        for group in each.param_groups:
            group["lr"] = plan.learning_rate * (1.0 - done)

"""Classes learnt from examples: every loss that compares outputs with targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer

from toolkit.errors import TrainingError
from toolkit.spec import TrainingPlan
from toolkit.training.accuracy import Guesses, accuracy, decided, per_class_accuracy
from toolkit.training.batches import Batches
from toolkit.training.objectives import Judgement, Standing, evaluating
from toolkit.training.optimisers import Descent

_LEAST_PROBABILITY = 1e-7  # its logarithm is finite in float32, and so is the gradient


@dataclass(frozen=True)
class Loss:
    """A loss of outputs and classes (B,), and over what a lone output speaks for class 1."""

    of: Callable[[Tensor, Tensor], Tensor]
    threshold: float = 0.5
    classes: bool = False
    """Whether the outputs must be one a class."""


def _nll_of_probabilities(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.nll_loss(torch.log(outputs + _LEAST_PROBABILITY), targets)


def like(outputs: Tensor, targets: Tensor) -> Tensor:
    """Classes as the numbers that the outputs should be: 0 and 1, one-hot over several."""
    if outputs.numel() == targets.numel():
        return targets.to(outputs.dtype).reshape(outputs.shape)
    return F.one_hot(targets, outputs.shape[1]).to(outputs.dtype)


LOSSES: dict[str, Loss] = {
    "cross_entropy": Loss(F.cross_entropy, classes=True),
    "nll": Loss(F.nll_loss, classes=True),
    "nll_of_probabilities": Loss(_nll_of_probabilities, classes=True),
    "bce": Loss(lambda out, of: F.binary_cross_entropy(out, like(out, of))),
    "bce_with_logits": Loss(
        lambda out, of: F.binary_cross_entropy_with_logits(out, like(out, of)), threshold=0.0
    ),
    "squared_error": Loss(lambda out, of: F.mse_loss(out, like(out, of))),
}


class Supervised:
    """A loss between outputs and classes, judged by the accuracy on held-out samples."""

    metric_name = "accuracy"

    def __init__(
        self, module: nn.Module, plan: TrainingPlan, train: Batches, held_out: Batches
    ) -> None:
        self.module = module
        self.held_out = held_out
        self.loss = LOSSES[plan.objective]
        self.classes = int(max(train.targets.max(), held_out.targets.max())) + 1
        self.descent = Descent(plan, module)
        self.optimisers: tuple[Optimizer, ...] = (self.descent.optimiser,)

    def step(self, inputs: tuple[Tensor, ...], targets: Tensor) -> float:
        """Learn from one batch; its mean loss."""
        outputs = self.module(*inputs)
        self._refuse_too_few(outputs)
        return self.descent.step(self.loss.of(outputs, targets))

    def _refuse_too_few(self, outputs: Tensor) -> None:
        """Outputs that cannot tell the classes of the data apart: torch's own words do not help."""
        lone = outputs.ndim == 1 or outputs.shape[1] == 1
        told_apart = 2 if lone and not self.loss.classes else outputs.shape[-1]
        if self.classes > told_apart:
            raise TrainingError(
                f"the data have {self.classes} classes, the model's outputs {tuple(outputs.shape)} "
                f"tell {told_apart} apart",
                hint="another data set, or `classes` or `positive` in the training plan",
            )

    def after_epoch(self) -> Standing:
        """The held-out accuracy so far."""
        value = accuracy(self._guesses(), self.held_out.targets)
        return Standing(value, f"accuracy {value:.1%}")

    def loss_on(self, batches: Batches) -> float:
        """The mean loss a sample."""
        with evaluating(self.module):
            losses = [
                self.loss.of(self.module(*inputs), targets).item() * len(targets)
                for inputs, targets in batches.in_order()
            ]
        return sum(losses) / len(batches)

    def judge(self) -> Judgement:
        """Held-out accuracy, 0 … 1, over all samples and a class."""
        guesses, targets = self._guesses(), self.held_out.targets
        return Judgement(
            accuracy(guesses, targets), per_class_accuracy(guesses, targets, self.classes)
        )

    def _guesses(self) -> Guesses:
        return guesses(self.module, self.held_out, self.loss.threshold)


def guesses(module: nn.Module, batches: Batches, threshold: float = 0.5) -> Guesses:
    """The class that the module finds in every sample."""
    with evaluating(module):
        outputs = [module(*inputs).cpu() for inputs, _ in batches.in_order()]
    return decided(torch.cat(outputs).numpy(), threshold)

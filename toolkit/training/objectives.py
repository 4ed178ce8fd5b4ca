"""What a training minimises and how its result is judged: one small class an objective."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toolkit.data import DataSet
from toolkit.spec import TrainingPlan
from toolkit.training.optimisers import optimiser

_EVALUATION_BATCH = 256


class Objective(Protocol):
    """One training in progress."""

    metric_name: str
    optimisers: tuple[torch.optim.Optimizer, ...]

    def step(self, inputs: Tensor, targets: Tensor) -> float:
        """Learn from one batch; the loss before the step."""
        ...

    def after_epoch(self) -> str:
        """What can be said of held-out data cheaply, in words; empty where nothing can."""
        ...

    def metric(self) -> float:
        """The plan's metric on held-out data."""
        ...


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Eval mode without gradients inside; the mode that was before, after."""
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        module.train(was_training)


def parts(tensor: Tensor, size: int) -> Iterator[Tensor]:
    """A tensor in pieces of `size` along its first axis; the last may be shorter."""
    return (tensor[start : start + size] for start in range(0, len(tensor), size))


def accuracy(module: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    """The share of samples whose largest output is their class."""
    with evaluating(module):
        guesses = [module(part).argmax(dim=1) for part in parts(inputs, _EVALUATION_BATCH)]
    return float((torch.cat(guesses) == targets).float().mean())


class Classification:
    """Class indices from logits (cross_entropy) or from log-probabilities (nll)."""

    metric_name = "accuracy"

    def __init__(
        self,
        module: nn.Module,
        plan: TrainingPlan,
        data: DataSet,
        loss: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy,
    ) -> None:
        self.module = module
        self.data = data
        self.loss = loss
        self.optimisers: tuple[torch.optim.Optimizer, ...] = (optimiser(plan, module),)

    def step(self, inputs: Tensor, targets: Tensor) -> float:
        """Learn from one batch; its mean loss."""
        self.optimisers[0].zero_grad()
        loss = self.loss(self.module(inputs), targets)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimisers[0].step()
        return loss.item()

    def after_epoch(self) -> str:
        """The held-out accuracy so far."""
        return f"accuracy {self.metric():.1%}"

    def metric(self) -> float:
        """Held-out accuracy, 0 … 1."""
        return accuracy(self.module, self.data.held_out_inputs, self.data.held_out_targets)


class Autoencoding:
    """Summed binary cross-entropy of the reconstruction and β times the divergence, a sample.

    The module gives reconstruction, mu and logvar. Kingma and Welling, 2013, equation 10. Against
    grey pixels the cross-entropy of a perfect reconstruction is their own entropy, not 0 (254 of
    544 nats for `digits`): the reconstruction loss that is told and judged is what lies above it.
    """

    metric_name = "reconstruction_loss_ratio"

    def __init__(self, module: nn.Module, plan: TrainingPlan, data: DataSet) -> None:
        self.module = module
        self.data = data
        self.kl_weight = plan.kl_weight
        self.optimisers: tuple[torch.optim.Optimizer, ...] = (optimiser(plan, module),)
        self.first_epoch: list[float] = []
        self.first_epoch_ended = False

    def step(self, inputs: Tensor, targets: Tensor) -> float:
        """Learn from one batch; its loss a sample. Classes do not matter here."""
        del targets
        self.optimisers[0].zero_grad()
        reconstruction, mu, logvar = self.module(inputs)
        error = _reconstruction_loss(reconstruction, inputs)
        divergence = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) / len(inputs)
        loss: Tensor = error + self.kl_weight * divergence
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimisers[0].step()
        if not self.first_epoch_ended:
            self.first_epoch.append(error.item() - _entropy(inputs))
        return loss.item()

    def after_epoch(self) -> str:
        """The held-out reconstruction loss so far."""
        self.first_epoch_ended = True
        return f"held-out reconstruction {self._held_out():.1f}"

    def metric(self) -> float:
        """Held-out reconstruction loss by the mean of training's first epoch; less is better."""
        return self._held_out() / (sum(self.first_epoch) / len(self.first_epoch))

    def _held_out(self) -> float:
        images = self.data.held_out_inputs
        with evaluating(self.module):
            losses = [
                _reconstruction_loss(self.module(part)[0], part).item() * len(part)
                for part in parts(images, _EVALUATION_BATCH)
            ]
        return sum(losses) / len(images) - _entropy(images)


def _entropy(images: Tensor) -> float:
    """The least cross-entropy that such pixels allow: summed over pixels, mean over samples."""
    surprise = torch.xlogy(images, images) + torch.xlogy(1 - images, 1 - images)
    return -surprise.sum().item() / len(images)


def _reconstruction_loss(reconstruction: Tensor, images: Tensor) -> Tensor:
    """Summed over pixels, mean over samples."""
    return F.binary_cross_entropy(reconstruction, images, reduction="sum") / len(images)

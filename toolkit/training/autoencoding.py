"""A variational autoencoder: reconstruction and divergence (Kingma and Welling, 2013)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer

from toolkit.spec import TrainingPlan
from toolkit.training.batches import Batches
from toolkit.training.objectives import Judgement, Standing, evaluating
from toolkit.training.optimisers import Descent


class Autoencoding:
    """Summed binary cross-entropy of the reconstruction and β times the divergence, a sample.

    The module gives reconstruction, mu and logvar. Kingma and Welling, 2013, equation 10. Against
    grey pixels the cross-entropy of a perfect reconstruction is their own entropy, not 0 (254 of
    544 nats for `digits`): the reconstruction loss that is told and judged is what lies above it.
    """

    metric_name = "reconstruction_loss_ratio"

    def __init__(
        self, module: nn.Module, plan: TrainingPlan, train: Batches, held_out: Batches
    ) -> None:
        del train
        self.module = module
        self.held_out = held_out
        self.kl_weight = plan.kl_weight
        self.descent = Descent(plan, module)
        self.optimisers: tuple[Optimizer, ...] = (self.descent.optimiser,)
        self.first_epoch: list[float] = []
        self.first_epoch_ended = False

    def step(self, inputs: tuple[Tensor, ...], targets: Tensor) -> float:
        """Learn from one batch; its loss a sample. Classes do not matter here."""
        del targets
        (images,) = inputs
        error, divergence = self._terms(images)
        if not self.first_epoch_ended:
            self.first_epoch.append(error.item() - _entropy(images))
        return self.descent.step(error + self.kl_weight * divergence)

    def _terms(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Reconstruction loss and divergence, a sample each."""
        reconstruction, mu, logvar = self.module(images)
        divergence = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) / len(images)
        error = F.binary_cross_entropy(reconstruction, images, reduction="sum") / len(images)
        return error, divergence

    def after_epoch(self) -> Standing:
        """The held-out reconstruction loss so far."""
        self.first_epoch_ended = True
        loss = self._reconstruction()
        return Standing(-loss, f"held-out reconstruction {loss:.1f}")

    def loss_on(self, batches: Batches) -> float:
        """The loss a sample, the code's mean in place of a draw."""
        total = 0.0
        with evaluating(self.module):
            for (images,), _ in batches.in_order():
                error, divergence = self._terms(images)
                total += (error + self.kl_weight * divergence).item() * len(images)
        return total / len(batches)

    def judge(self) -> Judgement:
        """Held-out reconstruction loss by the mean of training's first epoch; less is better."""
        first = sum(self.first_epoch) / max(1, len(self.first_epoch))
        return Judgement(self._reconstruction() / first if first else float("nan"))

    def _reconstruction(self) -> float:
        total = 0.0
        with evaluating(self.module):
            for (images,), _ in self.held_out.in_order():
                total += (self._terms(images)[0].item() - _entropy(images)) * len(images)
        return total / len(self.held_out)


def _entropy(images: Tensor) -> float:
    """The least cross-entropy that such pixels allow: summed over pixels, mean over samples."""
    surprise = torch.xlogy(images, images) + torch.xlogy(1 - images, 1 - images)
    return -surprise.sum().item() / len(images)

"""Alternating training of a conditional generator and its discriminator.

Goodfellow et al., "Generative adversarial nets", 2014, with the non-saturating generator loss;
labels given to both (Mirza and Osindero, 2014). The discriminator also sees real images under wrong
labels as forged ones (Reed et al., "Generative adversarial text to image synthesis", 2016): without
them it learns what digits look like long before it looks at the label.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toolkit.data import PADDED_SIDE, SIDE, DataSet
from toolkit.errors import TrainingError
from toolkit.spec import TrainingPlan
from toolkit.training.objectives import Classification, accuracy, evaluating, parts
from toolkit.training.optimisers import optimiser

GENERATED = 1000
READER_EPOCHS = 8
READER_BATCH = 32
MISMATCHED_WEIGHT = 0.5


class Adversarial:
    """The module turns noise and labels into images; judged by a classifier that reads them."""

    metric_name = "read_accuracy"

    def __init__(self, module: nn.Module, plan: TrainingPlan, data: DataSet, noise: int) -> None:
        if plan.partner is None or plan.reader is None:
            raise TrainingError("alternating training needs a partner and a reader in its plan")
        self.generator = module
        self.plan = plan
        self.data = data
        self.noise = noise
        device = data.train_inputs.device
        self.discriminator = plan.partner().to(device).train()
        self.optimisers: tuple[torch.optim.Optimizer, ...] = (
            optimiser(plan, module),
            optimiser(plan, self.discriminator),
        )
        self.classes = int(data.train_targets.max()) + 1

    def step(self, inputs: Tensor, targets: Tensor) -> float:
        """One step of the discriminator, one of the generator; the sum of their losses."""
        labels = self._random_labels(len(inputs))
        forged = self.generator(self._noise(len(inputs)), labels)
        told_apart = self._discriminator_step(inputs, targets, forged.detach(), labels)
        return told_apart + self._generator_step(forged, labels)

    def _discriminator_step(
        self, images: Tensor, labels: Tensor, forged: Tensor, forged_labels: Tensor
    ) -> float:
        self.optimisers[1].zero_grad()
        real = self.discriminator(images, labels)
        fake = self.discriminator(forged, forged_labels)
        mismatched = self.discriminator(images, self._wrong_labels(labels))
        loss = _bce(real, 1.0) + _bce(fake, 0.0) + MISMATCHED_WEIGHT * _bce(mismatched, 0.0)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimisers[1].step()
        return loss.item()

    def _generator_step(self, forged: Tensor, labels: Tensor) -> float:
        self.optimisers[0].zero_grad()
        self.discriminator.requires_grad_(False)  # its gradients would be thrown away
        loss = _bce(self.discriminator(forged, labels), 1.0)
        loss.backward()  # type: ignore[no-untyped-call]
        self.discriminator.requires_grad_(True)
        self.optimisers[0].step()
        return loss.item()

    def _wrong_labels(self, labels: Tensor) -> Tensor:
        shift = torch.randint(1, self.classes, labels.shape, device=labels.device)
        return (labels + shift) % self.classes

    def _noise(self, count: int) -> Tensor:
        return torch.randn(count, self.noise, device=self.data.train_inputs.device)

    def _random_labels(self, count: int) -> Tensor:
        return torch.randint(self.classes, (count,), device=self.data.train_inputs.device)

    def after_epoch(self) -> str:
        """Nothing: a reader is trained only once, at the end."""
        return ""

    def metric(self) -> float:
        """The share of generated images in which a trained reader finds the asked-for class."""
        reader = self._trained_reader()
        labels = torch.arange(GENERATED, device=self.data.train_inputs.device) % self.classes
        with evaluating(self.generator):
            images = self.generator(self._noise(GENERATED), labels)
        return accuracy(reader, self._padded(images), labels)

    def _trained_reader(self) -> nn.Module:
        """The plan's classifier, trained on the real images in its own size of 32x32."""
        assert self.plan.reader is not None
        device = self.data.train_inputs.device
        reader = self.plan.reader().to(device).train()
        plan = TrainingPlan(self.plan.data, "cross_entropy", "accuracy", 0.0)
        lesson = Classification(reader, plan, self.data)
        inputs, targets = self._padded(self.data.train_inputs), self.data.train_targets
        for _ in range(READER_EPOCHS):
            for rows in parts(torch.randperm(len(inputs)).to(device), READER_BATCH):
                lesson.step(inputs[rows], targets[rows])
        return reader.eval()

    def _padded(self, images: Tensor) -> Tensor:
        """(N, 28, 28) → (N, 1, 32, 32) with background around."""
        border = (PADDED_SIDE - SIDE) // 2
        return F.pad(images.unsqueeze(1), (border,) * 4, value=self.plan.pixel_range[0])


def _bce(probabilities: Tensor, truth: float) -> Tensor:
    return F.binary_cross_entropy(probabilities, torch.full_like(probabilities, truth))

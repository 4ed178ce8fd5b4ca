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
from torch.optim.optimizer import Optimizer

from toolkit.data import PADDED_SIDE, SIDE
from toolkit.errors import TrainingError
from toolkit.spec import TrainingPlan
from toolkit.training.accuracy import accuracy, decided, per_class_accuracy
from toolkit.training.batches import Batches
from toolkit.training.objectives import Judgement, Standing, evaluating
from toolkit.training.optimisers import Descent
from toolkit.training.supervised import Supervised

GENERATED = 1000
READER_EPOCHS = 8
READER_BATCH = 32
MISMATCHED_WEIGHT = 0.5


class Adversarial:
    """The module turns noise and labels into images; judged by a classifier that reads them."""

    metric_name = "read_accuracy"

    def __init__(
        self,
        module: nn.Module,
        plan: TrainingPlan,
        train: Batches,
        held_out: Batches,
        noise: int,
    ) -> None:
        if plan.partner is None or plan.reader is None:
            raise TrainingError("alternating training needs a partner and a reader in its plan")
        self.generator = module
        self.plan = plan
        self.train = train
        self.held_out = held_out
        self.noise = noise
        self.discriminator = plan.partner().to(train.device).train()
        self.descents = (Descent(plan, module), Descent(plan, self.discriminator))
        self.optimisers: tuple[Optimizer, ...] = tuple(each.optimiser for each in self.descents)
        self.classes = int(train.targets.max()) + 1

    def step(self, inputs: tuple[Tensor, ...], targets: Tensor) -> float:
        """One step of the discriminator, one of the generator; the sum of their losses."""
        (images,) = inputs
        labels = self._random_labels(len(images))
        forged = self.generator(self._noise(len(images)), labels)
        told_apart = self._discriminator_step(images, targets, forged.detach(), labels)
        return told_apart + self._generator_step(forged, labels)

    def _discriminator_step(
        self, images: Tensor, labels: Tensor, forged: Tensor, forged_labels: Tensor
    ) -> float:
        real = self.discriminator(images, labels)
        fake = self.discriminator(forged, forged_labels)
        mismatched = self.discriminator(images, self._wrong_labels(labels))
        loss = _bce(real, 1.0) + _bce(fake, 0.0) + MISMATCHED_WEIGHT * _bce(mismatched, 0.0)
        return self.descents[1].step(loss)

    def _generator_step(self, forged: Tensor, labels: Tensor) -> float:
        self.discriminator.requires_grad_(False)  # its gradients would be thrown away
        try:
            return self.descents[0].step(_bce(self.discriminator(forged, labels), 1.0))
        finally:
            self.discriminator.requires_grad_(True)

    def _wrong_labels(self, labels: Tensor) -> Tensor:
        shift = torch.randint(1, self.classes, labels.shape, device=labels.device)
        return (labels + shift) % self.classes

    def _noise(self, count: int) -> Tensor:
        return torch.randn(count, self.noise, device=self.train.device)

    def _random_labels(self, count: int) -> Tensor:
        return torch.randint(self.classes, (count,), device=self.train.device)

    def after_epoch(self) -> Standing:
        """Nothing: a reader is trained only once, at the end."""
        return Standing()

    def loss_on(self, batches: Batches) -> None:
        """None: what either network loses, the other wins."""
        del batches

    def judge(self) -> Judgement:
        """The share of generated images in which a trained reader finds the asked-for class."""
        reader = self._trained_reader()
        labels = torch.arange(GENERATED, device=self.train.device) % self.classes
        with evaluating(self.generator):
            images = self.generator(self._noise(GENERATED), labels)
            guesses = decided(reader(self._padded(images)).cpu().numpy())
        asked_for = labels.cpu().numpy()
        return Judgement(
            accuracy(guesses, asked_for), per_class_accuracy(guesses, asked_for, self.classes)
        )

    def _trained_reader(self) -> nn.Module:
        """The plan's classifier, trained on the real images in its own size of 32x32."""
        assert self.plan.reader is not None
        reader = self.plan.reader().to(self.train.device).train()
        plan = TrainingPlan(self.plan.data, "cross_entropy", "accuracy", 0.0)
        lesson = Supervised(reader, plan, self.train, self.held_out)
        for _ in range(READER_EPOCHS):
            for (images,), targets in self.train.shuffled(READER_BATCH):
                lesson.step((self._padded(images),), targets)
        return reader.eval()

    def _padded(self, images: Tensor) -> Tensor:
        """(N, 28, 28) → (N, 1, 32, 32) with background around."""
        border = (PADDED_SIDE - SIDE) // 2
        return F.pad(images.unsqueeze(1), (border,) * 4, value=self.plan.pixel_range[0])


def _bce(probabilities: Tensor, truth: float) -> Tensor:
    return F.binary_cross_entropy(probabilities, torch.full_like(probabilities, truth))

"""A conditional generative adversarial network (Mirza and Osindero, 2014) of 28x28 images."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from toolkit.spec import ModelSpec, PartOf, Port, TrainingPlan

from . import documents
from .convolutional import LeNet5
from .digits import CLASSES, SIDE

NOISE = 100
SLOPE = 0.2
DROPOUT = 0.3


class CganGenerator(nn.Module):
    """Noise (B, 100) and labels (B,) → images (B, 28, 28) with pixels between -1 and 1."""

    def __init__(self) -> None:
        super().__init__()
        self.label_embedding = nn.Embedding(CLASSES, CLASSES)
        self.fc1 = nn.Linear(NOISE + CLASSES, 256)
        self.fc2 = nn.Linear(256, 512)
        self.fc3 = nn.Linear(512, 1024)
        self.fc4 = nn.Linear(1024, SIDE * SIDE)
        self.activation = nn.LeakyReLU(SLOPE)
        self.to_image = nn.Unflatten(1, (SIDE, SIDE))

    def forward(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """One image for each pair of noise and label."""
        hidden = torch.cat([z, self.label_embedding(labels)], dim=1)
        hidden = self.activation(self.fc1(hidden))
        hidden = self.activation(self.fc2(hidden))
        hidden = self.activation(self.fc3(hidden))
        image: torch.Tensor = self.to_image(torch.tanh(self.fc4(hidden)))
        return image


class CganDiscriminator(nn.Module):
    """Images (B, 28, 28) and labels (B,) → probability (B,) that the image is a real one."""

    def __init__(self) -> None:
        super().__init__()
        self.label_embedding = nn.Embedding(CLASSES, CLASSES)
        self.fc1 = nn.Linear(SIDE * SIDE + CLASSES, 1024)
        self.fc2 = nn.Linear(1024, 512)
        self.fc3 = nn.Linear(512, 256)
        self.fc4 = nn.Linear(256, 1)
        self.activation = nn.LeakyReLU(SLOPE)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, image: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The probability, one a sample: a bare squeeze would lose the axis of a batch of one."""
        hidden = torch.cat([torch.flatten(image, 1), self.label_embedding(labels)], dim=1)
        hidden = self.dropout(self.activation(self.fc1(hidden)))
        hidden = self.dropout(self.activation(self.fc2(hidden)))
        hidden = self.dropout(self.activation(self.fc3(hidden)))
        return torch.sigmoid(self.fc4(hidden).squeeze(1))


LABELS = Port("labels", ("batch",), dtype="int64", low=0, high=CLASSES - 1)

PLAN = TrainingPlan(
    data="digits",
    objective="cgan",
    metric="read_accuracy",
    floor=0.85,
    pixel_range=(-1.0, 1.0),
    learning_rate=5e-4,
    adam_betas=(0.5, 0.999),
    schedule="linear",
    batch_size=32,
    epochs=30,
    partner=CganDiscriminator,
    reader=LeNet5,
)

SPECS: tuple[ModelSpec, ...] = (
    ModelSpec(
        name="cgan_generator",
        build=CganGenerator,
        family="cgan",
        document=documents.A,
        summary="Label embedding and noise through linear 110-256-512-1024-784, LeakyReLU, tanh",
        inputs=(Port("z", ("batch", NOISE)), LABELS),
        outputs=(Port("image", ("batch", SIDE, SIDE)),),
        parameters=1_489_012,
        training=PLAN,
        # The document's: Fashion-MNIST in [-1, 1], steps in turn. The optimiser with its rate,
        # betas and schedule, the batch, the epochs and the reader are the toolkit's own.
        recipe=replace(PLAN, data="fashion-mnist", floor=None),
    ),
    ModelSpec(
        name="cgan_discriminator",
        build=CganDiscriminator,
        family="cgan",
        document=documents.A,
        summary="Image and label embedding through linear 794-1024-512-256-1, LeakyReLU, sigmoid",
        inputs=(Port("image", ("batch", SIDE, SIDE), low=-1.0, high=1.0), LABELS),
        outputs=(Port("probability", ("batch",)),),
        parameters=1_470_565,
        part_of=PartOf("cgan_generator", "partner"),
    ),
)

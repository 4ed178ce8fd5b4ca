"""Convolutional classifiers of 32x32 images: two convolutions, then three linear layers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from toolkit.spec import ModelSpec, Port, TrainingPlan

from . import documents

CLASSES = 10
FEATURES = 16 * 5 * 5  # 32 → 28 → 14 → 10 → 5 pixels a side


class LeNet5(nn.Module):
    """LeNet-5 with max pooling and tanh; (B, 1, 32, 32) → (B, 10) logits.

    After LeCun et al., "Gradient-based learning applied to document recognition", 1998, in the
    cheat sheet's form: ReLU after the convolutions, tanh between the linear layers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(FEATURES, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, CLASSES)

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - the port's name
        """Logits of the ten digits."""
        features = F.max_pool2d(F.relu(self.conv1(input)), 2)
        features = F.max_pool2d(F.relu(self.conv2(features)), 2)
        hidden = torch.tanh(self.fc1(torch.flatten(features, 1)))
        hidden = torch.tanh(self.fc2(hidden))
        logits: torch.Tensor = self.fc3(hidden)
        return logits


class CifarNet(nn.Module):
    """The same layers over three channels, ReLU throughout; (B, 3, 32, 32) → (B, 10) logits."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(FEATURES, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, CLASSES)

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - the port's name
        """Logits of the ten classes."""
        features = F.max_pool2d(F.relu(self.conv1(input)), 2)
        features = F.max_pool2d(F.relu(self.conv2(features)), 2)
        hidden = F.relu(self.fc1(torch.flatten(features, 1)))
        hidden = F.relu(self.fc2(hidden))
        logits: torch.Tensor = self.fc3(hidden)
        return logits


SPECS: tuple[ModelSpec, ...] = (
    ModelSpec(
        name="lenet5",
        build=LeNet5,
        family="cnn",
        document=documents.C,
        summary="Conv 6 and 16 of 5x5, ReLU and max pooling, linear 400-120-84-10 with tanh",
        inputs=(Port("input", ("batch", 1, 32, 32)),),
        outputs=(Port("logits", ("batch", CLASSES)),),
        parameters=61_706,
        training=TrainingPlan(
            data="digits",
            objective="cross_entropy",
            metric="accuracy",
            floor=0.98,
            pixel_range=(-1.0, 1.0),
            learning_rate=4e-3,
            schedule="linear",
            weight_decay=1e-3,
            batch_size=32,
            epochs=20,
        ),
    ),
    ModelSpec(
        name="cifar_net",
        build=CifarNet,
        family="cnn",
        document=documents.E,
        summary="Conv 6 and 16 of 5x5, ReLU and max pooling, linear 400-120-84-10 with ReLU",
        inputs=(Port("input", ("batch", 3, 32, 32)),),
        outputs=(Port("logits", ("batch", CLASSES)),),
        parameters=62_006,
        training=TrainingPlan(
            data="coloured-digits",
            objective="cross_entropy",
            metric="accuracy",
            floor=0.92,
            pixel_range=(-1.0, 1.0),
            learning_rate=2e-3,
            schedule="linear",
            batch_size=64,
            epochs=8,
        ),
    ),
)

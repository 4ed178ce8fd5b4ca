"""Convolutional classifiers of 32x32 images: two convolutions, then linear layers."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn

from toolkit.spec import ModelSpec, Port, TrainingPlan

from . import documents
from .digits import CLASSES, COLOURED, GREY_PADDED, LABELS

FEATURES = 16 * 5 * 5  # 32 → 28 → 14 → 10 → 5 pixels a side


class ConvNet(nn.Module):
    """Two convolutions, then linear 400-120-84-10; (B, channels, 32, 32) → (B, 10) logits.

    ReLU and max pooling after the convolutions, `between` the linear layers what is given.
    """

    def __init__(self, channels: int, between: type[nn.Module] = nn.ReLU) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(FEATURES, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, CLASSES)
        self.between = between()

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - the port's name
        """Logits of the ten classes."""
        features = F.max_pool2d(F.relu(self.conv1(input)), 2)
        features = F.max_pool2d(F.relu(self.conv2(features)), 2)
        hidden = self.between(self.fc1(torch.flatten(features, 1)))
        hidden = self.between(self.fc2(hidden))
        logits: torch.Tensor = self.fc3(hidden)
        return logits


class LeNet5(ConvNet):
    """LeNet-5 with max pooling and tanh; (B, 1, 32, 32) → (B, 10) logits.

    After LeCun et al., "Gradient-based learning applied to document recognition", 1998, in the
    cheat sheet's form: ReLU after the convolutions, tanh between the linear layers.
    """

    def __init__(self) -> None:
        super().__init__(1, nn.Tanh)


class Cnn3x5x10(nn.Module):
    """Convolutions to 5 and 10 channels, then linear 250-32-10; (B, 3, 32, 32) → (B, 10) logits."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 5, 5)
        self.conv2 = nn.Conv2d(5, 10, 5)
        self.fc1 = nn.Linear(10 * 5 * 5, 32)
        self.fc2 = nn.Linear(32, CLASSES)

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - the port's name
        """Logits of the ten classes."""
        features = F.max_pool2d(F.relu(self.conv1(input)), 2)
        features = F.max_pool2d(F.relu(self.conv2(features)), 2)
        hidden = F.relu(self.fc1(torch.flatten(features, 1)))
        logits: torch.Tensor = self.fc2(hidden)
        return logits


GREY_IMAGES = (Port("input", ("batch", 1, 32, 32)),)
COLOURED_IMAGES = (Port("input", ("batch", 3, 32, 32)),)
LOGITS = (Port("logits", ("batch", CLASSES)),)

DIGITS = TrainingPlan(
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
)
COLOURED_DIGITS = TrainingPlan(
    data="coloured-digits",
    objective="cross_entropy",
    metric="accuracy",
    floor=0.92,
    pixel_range=(-1.0, 1.0),
    learning_rate=2e-3,
    schedule="linear",
    batch_size=64,
    epochs=8,
)

SPECS: tuple[ModelSpec, ...] = (
    ModelSpec(
        name="lenet5",
        build=LeNet5,
        family="cnn",
        document=documents.C,
        summary="Conv 6 and 16 of 5x5, ReLU and max pooling, linear 400-120-84-10 with tanh",
        inputs=GREY_IMAGES,
        outputs=LOGITS,
        parameters=61_706,
        training=DIGITS,
        preprocess=GREY_PADDED,
        labels=LABELS,
    ),
    ModelSpec(
        name="convnet_32",
        build=partial(ConvNet, 1),
        family="cnn",
        document=documents.D,
        summary="lenet5 with ReLU between the linear layers",
        inputs=GREY_IMAGES,
        outputs=LOGITS,
        parameters=61_706,
        training=replace(DIGITS, weight_decay=3e-3, epochs=30),
        recipe=TrainingPlan(
            data="digits",
            objective="cross_entropy",
            metric="accuracy",
            floor=None,
            pixel_range=(-1.0, 1.0),
            optimiser="sgd",
            learning_rate=0.01,
        ),
        preprocess=GREY_PADDED,
        labels=LABELS,
    ),
    ModelSpec(
        name="cifar_net",
        build=partial(ConvNet, 3),
        family="cnn",
        document=documents.E,
        summary="Conv 6 and 16 of 5x5, ReLU and max pooling, linear 400-120-84-10 with ReLU",
        inputs=COLOURED_IMAGES,
        outputs=LOGITS,
        parameters=62_006,
        training=COLOURED_DIGITS,
        recipe=TrainingPlan(
            data="cifar10",
            objective="cross_entropy",
            metric="accuracy",
            floor=None,
            pixel_range=(-1.0, 1.0),
            optimiser="sgd",
            learning_rate=1e-3,
            momentum=0.9,
            batch_size=4,
            epochs=2,
        ),
        preprocess=COLOURED,
        labels=LABELS,
    ),
    ModelSpec(
        name="cnn_3_5_10",
        build=Cnn3x5x10,
        family="cnn",
        document=documents.C,
        summary="Conv 5 and 10 of 5x5, ReLU and max pooling, linear 250-32-10 with ReLU",
        inputs=COLOURED_IMAGES,
        outputs=LOGITS,
        parameters=10_002,
        training=replace(COLOURED_DIGITS, epochs=16),
        preprocess=COLOURED,
        labels=LABELS,
    ),
)

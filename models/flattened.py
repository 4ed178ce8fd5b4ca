"""Fully connected networks that take images and flatten them themselves."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import nn

from toolkit.spec import ModelSpec, Port, TrainingPlan

from . import documents
from .digits import CLASSES, GREY, LABELS, PIXELS, PLAN, SIDE

SMALL = (0, 1, 2)
IMAGES = (Port("image", ("batch", 1, SIDE, SIDE)),)


class Ann784x30x1(nn.Module):
    """Linear 784-30-1 with dropout on the hidden layer; (B, 1, 28, 28) → (B, 1) logit.

    The dropout stands before the last layer: on the logit it would set answers to 0.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(PIXELS, 30)
        self.dropout = nn.Dropout(0.3)
        self.fc2 = nn.Linear(30, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """The logit of a digit under 3."""
        hidden = self.dropout(self.fc1(torch.flatten(image, 1)))
        logit: torch.Tensor = self.fc2(F.relu(hidden))
        return logit


class MnistClassifier(nn.Module):
    """Linear 784-50-20-10, batch norm after the first ReLU, layer norm after the second.

    (B, 1, 28, 28) → (B, 10) logits.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(PIXELS, 50)
        self.batch_norm = nn.BatchNorm1d(50)
        self.fc2 = nn.Linear(50, 20)
        self.layer_norm = nn.LayerNorm(20)
        self.fc3 = nn.Linear(20, CLASSES)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Logits of the ten digits."""
        hidden = self.batch_norm(F.relu(self.fc1(torch.flatten(image, 1))))
        hidden = self.layer_norm(F.relu(self.fc2(hidden)))
        logits: torch.Tensor = self.fc3(hidden)
        return logits


SPECS: tuple[ModelSpec, ...] = (
    ModelSpec(
        name="ann_784_30_1",
        build=Ann784x30x1,
        family="mlp",
        document=documents.C,
        summary="Is the digit under 3: linear 784-30-1, Dropout .3 and ReLU between",
        inputs=IMAGES,
        outputs=(Port("logit", ("batch", 1)),),
        parameters=23_581,
        training=replace(PLAN, objective="bce_with_logits", positive=SMALL),
        recipe=TrainingPlan(
            data="mnist",
            objective="bce_with_logits",
            metric="accuracy",
            floor=None,
            positive=SMALL,
            optimiser="sgd",
            learning_rate=0.005,
            momentum=0.9,
        ),
        preprocess=GREY,
        labels=("3 to 9", "under 3"),
    ),
    ModelSpec(
        name="mnist_classifier_bn_ln",
        build=MnistClassifier,
        family="mlp",
        document=documents.C,
        summary="Linear 784-50-20-10, ReLU; batch norm of 50, layer norm of 20",
        inputs=IMAGES,
        outputs=(Port("logits", ("batch", CLASSES)),),
        parameters=40_620,
        training=PLAN,
        preprocess=GREY,
        labels=LABELS,
    ),
)

"""Fully connected classifiers of handwritten digits."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from toolkit.spec import ModelSpec, Port, TrainingPlan

from . import documents

PIXELS = 784
CLASSES = 10


class Mlp784x200x200x10(nn.Module):
    """Linear 784-200-200-10 with ReLU between; (B, 784) → (B, 10) log-probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(PIXELS, 200)
        self.fc2 = nn.Linear(200, 200)
        self.fc3 = nn.Linear(200, CLASSES)

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - the port's name
        """Log-probabilities of the ten digits."""
        hidden = F.relu(self.fc1(input))
        hidden = F.relu(self.fc2(hidden))
        return F.log_softmax(self.fc3(hidden), dim=1)


SPECS: tuple[ModelSpec, ...] = (
    ModelSpec(
        name="mlp_784_200_200_10",
        build=Mlp784x200x200x10,
        family="mlp",
        document=documents.A,
        summary="Linear 784-200-200-10, ReLU between, log_softmax over the classes",
        inputs=(Port("input", ("batch", PIXELS)),),
        outputs=(Port("log_probabilities", ("batch", CLASSES)),),
        parameters=199_210,
        training=TrainingPlan(
            data="digits",
            objective="nll",
            metric="accuracy",
            floor=0.95,
            schedule="linear",
            batch_size=32,
            epochs=10,
        ),
    ),
)

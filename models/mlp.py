"""Fully connected classifiers of digits given as 784 pixels: classes, and `Sequential` forms."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import nn

from toolkit.spec import ModelSpec, Port, TrainingPlan

from . import documents
from .digits import CLASSES, GREY, GREY_SIGNED, LABELS, PIXELS, PLAN

INPUTS = (Port("input", ("batch", PIXELS)),)
PROBABILITIES = (Port("probabilities", ("batch", CLASSES)),)
LOG_PROBABILITIES = (Port("log_probabilities", ("batch", CLASSES)),)


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


def mlp_784_200_200_10_sequential() -> nn.Sequential:
    """The same network as `Mlp784x200x200x10`, every layer under a name of its own.

    In an ordered mapping a name that stands twice loses a layer in silence: a ReLU, here.
    """
    return nn.Sequential(
        OrderedDict(
            [
                ("fc1", nn.Linear(PIXELS, 200)),
                ("relu1", nn.ReLU()),
                ("fc2", nn.Linear(200, 200)),
                ("relu2", nn.ReLU()),
                ("fc3", nn.Linear(200, CLASSES)),
                ("log_softmax", nn.LogSoftmax(dim=1)),
            ]
        )
    )


class Mlp784x128x64x10(nn.Module):
    """Linear 784-128-64-10 with ReLU between; (B, 784) → (B, 10) probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(PIXELS, 128)
        self.fc2 = nn.Linear(128, 64)
        self.fc3 = nn.Linear(64, CLASSES)

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - the port's name
        """Probabilities of the ten digits."""
        hidden = F.relu(self.fc1(input))
        hidden = F.relu(self.fc2(hidden))
        return F.softmax(self.fc3(hidden), dim=1)


def _128_64(output: nn.Module) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(PIXELS, 128),
        nn.ReLU(),
        nn.Linear(128, 64),
        nn.ReLU(),
        nn.Linear(64, CLASSES),
        output,
    )


def mlp_784_128_64_10_sequential() -> nn.Sequential:
    """The same network as `Mlp784x128x64x10`; (B, 784) → (B, 10) probabilities."""
    return _128_64(nn.Softmax(dim=1))


def mlp_784_128_64_10_log_softmax() -> nn.Sequential:
    """The same layers with the logarithm; (B, 784) → (B, 10) log-probabilities."""
    return _128_64(nn.LogSoftmax(dim=1))


NLL = replace(PLAN, objective="nll")
NLL_OF_PROBABILITIES = replace(PLAN, objective="nll_of_probabilities")

SPECS: tuple[ModelSpec, ...] = (
    ModelSpec(
        name="mlp_784_200_200_10",
        build=Mlp784x200x200x10,
        family="mlp",
        document=documents.A,
        summary="Linear 784-200-200-10, ReLU between, log_softmax over the classes",
        inputs=INPUTS,
        outputs=LOG_PROBABILITIES,
        parameters=199_210,
        training=NLL,
        preprocess=GREY,
        labels=LABELS,
    ),
    ModelSpec(
        name="mlp_784_200_200_10_sequential",
        build=mlp_784_200_200_10_sequential,
        family="mlp",
        document=documents.A,
        summary="mlp_784_200_200_10 as a Sequential of named layers",
        inputs=INPUTS,
        outputs=LOG_PROBABILITIES,
        parameters=199_210,
        training=NLL,
        preprocess=GREY,
        labels=LABELS,
    ),
    ModelSpec(
        name="mlp_784_128_64_10",
        build=Mlp784x128x64x10,
        family="mlp",
        document=documents.B,
        summary="Linear 784-128-64-10, ReLU between, softmax over the classes",
        inputs=INPUTS,
        outputs=PROBABILITIES,
        parameters=109_386,
        training=NLL_OF_PROBABILITIES,
        preprocess=GREY,
        labels=LABELS,
    ),
    ModelSpec(
        name="mlp_784_128_64_10_sequential",
        build=mlp_784_128_64_10_sequential,
        family="mlp",
        document=documents.B,
        summary="mlp_784_128_64_10 as a Sequential",
        inputs=INPUTS,
        outputs=PROBABILITIES,
        parameters=109_386,
        training=NLL_OF_PROBABILITIES,
        preprocess=GREY,
        labels=LABELS,
    ),
    ModelSpec(
        name="mlp_784_128_64_10_log_softmax",
        build=mlp_784_128_64_10_log_softmax,
        family="mlp",
        document=documents.B,
        summary="Linear 784-128-64-10 as a Sequential, ReLU between, LogSoftmax",
        inputs=INPUTS,
        outputs=LOG_PROBABILITIES,
        parameters=109_386,
        training=replace(NLL, mean=(0.5,), std=(0.5,)),
        recipe=TrainingPlan(
            data="mnist",
            objective="nll",
            metric="accuracy",
            floor=None,
            mean=(0.5,),
            std=(0.5,),
            optimiser="sgd",
            learning_rate=0.01,
            batch_size=64,
            epochs=5,
        ),
        preprocess=GREY_SIGNED,
        labels=LABELS,
    ),
)

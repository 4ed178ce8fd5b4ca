"""Perceptrons whose weights are plain tensors, stored (in, out), multiplied by hand."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from toolkit.spec import ModelSpec, Port, TrainingPlan

from . import documents
from .digits import CLASSES, GREY, LABELS, PIXELS, PLAN, SIDE

HIDDEN = 256


def _weights(inputs: int, outputs: int) -> nn.Parameter:
    """(in, out), scaled by 1/√in: sums of many inputs would saturate the sigmoid."""
    return nn.Parameter(torch.randn(inputs, outputs) / inputs**0.5)


def softmax(logits: torch.Tensor) -> torch.Tensor:
    """exp(x) by its sum over axis 1; less the row's largest value first, or exp overflows at 89."""
    exponentials = torch.exp(logits - torch.amax(logits, dim=1, keepdim=True))
    return exponentials / torch.sum(exponentials, dim=1, keepdim=True)


class Mlp3x2x1(nn.Module):
    """sigmoid(sigmoid(x W1 + b1) W2 + b2); (B, 3) → probability (B, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.w1 = _weights(3, 2)
        self.b1 = nn.Parameter(torch.zeros(2))
        self.w2 = _weights(2, 1)
        self.b2 = nn.Parameter(torch.zeros(1))

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - the port's name
        """The probability of the second class."""
        hidden = torch.sigmoid(torch.mm(input, self.w1) + self.b1)
        return torch.sigmoid(torch.mm(hidden, self.w2) + self.b2)


class Mlp784x256x10(nn.Module):
    """softmax(sigmoid(x W1 + b1) W2 + b2); (B, 1, 28, 28) → probabilities (B, 10).

    A bias is one row for all samples: with a row a sample the batch would be part of the weights.
    """

    def __init__(self) -> None:
        super().__init__()
        self.w1 = _weights(PIXELS, HIDDEN)
        self.b1 = nn.Parameter(torch.zeros(HIDDEN))
        self.w2 = _weights(HIDDEN, CLASSES)
        self.b2 = nn.Parameter(torch.zeros(CLASSES))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Probabilities of the ten digits."""
        flat = torch.flatten(image, 1)
        hidden = torch.sigmoid(torch.mm(flat, self.w1) + self.b1)
        return softmax(torch.mm(hidden, self.w2) + self.b2)


SPECS: tuple[ModelSpec, ...] = (
    ModelSpec(
        name="mlp_3_2_1",
        build=Mlp3x2x1,
        family="mlp",
        document=documents.B,
        summary="Weights by hand, stored (in, out): 3-2-1 with sigmoid after both layers",
        inputs=(Port("input", ("batch", 3)),),
        outputs=(Port("probability", ("batch", 1)),),
        parameters=11,
        training=TrainingPlan(
            data="synthetic",
            objective="bce",
            metric="accuracy",
            floor=0.95,
            learning_rate=5e-2,
            schedule="linear",
            batch_size=32,
            epochs=40,
        ),
    ),
    ModelSpec(
        name="mlp_784_256_10_manual",
        build=Mlp784x256x10,
        family="mlp",
        document=documents.B,
        summary="Weights, biases and softmax by hand: 784-256-10 with sigmoid between",
        inputs=(Port("image", ("batch", 1, SIDE, SIDE)),),
        outputs=(Port("probabilities", ("batch", CLASSES)),),
        parameters=203_530,
        training=replace(PLAN, objective="nll_of_probabilities"),
        preprocess=GREY,
        labels=LABELS,
    ),
)

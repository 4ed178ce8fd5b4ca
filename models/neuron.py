"""One neuron, and its gradient descent written by hand, a sample at a time."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from toolkit.spec import ModelSpec, Port, TrainingPlan

from . import documents

FEATURES = 4

Gradient = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""(weights (D,), sample (D,), target ()) → gradient (D,) of one sample's error."""


class SingleNeuron(nn.Module):
    """sigmoid(x·w) without a bias; (B, 4) → probability (B,)."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(FEATURES))

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - the port's name
        """The probability of the second class."""
        return activation(self.weight, input)


def activation(weights: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
    """The neuron's answer sigmoid(x·w) for one sample (D,) or for many (B, D)."""
    return torch.sigmoid(torch.matmul(samples, weights))


def squared_error_gradient(
    weights: torch.Tensor, sample: torch.Tensor, target: torch.Tensor
) -> torch.Tensor:
    """Gradient of (y - t)² / 2 by the chain rule: (y - t) · y (1 - y) · x; y is the answer."""
    answer = activation(weights, sample)
    return (answer - target) * answer * (1 - answer) * sample


def cross_entropy_gradient(
    weights: torch.Tensor, sample: torch.Tensor, target: torch.Tensor
) -> torch.Tensor:
    """Gradient of -t log y - (1 - t) log(1 - y): (y - t) · x, as the slope y (1 - y) cancels."""
    return (activation(weights, sample) - target) * sample


def descend(
    weights: torch.Tensor,
    samples: torch.Tensor,
    targets: torch.Tensor,
    gradient: Gradient,
    learning_rate: float,
) -> torch.Tensor:
    """The weights after one pass over samples (N, D) and targets (N,), a step each, in order.

    The given weights stay as they are.
    """
    moved = weights.detach().clone()
    for sample, target in zip(samples, targets, strict=True):
        moved -= learning_rate * gradient(moved, sample, target)
    return moved


SPECS: tuple[ModelSpec, ...] = (
    ModelSpec(
        name="single_neuron",
        build=SingleNeuron,
        family="mlp",
        document=documents.C,
        summary="sigmoid(x·w) of four features, no bias",
        inputs=(Port("input", ("batch", FEATURES)),),
        outputs=(Port("probability", ("batch",)),),
        parameters=4,
        training=TrainingPlan(
            data="digit-features",
            objective="bce",
            metric="accuracy",
            floor=0.95,
            classes=(0, 1),
            learning_rate=5e-2,
            batch_size=16,
            epochs=40,
        ),
    ),
)

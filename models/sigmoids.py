"""Networks that end in a sigmoid, and the twin that onnxruntime needs of them."""

from __future__ import annotations

from typing import Protocol, cast

import torch
from torch import nn

from toolkit.spec import Twin


class EndsInSigmoid(Protocol):
    """A network whose output is sigmoid(logit(…))."""

    def logit(self, *inputs: torch.Tensor) -> torch.Tensor:
        """What the sigmoid is taken of."""
        ...


class SpelledOut(nn.Module):
    """A network with its last sigmoid as 1 / (1 + exp(-x)); shares its parameters.

    onnxruntime's Sigmoid is right to 6e-8 of 1 and gives 0 from -18 on. That is nothing beside
    ordinary probabilities, and all there is where a network is sure that the answer is no.
    """

    def __init__(self, documented: nn.Module) -> None:
        super().__init__()
        self.documented = documented

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """The probability; where the exponential overflows it is 0, as it should be."""
        logit = cast(EndsInSigmoid, self.documented).logit(*inputs)
        return 1 / (1 + torch.exp(-logit))


def spelled_out(module: nn.Module) -> nn.Module:
    """The twin of a network that ends in a sigmoid; raises `TypeError` for one without `logit`."""
    if not hasattr(module, "logit"):
        raise TypeError(f"{type(module).__name__} has no such twin")
    return SpelledOut(module)


SIGMOID_TWIN = Twin(
    formats=("onnx", "onnx-legacy"),
    build=spelled_out,
    reason="onnxruntime's Sigmoid loses probabilities under 6e-8",
)

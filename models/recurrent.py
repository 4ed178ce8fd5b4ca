"""Recurrent networks whose initial states are inputs."""

from __future__ import annotations

import torch
from torch import nn

from toolkit.spec import ModelSpec, Port

from . import documents

FEATURES = 10
HIDDEN = 20
LAYERS = 2


class Lstm(nn.Module):
    """nn.LSTM(10, 20, 2): (T, B, 10) and two states (2, B, 20) → (T, B, 20) and the states.

    A bare nn.LSTM cannot be scripted (its forward is overloaded); inside a module it can.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(FEATURES, HIDDEN, LAYERS)

    def forward(
        self,
        input: torch.Tensor,  # noqa: A002 - the port's name
        h0: torch.Tensor,
        c0: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The top layer's output at every step, and both layers' last hidden and cell state."""
        output, (hn, cn) = self.lstm(input, (h0, c0))
        return output, hn, cn


SPECS: tuple[ModelSpec, ...] = (
    ModelSpec(
        name="lstm",
        build=Lstm,
        family="rnn",
        document=documents.C,
        summary="nn.LSTM(10, 20, 2) with its initial states as inputs",
        inputs=(
            Port("input", ("time", "batch", FEATURES)),
            Port("h0", (LAYERS, "batch", HIDDEN)),
            Port("c0", (LAYERS, "batch", HIDDEN)),
        ),
        outputs=(
            Port("output", ("time", "batch", HIDDEN)),
            Port("hn", (LAYERS, "batch", HIDDEN)),
            Port("cn", (LAYERS, "batch", HIDDEN)),
        ),
        parameters=5_920,
    ),
)

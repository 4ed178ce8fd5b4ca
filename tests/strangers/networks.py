"""What strangers give to the toolkit: networks that print, crash, hang, and return anything.

The tests copy this file into a working folder and name its classes: `networks.py:Name`.
"""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass

import torch
from torch import nn

from toolkit import ModelSpec, Port

HELD_BYTES = 1_600_000_000


class Plain(nn.Module):
    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.layer = nn.Linear(8, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)


class Chatty(Plain):
    """Prints wherever it can, below Python too."""

    def __init__(self) -> None:
        super().__init__()
        print('{"not": "the document"}')  # noqa: T201 - what strangers do

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        print("noise")  # noqa: T201
        os.write(1, b"noise from below\n")
        return self.layer(x)


class Raising(Plain):
    def __init__(self) -> None:
        raise ValueError("the width is wrong\nand a second line")


class Leaving(Plain):
    def __init__(self) -> None:
        sys.exit(0)


class Aborting(Plain):
    def forward(self, x: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        os.abort()


class Exiting(Plain):
    def forward(self, x: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        os._exit(3)


class AbortingWhenTraced(Plain):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
            os.abort()
        return self.layer(x)


class Looping(Plain):
    def forward(self, x: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        while True:
            pass


class Waiting(Plain):
    """Never comes back, and needs no processor for that."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        threading.Event().wait()
        return self.layer(x)


class LoopingWhenScripted(Plain):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if torch.jit.is_scripting():  # type: ignore[attr-defined]
            steps = 0
            while steps < 1:
                steps = steps * 2
        return self.layer(x)


class Greedy(Plain):
    """Takes much memory and keeps it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        held = b"\1" * HELD_BYTES
        while held:
            pass
        return self.layer(x)


class Bag(nn.Module):
    """An embedding of ten entries: a larger index raises."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 4)
        self.scale = nn.Linear(4, 4)

    def forward(self, tokens: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        return (self.scale(self.table(tokens)) * weights.unsqueeze(-1)).sum(1)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTM(6, 5, batch_first=True)

    def forward(self, steps: torch.Tensor) -> torch.Tensor:
        return self.cell(steps)[0]


class Image(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 2, 3)

    def forward(self, image: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        return self.first(image) if mask is None else self.first(image * mask)


@dataclass
class Pair:
    mean: torch.Tensor
    extra: torch.Tensor | None


class Nested(nn.Module):
    """Every kind of container that the flattening rule knows."""

    def forward(self, x: torch.Tensor) -> object:
        return {
            "logits": x,
            "steps": (x + 1, [x + 2]),
            "pair": Pair(x.mean(1), None),
        }


def factory(width: int = 4) -> nn.Module:
    return Plain(width)


def no_module() -> int:
    return 3


instance = Plain()

SPEC = ModelSpec("mine", Plain, (Port("x", ("batch", 8)),), (Port("y", ("batch", 4)),))

NUMBER = 3

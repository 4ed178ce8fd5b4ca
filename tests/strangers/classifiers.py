"""Classifiers of images that tell dark from bright, in every form that an output can have."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn

from toolkit.spec import ModelSpec, Port, Preprocess

STEPS = Preprocess(channels=3, resize=8, crop=8, mean=(0.5,) * 3, std=(0.5,) * 3)
NAMES = ("dark", "bright", "never")
LOUD = 3.0


class Lamp(nn.Module):
    """Logits of dark, bright and never, from the mean of an image."""

    def __init__(self) -> None:
        super().__init__()
        self.directions = nn.Parameter(torch.tensor([-LOUD, LOUD, -100.0]))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.flatten(image, 1).mean(dim=1, keepdim=True) * self.directions


class Probable(Lamp):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.softmax(super().forward(image), dim=1)


class LogProbable(Lamp):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.log_softmax(super().forward(image), dim=1)


class Switch(nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.flatten(image, 1).mean(dim=1, keepdim=True) * 2 * LOUD


class Blind(nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.flatten(image, 1)[:, :3] * math.inf


def lamp(
    build: Callable[[], nn.Module] = Lamp, output: str = "logits", classes: int = 3
) -> ModelSpec:
    return ModelSpec(
        "lamp",
        build,
        (Port("image", ("batch", 3, 8, 8)),),
        (Port(output, ("batch", classes)),),
        preprocess=STEPS,
        labels=NAMES,
    )

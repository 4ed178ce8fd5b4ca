"""What the tests start: exported files of lenet5, and networks as users have them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from toolkit import cold, formats, runtimes
from toolkit.inputs import example
from toolkit.runtimes.base import Array, RunOptions
from toolkit.stages.subject import Subject, prepare
from toolkit.words import ModelWords

LENET = ModelWords("lenet5", weights="random")
ONCE = 1

NESTED = """
from typing import NamedTuple

import torch
from torch import nn


class Pair(NamedTuple):
    left: torch.Tensor
    right: torch.Tensor


class Nested(nn.Module):
    def __init__(self, width: int = 3) -> None:
        super().__init__()
        print("what a network prints is no figure")
        self.linear = nn.Linear(width, 2)

    def forward(self, pair: Pair, scale: float = 1.0) -> dict[str, torch.Tensor]:
        summed = self.linear(pair.left + pair.right)
        return {"sum": summed, "scaled": scale * summed}
"""

LEAVES = """
import os

from torch import nn

class Leaves(nn.Linear):
    def __init__(self) -> None:
        super().__init__(2, 2)
        if os.environ.get("LEAVES"):
            os._exit(7)
"""


def exported(subject: Subject, name: str, folder: Path) -> cold.ColdStart:
    built = subject.built
    path = formats.get(name).export(built, folder / formats.get(name).filename).path
    inputs = example(built.spec)
    expected = runtimes.runtime_for(name).load(path, built.spec, RunOptions()).run(inputs)
    return start(subject, name, path=path, trusted=True, expected=expected)


def start(
    subject: Subject,
    variant: str,
    *,
    path: Path | None = None,
    trusted: bool = False,
    expected: Mapping[str, Array] | None = None,
) -> cold.ColdStart:
    return cold.ColdStart(
        variant,
        variant,
        subject.built,
        subject.words,
        example(subject.built.spec),
        path,
        trusted=trusted,
        expected=expected or {},
    )


def of_user(source: str, name: str, folder: Path, *inputs: str, weights: float = 0.5) -> Subject:
    """A user's network, whose weights are none that its constructor draws."""
    path = folder / f"{name.lower()}.py"
    path.write_text(source, encoding="utf-8")
    subject = prepare(ModelWords(f"{path}:{name}", inputs=inputs))
    with torch.no_grad():
        for parameter in subject.built.module.parameters():
            parameter.fill_(weights)
    return subject

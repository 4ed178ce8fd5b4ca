"""What every training offers to the loop: steps, a standing after each epoch, a judgement."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer

from toolkit.training.batches import Batches


@dataclass(frozen=True)
class Standing:
    """What can be said of held-out data after an epoch: a score, more is better, and words."""

    score: float | None = None
    said: str = ""


@dataclass(frozen=True)
class Judgement:
    """The plan's metric on held-out data, and by class where there are classes."""

    value: float
    per_class: tuple[float | None, ...] = ()


class Objective(Protocol):
    """One training in progress."""

    metric_name: str
    optimisers: tuple[Optimizer, ...]

    def step(self, inputs: tuple[Tensor, ...], targets: Tensor) -> float:
        """Learn from one batch; the loss before the step."""
        ...

    def after_epoch(self) -> Standing:
        """What can be said of held-out data cheaply."""
        ...

    def loss_on(self, batches: Batches) -> float | None:
        """The mean loss a sample in eval mode; None where the loss says nothing of the result."""
        ...

    def judge(self) -> Judgement:
        """The plan's metric."""
        ...


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Eval mode without gradients inside; the mode of every part as it was, after."""
    before = {part: part.training for part in module.modules()}
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part, training in before.items():
            part.training = training

"""When a training ends before its last epoch, and which weights it keeps then."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from toolkit.data import Samples
from toolkit.errors import TrainingError

VALIDATION_SHARE = 0.1
_SPLIT_SEED = 1


@dataclass
class Best:
    """The best weights of a module so far, by a score of which more is better."""

    module: nn.Module
    score: float = -math.inf
    state: dict[str, Tensor] = field(default_factory=dict)

    def offer(self, score: float | None) -> bool:
        """Keep the present weights if they are better than any before; whether they are."""
        if score is None or not score > self.score:
            return False
        self.state = {
            name: value.detach().clone()
            for name, value in self.module.state_dict().items()
            if isinstance(value, Tensor)
        }
        self.score = score
        return True

    def restore(self) -> None:
        """Put the best weights back; where none were kept the present ones stay."""
        with torch.no_grad():
            present = self.module.state_dict()
            for name, value in self.state.items():
                present[name].copy_(value)


@dataclass
class Patience:
    """Early stopping: how many epochs in a row may pass without a better one (None: any)."""

    epochs: int | None
    waited: int = 0

    def ends(self, *, better: bool) -> bool:
        """Whether the epoch that just passed was the last."""
        self.waited = 0 if better else self.waited + 1
        return self.epochs is not None and self.waited >= self.epochs


def without_validation(samples: Samples) -> tuple[Samples, Samples]:
    """Samples to train on, and a tenth of them, always the same, to watch the training by."""
    count = len(samples.targets)
    held = round(count * VALIDATION_SHARE)
    if not 0 < held < count:
        raise TrainingError(
            f"{count} samples are too few for early stopping: it watches a tenth of them",
            hint="no `patience` in the training plan, or more data",
        )
    order = torch.randperm(count, generator=torch.Generator().manual_seed(_SPLIT_SEED))
    rest, watched = (rows.sort().values for rows in (order[held:], order[:held]))
    return (
        samples.chosen(rest, samples.targets[rest]),
        samples.chosen(watched, samples.targets[watched]),
    )

"""Networks that an exporter takes wrongly, or does not take, by one operator of several."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


class _Around(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before = nn.Linear(8, 16)
        self.after = nn.Linear(16, 8)


class UnstableLoss(_Around):
    """Exported to ONNX as log(sigmoid(x)), which is infinite for logits under about -90."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = self.after(torch.relu(self.before(x))) * 1000
        return F.binary_cross_entropy_with_logits(logits, torch.zeros_like(x), reduction="none")


class Untranslated(_Around):
    """torch.onnx has no translation of lgamma."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.after(torch.lgamma(self.before(x).abs() + 1))


class Branching(_Around):
    """Computes something else for more than two samples."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.before(x)
        if x.shape[0] > 2:
            hidden = hidden * 2
        return self.after(hidden)


class Sound(_Around):
    """Nothing is wrong with it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.after(torch.relu(self.before(x)))

"""A network that uses an operator of our own by its name; `my_ops.py` has to be imported first."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Net(nn.Module):
    """Two layers with activations that are clipped smoothly: (batch, 16) → (batch, 4)."""

    def __init__(self, limit: float = 2.0) -> None:
        super().__init__()
        self.hidden = nn.Linear(16, 32)
        self.output = nn.Linear(32, 4)
        self.limit = limit

    def forward(self, x: Tensor) -> Tensor:
        """Logits of 4 classes."""
        clipped: Tensor = torch.ops.my_ops.smooth_clip(self.hidden(x), self.limit)
        return self.output(clipped)

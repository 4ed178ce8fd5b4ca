"""Networks with one planted fault each, and the right version beside it.

They are given to the toolkit as a stranger's own: `networks.py:Name`, with `x=batch,8`.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

FEATURES = 8


class _Base(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(FEATURES, FEATURES)
        self.head = nn.Linear(FEATURES, 4)


class BatchBranch(_Base):
    """Computes something else for more than two samples."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.inner(x)
        if x.shape[0] > 2:
            hidden = hidden * 2
        return self.head(hidden)


class BatchBranchMended(_Base):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.inner(x) * 2)


class HardBatch(_Base):
    """Has the batch of two in its code."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.inner(x.reshape(2, -1)))


class HardBatchMended(_Base):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.inner(x.reshape(x.shape[0], -1)))


class AlwaysDropping(_Base):
    """Drops out after eval(): `training` is left at its default."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(F.dropout(self.inner(x)))


class AlwaysDroppingMended(_Base):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(F.dropout(self.inner(x), training=self.training))


class Noisy(_Base):
    """Adds random numbers to its input."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.inner(x + torch.rand_like(x)))


class NoisyMended(_Base):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.inner(x + 0.5))


class DataBranch(_Base):
    """Takes a branch that depends on the values: tracing freezes it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.inner(x)
        if bool(x.sum() > 0):
            return self.head(hidden)
        return self.head(-hidden)


class DataBranchMended(_Base):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.inner(x)
        return self.head(torch.where(x.sum() > 0, hidden, -hidden))


class Constant(_Base):
    """Gives the same whatever comes in."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.inner(x * 0))


class ConstantMended(_Base):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.inner(x))

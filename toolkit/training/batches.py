"""Samples as a module takes them: batch by batch, on its device, the batch axis in its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from toolkit.data import Samples

EVALUATION_BATCH = 256

Batch = tuple[tuple[Tensor, ...], Tensor]
"""The inputs in the order of the ports, and the targets (B,)."""


@dataclass(frozen=True, eq=False)
class Batches:
    """Samples for a module on `device`; `axes` says where each input has its batch."""

    samples: Samples
    axes: tuple[int, ...] = (0,)
    device: str = "cpu"

    def __len__(self) -> int:
        return len(self.samples.targets)

    @property
    def targets(self) -> Tensor:
        """The class of every sample, on the CPU."""
        return self.samples.targets

    def take(self, rows: Tensor) -> Batch:
        """One batch of these samples."""
        inputs = tuple(
            tensor.to(self.device).movedim(0, axis)
            for tensor, axis in zip(self.samples.take(rows), self.axes, strict=True)
        )
        return inputs, self.samples.targets[rows].to(self.device)

    def in_order(self, size: int = EVALUATION_BATCH) -> Iterator[Batch]:
        """All samples; the last batch may be shorter."""
        return self._in_parts(torch.arange(len(self)), size)

    def shuffled(self, size: int) -> Iterator[Batch]:
        """All samples in a new random order; a short last batch is left to the next epoch."""
        count = len(self)
        order = torch.randperm(count)
        whole = count - count % size if count > size else count
        return self._in_parts(order[:whole], size)

    def _in_parts(self, rows: Tensor, size: int) -> Iterator[Batch]:
        return (self.take(rows[start : start + size]) for start in range(0, len(rows), size))

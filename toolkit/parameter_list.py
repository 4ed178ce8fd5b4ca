"""What a module learns: its parameters by name, shape and number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Parameter:
    """One parameter; `trained` is False for a frozen one."""

    name: str
    shape: tuple[int, ...]
    trained: bool

    @property
    def count(self) -> int:
        """How many numbers it holds: 1 for a scalar."""
        return math.prod(self.shape)


def parameters(module: nn.Module) -> tuple[Parameter, ...]:
    """Every parameter in the module's own order; one that is shared stands once."""
    return tuple(
        Parameter(name, tuple(value.shape), value.requires_grad)
        for name, value in module.named_parameters()
    )


def parameter_count(module: nn.Module, *, trained_only: bool = False) -> int:
    """How many numbers the module learns; `trained_only` leaves the frozen ones out."""
    return sum(each.count for each in parameters(module) if each.trained or not trained_only)

"""Inputs moved by their gradients towards what a search wants to see in a module's rectifiers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from toolkit.inputs import float_range
from toolkit.parity.watching import FunctionWatch
from toolkit.spec import ModelSpec

STEP = 0.15
"""How far a step takes every value, in standard deviations of the values drawn."""
FAR_ENOUGH = 0.3
"""What is on by so much, in deviations of its layer, leaves the ascent to the others."""
LEAST_DEVIATION = 1e-6

_RECTIFIERS = frozenset({"relu", "relu_", "relu6"})
_BATCH_AND_CHANNELS = 2


class Rectified(FunctionWatch):
    """While entered, is told of what goes into rectifiers, one after the other."""

    def called(self, func: Any, args: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        """Look at one function."""
        if _rectifies(func, args, named):
            self.rectified(args[0].clone())  # what follows may write over it

    def rectified(self, values: Tensor) -> None:
        """Look at the values of one rectifier."""


def _rectifies(func: Any, args: tuple[Any, ...], named: Mapping[str, Any]) -> bool:
    name = getattr(func, "__name__", "")
    off_below_zero = name == "hardtanh" and named.get("min_val", (*args, -1.0)[1]) == 0
    known = name in _RECTIFIERS or off_below_zero
    return known and isinstance(args[0], Tensor) and args[0].ndim >= _BATCH_AND_CHANNELS


def deviation(values: Tensor) -> Tensor:
    """The standard deviation of all values, never 0."""
    return values.detach().float().std(correction=0).clamp(min=LEAST_DEVIATION)


def ascend(spec: ModelSpec, tensors: list[Tensor], wanted: Callable[[], Sequence[Tensor]]) -> None:
    """Move the floating tensors a step, in place in the list, to where the sum of `wanted` grows.

    `wanted` runs the module on the tensors of the list. Where it gives nothing they stay.
    """
    places = [at for at, port in enumerate(spec.inputs) if port.is_float]
    moving = [tensors[at].detach().requires_grad_() for at in places]
    for at, tensor in zip(places, moving, strict=True):
        tensors[at] = tensor
    summands = wanted()
    gradients: Sequence[Tensor | None] = [None] * len(moving)
    if summands:
        gradients = torch.autograd.grad(torch.stack([*summands]).sum(), moving, allow_unused=True)
    for at, tensor, gradient in zip(places, moving, gradients, strict=True):
        tensors[at] = tensor.detach()
        if gradient is not None:
            low, high = float_range(spec.inputs[at])
            step = STEP * tensors[at].float().std(correction=0) * gradient.sign()
            tensors[at] = (tensors[at] + step).clamp(low, high).to(tensor.dtype)

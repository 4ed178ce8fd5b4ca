"""Outputs that are probabilities by their making, whatever their values: their natural scale is 1.

A sigmoid shows one of two probabilities. The other, its complement, is near 1 where the shown one
is small, and who computes in a precision computes both to the same absolute error. Runtimes rely
on it (onnxruntime's Sigmoid is right to 6e-8 of 1, and 0 from -18 on). A softmax shows all of its
probabilities: the largest of them is its scale already.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.weak import WeakTensorKeyDictionary

from toolkit.parity.watching import OperatorWatch, name_of, tensors_in

PROBABILITY_SCALE = 2.0**-4
"""What their largest value counts as at least: at 30 times the noise, two roundings of 1."""

_PROBABILITIES = frozenset({"sigmoid", "sigmoid_"})
KEEPING = frozenset(
    (
        *("view", "_unsafe_view", "reshape", "permute", "transpose", "t", "squeeze", "unsqueeze"),
        *("expand", "select", "slice", "split", "split_with_sizes", "unbind", "cat", "stack"),
        *("clone", "_to_copy", "detach", "alias", "index", "index_select", "gather", "as_strided"),
        *("flip", "roll"),
    )
)
"""What such values come out of as such values, where every tensor that goes in is one.

Indices are no values.
"""
_PRODUCT = "mul"
"""Of two probabilities it is one; of a probability and a number it is not."""
_FACTORS = 2


class ProbabilityWatch(OperatorWatch):  # type: ignore[no-untyped-call]
    """While entered, remembers which tensors are probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self._known: WeakTensorKeyDictionary = WeakTensorKeyDictionary()

    def ran(self, func: Any, args: tuple[Any, ...], result: Any) -> None:
        """Look at one operator."""
        name = name_of(func)
        least = _FACTORS if name == _PRODUCT else 1
        kept = name in KEEPING or name == _PRODUCT
        if name in _PROBABILITIES or (kept and self._all_known(args, least)):
            for tensor in tensors_in(result):
                self._known[tensor] = True

    def holds(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor is known to be one."""
        return tensor in self._known

    def _all_known(self, values: Any, least: int) -> bool:
        floating = [one for one in tensors_in(values) if one.is_floating_point()]
        return len(floating) >= least and all(one in self._known for one in floating)

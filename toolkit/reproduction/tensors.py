"""How tensors stand in a script: written out, drawn from a seed, or stored beside it."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from toolkit.inputs import to_array

MOST_LITERALS = 64
"""A tensor of more values is drawn from a seed, or stored beside the script."""


class TensorWriter:
    """How each tensor stands in the script: written out, drawn from a seed, or stored beside."""

    def __init__(self, stored: str, seeded: frozenset[str]) -> None:
        self.stored = stored
        self.seeded = seeded
        self.arrays: dict[str, Any] = {}
        self.draws = False

    def given(self, name: str, tensor: Tensor) -> str:
        """The expression of a tensor."""
        if tensor.numel() <= MOST_LITERALS:
            return f"torch.tensor({_literal(tensor.tolist())}, dtype={tensor.dtype})" + (
                f".reshape({tuple(tensor.shape)})" if tensor.numel() == 0 else ""
            )
        if name in self.seeded:
            self.draws = True
            mean, spread = float(tensor.float().mean()), float(tensor.float().std())
            shape = tuple(tensor.shape)
            return f"drawn({shape}, {mean:.3g}, {spread:.3g}, {tensor.dtype})"
        self.arrays[name] = to_array(tensor)
        return f"stored({name!r}, {tensor.dtype})"

    def helpers(self) -> list[str]:
        """The functions that the expressions call."""
        texts = []
        if self.draws:
            texts.append(_DRAWN)
        if self.arrays:
            texts.append(_STORED.format(file=self.stored))
        return texts


_DRAWN = """def drawn(shape, mean, spread, dtype):
    generator = torch.Generator().manual_seed(shape[-1])
    return (torch.randn(shape, generator=generator) * spread + mean).to(dtype)
"""
_STORED = """TENSORS = np.load(Path(__file__).with_name({file!r}), allow_pickle=False)


def stored(name, dtype):
    return torch.tensor(TENSORS[name], dtype=dtype)
"""


def _literal(values: Any) -> str:
    if isinstance(values, list):
        return f"[{', '.join(map(_literal, values))}]"
    if isinstance(values, float) and not math.isfinite(values):
        return f'float("{values}")'
    return repr(values)

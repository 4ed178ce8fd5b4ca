"""The check without which no AOTInductor package is run.

A package reads its inputs as the sizes, dtypes and strides that it was compiled for, and does not
look: other ones give wrong numbers or end the process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from toolkit.errors import RunError
from toolkit.reasons import one_line

if TYPE_CHECKING:
    from torch.export import ExportedProgram

HINT = "a package takes what was captured: other inputs need an export of their own"


@dataclass(frozen=True)
class Wanted:
    """What a program takes as one input; an extent is a number or an expression of symbols."""

    name: str
    shape: tuple[Any, ...]
    dtype: torch.dtype


@dataclass(frozen=True)
class InputCheck:
    """The inputs of a program, and the least and largest value of each of its symbols.

    `guards` asserts what else was taken for granted of the sizes, that one is even or not 2.
    """

    inputs: tuple[Wanted, ...]
    ranges: Mapping[Any, tuple[Any, Any]]
    device: str
    guards: Callable[..., object] | None = None

    @classmethod
    def of(cls, program: ExportedProgram, names: Sequence[str], device: str) -> InputCheck:
        """As the program declares them, under the names that its user gives them."""
        values = {node.name: node.meta.get("val") for node in program.graph.nodes}
        taken = [values.get(str(name)) for name in program.graph_signature.user_inputs]
        tensors = [value for value in taken if isinstance(value, torch.Tensor)]
        wanted = tuple(
            Wanted(name, tuple(map(_extent, value.shape)), value.dtype)
            for name, value in zip(names, tensors, strict=True)
        )
        limits = program.range_constraints.items()
        ranges = {symbol: (ends.lower, ends.upper) for symbol, ends in limits}
        # A release of torch that has no such part asserts all of it within the graph.
        guards = getattr(program.module(), "_guards_fn", None)
        return cls(wanted, ranges, device, guards)

    def require(self, tensors: Sequence[torch.Tensor]) -> None:
        """Raise `RunError` unless the tensors are what the program was captured for."""
        for objection in self._objections(tensors):
            raise RunError(f"the package is not run on this input: {objection}", hint=HINT)

    def _objections(self, tensors: Sequence[torch.Tensor]) -> Iterator[str]:
        if len(tensors) != len(self.inputs):
            yield f"it takes {len(self.inputs)} and was given {len(tensors)}"
            return
        pairs = list(zip(self.inputs, tensors, strict=True))
        for wanted, given in pairs:
            yield from self._of_kind(wanted, given)
        known = _symbols(pairs)
        for wanted, given in pairs:
            yield from _of_sizes(wanted, given, known)
        for symbol, size in known.items():
            low, high = self.ranges.get(symbol, (size, size))
            if not low <= size <= high:
                yield f"a size of {size} is not from {low} to {high}"
        try:
            if self.guards is not None:
                self.guards(*tensors)
        except AssertionError as error:
            yield one_line(str(error))

    def _of_kind(self, wanted: Wanted, given: torch.Tensor) -> Iterator[str]:
        if given.dtype is not wanted.dtype:
            yield f"{wanted.name} is {_plain(given.dtype)}, not {_plain(wanted.dtype)}"
        if given.device != torch.device(self.device):
            yield f"{wanted.name} is on {given.device}, not {self.device}"
        if given.dim() != len(wanted.shape):
            yield f"{wanted.name} has {given.dim()} axes, not {len(wanted.shape)}"
        if not given.is_contiguous():
            yield f"{wanted.name} is not contiguous"


Pairs = Sequence[tuple[Wanted, torch.Tensor]]


def _extent(size: int | torch.SymInt) -> Any:
    """A number, or the expression of symbols that torch has for it."""
    if isinstance(size, int):
        return size
    expression = size.node.expr
    return int(expression) if expression.is_Integer else expression


def _symbols(pairs: Pairs) -> dict[Any, int]:
    """The values of the symbols, each by the first extent that tells it."""
    import sympy

    found: dict[Any, int] = {}
    for wanted, given in pairs:
        for extent, size in zip(wanted.shape, given.shape, strict=False):
            unknown = [one for one in getattr(extent, "free_symbols", ()) if one not in found]
            if len(unknown) == 1:
                [symbol] = unknown
                solutions = sympy.solve(extent.subs(found) - size, symbol)
                if len(solutions) == 1 and solutions[0].is_Integer:
                    found[symbol] = int(solutions[0])
    return found


def _of_sizes(wanted: Wanted, given: torch.Tensor, known: Mapping[Any, int]) -> Iterator[str]:
    for axis, (extent, size) in enumerate(zip(wanted.shape, given.shape, strict=False)):
        expected = extent if isinstance(extent, int) else extent.subs(known)
        if getattr(expected, "free_symbols", ()):  # no value of its symbol gives this size
            yield f"{wanted.name} is {size} along axis {axis}, which was not captured"
        elif expected != size:
            yield f"{wanted.name} is {size} along axis {axis}, not {expected}"


def _plain(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")

"""A torch.export program as a torch module that takes flat tensors: a `.pt2` file to be judged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

from toolkit.spec import BATCH, Dimension, Port, Size

if TYPE_CHECKING:
    from torch.export import ExportedProgram


class ProgramModule(nn.Module):
    """The captured graph with its weights; inference is what was captured, and all there is."""

    def __init__(self, program: ExportedProgram) -> None:
        super().__init__()
        self.program = program.module()
        self._structure = program.call_spec.in_spec
        self._constants = dict(_constants(program))

    def forward(self, *tensors: torch.Tensor) -> Any:
        """Run the graph on the inputs in their order."""
        given = iter(tensors)
        leaves = [
            self._constants[place] if place in self._constants else next(given)
            for place in range(self._structure.num_leaves)
        ]
        arguments, keywords = pytree.tree_unflatten(leaves, self._structure)
        return self.program(*arguments, **keywords)

    def train(self, mode: bool = True) -> ProgramModule:
        """A captured graph has one mode; torch's own refuses to be asked."""
        self.training = mode
        return self


def _constants(program: ExportedProgram) -> Iterator[tuple[int, Any]]:
    """Arguments that are no tensors, by their place among all."""
    from torch.export.graph_signature import InputKind, TensorArgument

    specs = program.graph_signature.input_specs
    given = [one.arg for one in specs if one.kind is InputKind.USER_INPUT]
    for place, argument in enumerate(given):
        if not isinstance(argument, TensorArgument):
            yield place, getattr(argument, "value", None)


def ports(program: ExportedProgram) -> tuple[tuple[Port, ...], tuple[Dimension, ...]]:
    """The tensors that a program takes, and the ranges of its symbolic sizes.

    A symbol of every input's first axis is called `batch`, any other by where it stands first.
    """
    names: dict[str, str] = {}
    values = {node.name: node.meta.get("val") for node in program.graph.nodes}
    wanted = [str(name) for name in program.graph_signature.user_inputs]
    tensors = {name: values[name] for name in wanted if hasattr(values.get(name), "shape")}
    firsts = {str(value.shape[0]) for value in tensors.values() if value.dim()}
    if len(firsts) == 1 and not firsts.copy().pop().isdigit():
        names[firsts.pop()] = BATCH
    found = tuple(_port(name, value, names) for name, value in tensors.items())
    return found, _ranges(program, names)


def _port(name: str, value: torch.Tensor, names: dict[str, str]) -> Port:
    shape: list[Size] = []
    for axis, size in enumerate(value.shape):
        fixed = isinstance(size, int)
        shape.append(size if fixed else names.setdefault(str(size), f"{name}_{axis}"))
    return Port(name, tuple(shape), str(value.dtype).removeprefix("torch."))


def _ranges(program: ExportedProgram, names: dict[str, str]) -> tuple[Dimension, ...]:
    limits = {str(symbol): ends for symbol, ends in program.range_constraints.items()}
    found = []
    for symbol, name in names.items():
        ends = limits.get(symbol)
        low = int(ends.lower) if ends is not None else 1
        high: Any = ends.upper if ends is not None else None
        bounded = getattr(high, "is_Integer", False)  # torch has an infinity of its own
        found.append(Dimension(name, max(low, 1), int(high) if bounded else None))
    return tuple(found)

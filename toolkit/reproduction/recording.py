"""What a model runs for certain inputs, operator by operator, whatever its Python code decides."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, fx
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from toolkit.flattening import flatten
from toolkit.reproduction.capturing import tidied
from toolkit.reproduction.program import Program, Tensors
from toolkit.weights import Built


class _Record:
    """The operators that ran; tensors that it has not seen before are constants."""

    def __init__(self, inputs: Tensors, names: Mapping[int, str], prefix: str) -> None:
        self.graph = fx.Graph()
        self.constants: dict[str, Tensor] = {}
        self.names = names
        self.prefix = prefix
        self.kept: list[Tensor] = [*inputs]  # their ids must not be given out again
        self.nodes = {
            id(tensor): self.graph.placeholder(f"input_{place}")
            for place, tensor in enumerate(inputs)
        }

    def call(self, function: Any, args: Any, kwargs: Mapping[str, Any] | None) -> Any:
        """Call a function and write it down, where tensors go in or come out."""
        arguments, options = tree_map_only(Tensor, self.node_of, (args, dict(kwargs or {})))
        result = function(*args, **(kwargs or {}))
        given = any(isinstance(each, fx.Node) for each in tree_leaves((arguments, options)))
        gives = any(isinstance(each, Tensor) for each in tree_leaves(result))
        if gives or (given and result is None):
            self._place(self.graph.call_function(function, tuple(arguments), options), result)
        return result

    def node_of(self, tensor: Tensor) -> fx.Node:
        """The node that gave a tensor."""
        if id(tensor) not in self.nodes:
            name = self.names.get(id(tensor), f"{self.prefix}constant_{len(self.constants)}")
            self.kept.append(tensor)
            self.constants[name] = tensor.detach().clone()
            self.nodes[id(tensor)] = self.graph.get_attr(name)
        return self.nodes[id(tensor)]

    def _place(self, node: fx.Node, result: Any) -> None:
        if isinstance(result, Tensor):
            self.kept.append(result)
            self.nodes[id(result)] = node
        elif isinstance(result, tuple | list):
            for place, member in enumerate(result):
                if isinstance(member, Tensor | tuple | list):
                    self._place(self.graph.call_function(operator.getitem, (node, place)), member)


class _Functions(TorchFunctionMode):
    """Records functions of torch as Python code calls them."""

    def __init__(self, record: _Record) -> None:
        super().__init__()
        self.record = record

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        del types
        return self.record.call(func, args, kwargs)


class _Operators(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records the operators that functions come down to."""

    def __init__(self, record: _Record) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.record = record

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        del types
        return self.record.call(func, args, kwargs)


Level = type[_Functions | _Operators]
LEVELS: tuple[Level, ...] = (_Functions, _Operators)
"""How deep a program is written down; the first is as its author wrote it."""


def as_it_runs(built: Built, inputs: Tensors, level: Level, prefix: str = "") -> Program:
    """What runs for these very inputs; the names of constants of its own begin with `prefix`."""
    named = [*built.module.named_parameters(), *built.module.named_buffers()]
    names = {id(tensor): name.replace(".", "_") for name, tensor in named}
    record = _Record(inputs, names, prefix)
    with torch.no_grad(), level(record):
        result = built.module(*inputs)
    tensors = flatten(result, [port.name for port in built.spec.outputs]).values()
    record.graph.output(tuple(record.node_of(tensor) for tensor in tensors))
    return Program(tidied(record.graph), record.constants, inputs, inputs)

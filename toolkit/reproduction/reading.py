"""The program of a script that `emitting` wrote: its one `forward`, statement by statement."""

from __future__ import annotations

import ast
import math
import operator
from typing import Any

import torch
from torch import fx

_NAMES = {"torch": torch, "operator": operator, "math": math, "float": float, "slice": slice}


def graph_of(text: str) -> fx.Graph:
    """The graph of the class `Reproduction` in a script of one path."""
    module = next(
        node
        for node in ast.parse(text).body
        if isinstance(node, ast.ClassDef) and node.name == "Reproduction"
    )
    forward = next(
        node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == "forward"
    )
    return _Reader().read(forward)


class _Reader:
    """Builds a graph from assignments of calls, and a return of a tuple."""

    def __init__(self) -> None:
        self.graph = fx.Graph()
        self.nodes: dict[str, fx.Node] = {}

    def read(self, forward: ast.FunctionDef) -> fx.Graph:
        for parameter in forward.args.args[1:]:
            self.nodes[parameter.arg] = self.graph.placeholder(parameter.arg)
        for statement in forward.body:
            if isinstance(statement, ast.Return):
                self.graph.output(tuple(self._value(statement.value)))
            elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                name = statement.targets[0].id
                self.nodes[name] = self._call(name, statement.value)
        return self.graph

    def _call(self, name: str, value: ast.expr) -> fx.Node:
        if isinstance(value, ast.Subscript):
            index = self._value(value.slice)
            target: Any = operator.getitem
            holder = value.value
            if isinstance(holder, ast.Attribute) and not _is_self(holder):  # x.shape[0]
                target, holder = torch.ops.aten.sym_size.int, holder.value
            entry = self._value(holder)
            return self.graph.create_node("call_function", target, (entry, index), {}, name)
        assert isinstance(value, ast.Call)
        arguments = tuple(self._value(each) for each in value.args)
        options = {str(each.arg): self._value(each.value) for each in value.keywords}
        target, entries = self._function(value.func)
        arguments = (*entries, *arguments)
        return self.graph.create_node("call_function", target, arguments, options, name)

    def _function(self, value: ast.expr) -> tuple[Any, list[fx.Node]]:
        """What is called; a method's own tensor is its first argument."""
        if isinstance(value, ast.Attribute):
            owner = value.value
            is_constant = isinstance(owner, ast.Attribute) and _is_self(owner)
            if is_constant or (isinstance(owner, ast.Name) and owner.id in self.nodes):
                return getattr(torch.Tensor, value.attr), [self._value(owner)]
        return _plain(value), []

    def _value(self, value: ast.expr | None) -> Any:
        if isinstance(value, ast.Name) and value.id in self.nodes:
            return self.nodes[value.id]
        if isinstance(value, ast.Attribute) and _is_self(value):
            return self._constant(value.attr)
        if isinstance(value, ast.List):
            return [self._value(each) for each in value.elts]
        if isinstance(value, ast.Tuple):
            return tuple(self._value(each) for each in value.elts)
        if isinstance(value, ast.Call) and _is_slice(value):
            return slice(*(self._value(each) for each in value.args))
        assert value is not None
        return _plain(value)

    def _constant(self, name: str) -> fx.Node:
        known = f"self.{name}"
        if known not in self.nodes:
            self.nodes[known] = self.graph.create_node("get_attr", name, name=name)
        return self.nodes[known]


def _is_self(value: ast.Attribute) -> bool:
    return isinstance(value.value, ast.Name) and value.value.id == "self"


def _is_slice(value: ast.Call) -> bool:
    return isinstance(value.func, ast.Name) and value.func.id == "slice"


def _plain(value: ast.expr) -> Any:
    """What an expression without tensors means: our own text, read back."""
    code = compile(ast.Expression(value), "script", "eval")
    return eval(code, {"__builtins__": {}}, dict(_NAMES))  # noqa: S307

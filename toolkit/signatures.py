"""How inputs are handed to a module: read off the parameters of its `forward`."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any

import torch
from torch import nn

from toolkit.calling import Call, Fixed, Kind, Leaf, Nest, Node
from toolkit.errors import InputsError
from toolkit.spec import ModelSpec

Tree = Leaf | Fixed | dict[str, Any]


def call_of(module: nn.Module, spec: ModelSpec) -> Call:
    """How the spec's inputs and constants are handed to a module, by the names of its parameters.

    `spec.inputs` are in the order of these, and number the leaves. Raises `InputsError` where
    `forward` has no such parameter, or needs one that is not given.
    """
    tree = _tree(spec)
    hints = _hints(module.forward)
    parameters = _parameters(module)
    if any(one.kind is one.VAR_POSITIONAL for one in parameters.values()):
        return _variadic(spec, tree, parameters, hints)
    free = [key for key in tree if key not in parameters]
    if free and not takes_any_keyword(module):
        raise InputsError(
            f"forward({', '.join(parameters)}) has no parameter {free[0]}", model=spec.name
        )
    positional: list[Node] = []
    keywords: list[tuple[str, Node]] = []
    for name, parameter in parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            keywords += [(key, _node(key, tree[key], None)) for key in free]
        elif name not in tree:
            _require_default(spec, parameter, list(parameters))
        elif parameter.kind is parameter.KEYWORD_ONLY or len(positional) < _place(parameters, name):
            keywords.append((name, _node(name, tree[name], hints.get(name))))
        else:
            positional.append(_node(name, tree[name], hints.get(name)))
    return Call(tuple(positional), tuple(keywords))


def _variadic(
    spec: ModelSpec,
    tree: Mapping[str, Tree],
    parameters: Mapping[str, inspect.Parameter],
    hints: Mapping[str, Any],
) -> Call:
    """Where there is a `*args`: inputs in order under any names, what is keyword-only by name."""
    kinds = inspect.Parameter
    open_end = any(one.kind is kinds.VAR_KEYWORD for one in parameters.values())
    named = {name for name, one in parameters.items() if one.kind is kinds.KEYWORD_ONLY}
    named |= {key for key, part in tree.items() if open_end and isinstance(part, Fixed)}
    for key, part in tree.items():
        if isinstance(part, Fixed) and key not in named:
            raise InputsError(
                f"forward({', '.join(parameters)}) has no keyword-only parameter {key}",
                model=spec.name,
                hint="beside *args a constant can only go by keyword",
            )
    for name in named - set(tree):
        _require_default(spec, parameters[name], list(parameters))
    nodes = {key: _node(key, part, hints.get(key)) for key, part in tree.items()}
    return Call(
        tuple(node for key, node in nodes.items() if key not in named),
        tuple((key, node) for key, node in nodes.items() if key in named),
    )


def _place(parameters: Mapping[str, inspect.Parameter], name: str) -> int:
    return list(parameters).index(name)


def _require_default(spec: ModelSpec, parameter: inspect.Parameter, names: Sequence[str]) -> None:
    if parameter.default is parameter.empty:
        raise InputsError(
            f"forward({', '.join(names)}) needs {parameter.name} too",
            model=spec.name,
            hint=f"add --input {parameter.name}=…, or --input {parameter.name}:=VALUE, a constant",
        )


def _tree(spec: ModelSpec) -> dict[str, Tree]:
    """Inputs and constants by the first word of their paths, what lies inside them below it."""
    tree: dict[str, Any] = {}
    leaves: dict[str, Tree] = {port.dotted: Leaf(at) for at, port in enumerate(spec.inputs)}
    leaves |= {path: Fixed(value) for path, value in spec.constants.items()}
    for path, leaf in leaves.items():
        *above, last = path.split(".")
        branch = tree
        for word in above:
            branch = branch.setdefault(word, {})
            if not isinstance(branch, dict):
                raise InputsError(f"{path} lies inside an input that is a tensor", model=spec.name)
        if last in branch:
            raise InputsError(f"{path} is given twice", model=spec.name)
        branch[last] = leaf
    return tree


def _node(path: str, part: Tree, hint: Any) -> Node:
    if not isinstance(part, dict):
        return part
    kind, type_ = _kind(_required(hint), part)
    keys = tuple(part)
    if kind in ("tuple", "list"):
        keys = tuple(str(number) for number in range(len(part)))
        missing = [key for key in keys if key not in part]
        if missing:
            raise InputsError(
                f"members of {path} are numbered from 0: {path}.{missing[0]} is missing"
            )
    hints = _member_hints(_required(hint), keys)
    nodes = tuple(_node(f"{path}.{key}", part[key], hints.get(key)) for key in keys)
    return Nest(kind, keys, nodes, type_)


def _kind(hint: Any, part: Mapping[str, object]) -> tuple[Kind, Any]:
    """What a parameter with members is built as: by its annotation, else by its members' names."""
    origin = typing.get_origin(hint) or hint
    if isinstance(origin, type):
        if is_dataclass(origin) or hasattr(origin, "_fields"):
            return "object", origin
        if issubclass(origin, Mapping):
            return "dict", None
        if issubclass(origin, tuple):
            return "tuple", None
        if issubclass(origin, Sequence):
            return "list", None
    return ("tuple" if all(key.isdigit() for key in part) else "dict"), None


def _required(hint: Any) -> Any:
    """The annotation without `| None`."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return next((one for one in typing.get_args(hint) if one is not type(None)), None)
    return hint


def _member_hints(hint: Any, keys: Sequence[str]) -> dict[str, Any]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is None:
        return _hints(hint) if isinstance(hint, type) else {}
    if origin is tuple and Ellipsis not in arguments:
        return dict(zip(keys, arguments, strict=False))
    if not arguments:  # a bare `List`
        return {}
    return dict.fromkeys(keys, arguments[0] if origin is tuple else arguments[-1])


def _hints(owner: Any) -> dict[str, Any]:
    """Annotations as types; none where they name what is not there when the code runs."""
    try:
        return typing.get_type_hints(owner)
    except Exception:  # a user's annotations may be anything
        return {}


def parameter_names(module: nn.Module) -> list[str]:
    """The names of `forward`'s parameters; empty when it takes `*args`."""
    return [parameter.name for parameter in _named(module)]


def required_parameters(module: nn.Module) -> list[str]:
    """The names of those of them that have no default."""
    return [one.name for one in _named(module) if one.default is one.empty]


def takes_any_keyword(module: nn.Module) -> bool:
    """Whether `forward` has a `**kwargs`."""
    kinds = [parameter.kind for parameter in _parameters(module).values()]
    return inspect.Parameter.VAR_KEYWORD in kinds


def _named(module: nn.Module) -> list[inspect.Parameter]:
    parameters = list(_parameters(module).values())
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return []
    return [parameter for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD]


def _parameters(module: nn.Module) -> Mapping[str, inspect.Parameter]:
    """The parameters of `forward`, in order; those of a script as its schema has them."""
    if not isinstance(module, torch.jit.ScriptModule):
        return inspect.signature(module.forward).parameters
    method: Any = module.forward
    _, *declared = method.schema.arguments  # the first is the module itself
    return {each.name: _of_schema(each) for each in declared}


def _of_schema(argument: Any) -> inspect.Parameter:
    kinds = inspect.Parameter
    kind = kinds.KEYWORD_ONLY if argument.kwarg_only else kinds.POSITIONAL_OR_KEYWORD
    if argument.has_default_value():
        return inspect.Parameter(argument.name, kind, default=argument.default_value)
    return inspect.Parameter(argument.name, kind)

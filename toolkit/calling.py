"""The flattening rule for inputs: named tensors to the arguments of `forward`.

One rule for every format and runtime. An input is named by the parameter of `forward` that takes
it; what lies inside a tuple, list, dict, named tuple or dataclass by its place there, joined with
`_`: `states.1` of the command line is the input `states_1`. Constants are no inputs: they are part
of every form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from toolkit.errors import InputsError

Constant = bool | int | float | str | None
"""An argument of `forward` that is no tensor."""

Kind = Literal["tuple", "list", "dict", "object"]


@dataclass(frozen=True)
class Leaf:
    """The input of that number."""

    place: int


@dataclass(frozen=True)
class Fixed:
    """A Python value that is part of every call."""

    value: Constant


@dataclass(frozen=True)
class Nest:
    """A container of nodes; `type` is the class of an `object` (named tuple or dataclass)."""

    kind: Kind
    keys: tuple[str, ...]
    members: tuple[Node, ...]
    type: Any = None


Node = Leaf | Fixed | Nest


@dataclass(frozen=True)
class Call:
    """What `forward` is called with: trees whose leaves are inputs by number, or constants."""

    positional: tuple[Node, ...]
    keywords: tuple[tuple[str, Node], ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether it is every input in order, and nothing else."""
        return not self.keywords and all(
            isinstance(node, Leaf) and node.place == place
            for place, node in enumerate(self.positional)
        )

    def bind(self, tensors: Sequence[object]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with the tensors in their places."""
        positional = tuple(_value(node, tensors) for node in self.positional)
        return positional, {name: _value(node, tensors) for name, node in self.keywords}


def _value(node: Node, tensors: Sequence[object]) -> Any:
    if isinstance(node, Leaf):
        return tensors[node.place]
    if isinstance(node, Fixed):
        return node.value
    members = [_value(member, tensors) for member in node.members]
    if node.kind == "tuple":
        return tuple(members)
    if node.kind == "list":
        return members
    named = dict(zip(node.keys, members, strict=True))
    if node.kind == "dict":
        return named
    if node.type is None:
        raise InputsError("an input is an object whose class is not at hand, only its fields")
    return node.type(**named)


def described(call: Call, names: Sequence[str]) -> dict[str, Any]:
    """The call as plain data, its inputs by name: what a bundle's manifest records."""
    return {
        "positional": [_describe(node, names) for node in call.positional],
        "keywords": {name: _describe(node, names) for name, node in call.keywords},
    }


def _describe(node: Node, names: Sequence[str]) -> dict[str, Any]:
    if isinstance(node, Leaf):
        return {"input": names[node.place]}
    if isinstance(node, Fixed):
        return {"constant": node.value}
    members = [_describe(member, names) for member in node.members]
    if node.kind in ("tuple", "list"):
        return {node.kind: members}
    return {node.kind: dict(zip(node.keys, members, strict=True))}


def call_from(description: Mapping[str, Any], names: Sequence[str]) -> Call:
    """The call that `described` gave; raises `InputsError` where it is none.

    The classes of objects are not in it: `call_of` finds them at the module.
    """
    try:
        return Call(
            tuple(_read(node, names) for node in description["positional"]),
            tuple((name, _read(node, names)) for name, node in description["keywords"].items()),
        )
    except (KeyError, ValueError, AttributeError, TypeError) as error:
        raise InputsError(f"this describes no call of a module: {error}") from error


def _read(node: Mapping[str, Any], names: Sequence[str]) -> Node:
    (kind, inner), *more = node.items()
    if more:
        raise ValueError("a node has one key")
    if kind == "input":
        return Leaf(names.index(inner))
    if kind == "constant":
        return Fixed(inner)
    if kind not in get_args(Kind):
        raise ValueError(f"unknown kind {kind}")
    named = inner if isinstance(inner, Mapping) else {str(at): one for at, one in enumerate(inner)}
    members = tuple(_read(member, names) for member in named.values())
    return Nest(cast(Kind, kind), tuple(named), members)

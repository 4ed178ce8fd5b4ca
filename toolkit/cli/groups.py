"""Options that several commands share: declared once as a dataclass, spread into each command."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, TypeVar, get_type_hints

KEYWORD = inspect.Parameter.KEYWORD_ONLY
Returned = TypeVar("Returned")


def spread(command: Callable[..., Returned]) -> Callable[..., Returned]:
    """The command with every parameter that is a dataclass replaced by that dataclass's fields.

    The library that parses the command line sees the fields, each with its own annotation and
    default; the command is called with the dataclasses made of their values.
    """
    signature = inspect.signature(command, eval_str=True)
    groups = {
        name: parameter.annotation
        for name, parameter in signature.parameters.items()
        if is_dataclass(parameter.annotation)
    }
    parameters = [
        each
        for name, parameter in signature.parameters.items()
        for each in (_options(groups[name]) if name in groups else [parameter])
    ]

    @functools.wraps(command)
    def call(**values: Any) -> Returned:
        made = {name: _made(group, values) for name, group in groups.items()}
        return command(**values, **made)

    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {each.name: each.annotation for each in parameters}
    return call


def _options(group: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name, KEYWORD, default=_default(field), annotation=hints[field.name]
        )
        for field in fields(group)
    ]


def _default(field: Field[Any]) -> Any:
    return inspect.Parameter.empty if field.default is MISSING else field.default


def _made(group: Any, values: dict[str, Any]) -> Any:
    """The dataclass of its fields' values, which are taken out of `values`."""
    return group(**{field.name: values.pop(field.name) for field in fields(group)})

"""A model as exporters take it: tensors in the order of its inputs, tensors out."""

from __future__ import annotations

import copy
import inspect
from collections import OrderedDict
from dataclasses import replace
from typing import Any

import torch

from toolkit.flattening import flatten
from toolkit.formats.capture import eager_output
from toolkit.inputs import arguments
from toolkit.signatures import parameter_names
from toolkit.weights import Built

PLAIN = (tuple, list, dict, OrderedDict)
"""Containers that exporters take as outputs, of exactly these types or named tuples."""


def flattened(built: Built, *, nested: bool = True) -> Built:
    """The model with a `forward` of named flat tensors, where its own takes or gives anything else.

    Without `nested`, a list or dict that holds more than tensors is such a thing. The names of its
    parameters, and where its submodules lie, stay as they are: of a copy of the module `forward`
    alone is another.
    """
    spec = built.spec
    if (
        spec.call is None
        and parameter_names(built.module)
        and _is_plain(eager_output(built), nested)
    ):
        return built
    module = copy.deepcopy(built.module)
    own = module.forward
    names = [port.name for port in spec.outputs]

    def forward(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        positional, keywords = arguments(spec, tensors)
        return tuple(flatten(own(*positional, **keywords), names).values())

    one = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(port.name, one) for port in spec.inputs]
    forward.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    module.forward = forward
    return replace(built, module=module, spec=replace(spec, call=None))


def _is_plain(value: Any, nested: bool) -> bool:
    if isinstance(value, torch.Tensor):
        return True
    if not (type(value) in PLAIN or (isinstance(value, tuple) and hasattr(value, "_fields"))):
        return False
    members = value.values() if isinstance(value, dict) else value
    if not nested and not isinstance(value, tuple):
        return all(isinstance(member, torch.Tensor) for member in members)
    return all(_is_plain(member, nested) for member in members)

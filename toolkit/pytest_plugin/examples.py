"""Example inputs of a test as the words of the command line, and as one more case to run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from toolkit.calling import Constant
from toolkit.errors import InputsError
from toolkit.inputs import Array, to_array
from toolkit.signatures import parameter_names
from toolkit.spec import BATCH, DTYPES
from toolkit.words import nearest_words

CONSTANT = ":="
"""What a text begins with that is a constant, and no description of a tensor."""


@dataclass
class Described:
    """Inputs and ranges of dimensions as `toolkit.given.Given` has them, and the arrays given."""

    inputs: dict[str, Constant] = field(default_factory=dict)
    dims: dict[str, str] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)
    worded: list[str] = field(default_factory=list)
    sizes: dict[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def case(self) -> dict[str, Array]:
        """The arrays of every input; none where some are said in words only."""
        return {} if self.worded else self.arrays


def described(model: object, inputs: object, dynamic: object) -> Described:
    """What `inputs` and `dynamic` say; raises `InputsError`.

    A tensor or array is an example: its shape and dtype describe the input, `dynamic` names the
    axes that vary, and its values are run too. A text is what `--input` takes, or `:=VALUE` for a
    constant; a number, a boolean and None are constants. What lies in a tuple, list, mapping, named
    tuple or dataclass goes by its place there. Inputs without names go by position.
    """
    found = Described()
    axes = _Axes(dynamic if isinstance(dynamic, Mapping) else {})
    for name, value in _named(model, inputs).items():
        for path, leaf in _leaves(name, value):
            _describe(found, axes, path, leaf)
    axes.require_used(found)
    # A size of 1 is often specialised by exporters, and a batch is as good at 2 as at any other.
    traced = {name: size for name, (size, _) in found.sizes.items() if name != BATCH and size > 1}
    found.dims = {name: f"1..@{size}" for name, size in traced.items()}
    return found


def _named(model: object, inputs: object) -> Mapping[str, object]:
    if isinstance(inputs, Mapping):
        return {str(name): value for name, value in inputs.items()}
    values = list(inputs) if isinstance(inputs, tuple | list) else [inputs]
    known = parameter_names(model) if isinstance(model, nn.Module) else []
    names = [*known[: len(values)], *(f"arg{place}" for place in range(len(known), len(values)))]
    return dict(zip(names, values, strict=True))


def _leaves(path: str, value: object) -> Iterator[tuple[str, object]]:
    """What lies inside a value, by its place there: the flattening rule of `calling.py`."""
    members = _members(value)
    if members is None:
        yield path, value
        return
    if not members:
        raise InputsError(f"{path} is an empty {type(value).__name__}: no input is in it")
    for key, member in members:
        yield from _leaves(f"{path}.{key}", member)


def _members(value: object) -> list[tuple[str, object]] | None:
    if isinstance(value, Mapping):
        return [(str(key), member) for key, member in value.items()]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return list(zip(value._fields, value, strict=True))
    if isinstance(value, tuple | list):
        return [(str(place), member) for place, member in enumerate(value)]
    if is_dataclass(value) and not isinstance(value, type):
        return [(part.name, getattr(value, part.name)) for part in fields(value)]
    return None


@dataclass
class _Axes:
    """The names of the axes that vary, by input; it knows which inputs were asked for."""

    said: Mapping[Any, Any]
    used: set[str] = field(default_factory=set)

    def of(self, path: str, rank: int) -> dict[int, str]:
        """The names of an input's axes."""
        said = self.said.get(path)
        self.used |= {path}
        if said is None:
            return {}
        if isinstance(said, str):
            said = [said]
        pairs = said.items() if isinstance(said, Mapping) else enumerate(said)
        return {self._place(path, axis, rank): str(name) for axis, name in pairs if name}

    def _place(self, path: str, axis: object, rank: int) -> int:
        if not isinstance(axis, int) or not -rank <= axis < rank:
            raise InputsError(
                f"dynamic: {path} has no axis {axis}: it has {rank}",
                hint='as in dynamic={"x": ["batch", None, "height"]} or {"x": {0: "batch"}}',
            )
        return axis % rank

    def require_used(self, found: Described) -> None:
        """Refuse names of inputs that there are not, or that are said in words."""
        for path in self.said:
            if path in found.worded:
                raise InputsError(
                    f"dynamic: {path} is said in words, which name its axes themselves",
                    hint=f'as in inputs={{"{path}": "batch,8"}}',
                )
            if path not in self.used:
                known = list(found.inputs)
                near = nearest_words(str(path), known)
                hint = f"did you mean {near[0]}?" if near else f"inputs: {', '.join(known)}"
                raise InputsError(f"dynamic: no input is called {path}", hint=hint)


def _describe(found: Described, axes: _Axes, path: str, leaf: object) -> None:
    if isinstance(leaf, str):
        _describe_words(found, path, leaf)
    elif isinstance(leaf, torch.Tensor | np.ndarray):
        _describe_example(found, axes, path, leaf)
    elif leaf is None or isinstance(leaf, bool | int | float | np.generic):
        found.inputs[path] = _constant(path, leaf)
    else:
        raise InputsError(
            f"{path} is a {type(leaf).__name__}, which no input can be",
            hint="an input is a tensor, an array, a number, None, or words such as batch,3,32,32",
        )


def _describe_words(found: Described, path: str, text: str) -> None:
    if text.startswith(CONSTANT):
        # `NAME:=VALUE` of the command line, since a text alone describes a tensor.
        found.inputs[f"{path}:"] = text.removeprefix(CONSTANT)
        return
    found.inputs[path] = text
    found.worded.append(path)


def _constant(path: str, value: object) -> Constant:
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float) and not math.isfinite(plain):
        raise InputsError(f"{path} is {plain}: a constant is a finite number")
    assert plain is None or isinstance(plain, bool | int | float)
    return plain


def _describe_example(
    found: Described, axes: _Axes, path: str, example: torch.Tensor | Array
) -> None:
    dtype = str(example.dtype).removeprefix("torch.")
    if dtype not in DTYPES:
        raise InputsError(f"{path} has dtype {dtype}", hint=f"one of: {', '.join(DTYPES)}")
    shape: Sequence[int] = tuple(example.shape)
    names = axes.of(path, len(shape))
    for axis, name in names.items():
        _require_one_size(found, name, shape[axis], path)
    words = ",".join(names.get(axis, str(size)) for axis, size in enumerate(shape)) or "()"
    found.inputs[path] = f"{words}:{dtype}"
    found.arrays[path] = to_array(example) if isinstance(example, torch.Tensor) else example


def _require_one_size(found: Described, name: str, size: int, path: str) -> None:
    before, place = found.sizes.setdefault(name, (size, path))
    if before != size:
        raise InputsError(
            f"dynamic: {name} is {before} in {place} and {size} in {path}",
            hint="axes of one name vary together: give the examples one size, or two names",
        )

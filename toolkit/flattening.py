"""The flattening rule for outputs: what `forward` returns to named tensors (inputs: `calling.py`).

A single tensor is `output_0`; members of a tuple or list are numbered, those of a mapping or
dataclass keep their keys; nested names join with `_`. None is no output, a Python number is a
tensor without axes. Where the spec names as many outputs as come out, its names are used in order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass

import torch

from toolkit.errors import BuildError


def flatten(value: object, names: Sequence[str] = ()) -> dict[str, torch.Tensor]:
    """Every tensor of a nested output under its name; `names` are used when they are as many."""
    found = list(_walk(value, ""))
    if len(found) == len(names):
        return dict(zip(names, (tensor for _, tensor in found), strict=True))
    named: dict[str, torch.Tensor] = {}
    for name, tensor in found:
        named[_free_name(name or "output_0", named)] = tensor
    return named


def _free_name(name: str, taken: Mapping[str, object]) -> str:
    """The name, with `_` behind it where joined names meet: no output is lost."""
    while name in taken:
        name += "_"
    return name


def _walk(value: object, prefix: str) -> list[tuple[str, torch.Tensor]]:
    if isinstance(value, torch.Tensor):
        return [(prefix, value)]
    if isinstance(value, bool | int | float):
        return [(prefix, torch.tensor(value))]
    if isinstance(value, torch.SymInt):  # a size, while torch.export captures
        return [(prefix, torch.scalar_tensor(value, dtype=torch.int64))]
    if value is None:
        return []
    members = _members(value, prefix)
    if members is None:
        raise BuildError(f"the model returned {type(value).__name__}, which is no tensor")
    return [pair for name, member in members for pair in _walk(member, name)]


def _members(value: object, prefix: str) -> list[tuple[str, object]] | None:
    if isinstance(value, Mapping):
        return [(_join(prefix, str(key)), member) for key, member in value.items()]
    if isinstance(value, tuple | list):
        stem = prefix or "output"
        return [(f"{stem}_{index}", member) for index, member in enumerate(value)]
    if is_dataclass(value) and not isinstance(value, type):
        return [(_join(prefix, part.name), getattr(value, part.name)) for part in fields(value)]
    return None


def _join(prefix: str, name: str) -> str:
    return f"{prefix}_{name}" if prefix else name

"""TorchScript keeps the modules: each is called with what eager's took."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils import _pytree as pytree

from toolkit.inputs import to_array
from toolkit.locating.recording import Call, Recording
from toolkit.locating.tracking import Pool
from toolkit.runtimes.base import Runner


def first_wrong_submodule(recording: Recording, runner: Runner) -> str | None:
    """The innermost module that gives something else for the same arguments.

    The root where all inside it are right; None where one of those could not be called.
    """
    script: Any = getattr(runner, "module", None)
    parts = dict(script.named_modules())
    unknown = False
    for call in recording.calls:
        if not call.path or not call.given:
            continue
        right = _is_right(parts.get(call.path), call)
        if right is False:
            return call.path
        unknown |= right is None and call.leaf
    return None if unknown else ""


def _is_right(part: Any, call: Call) -> bool | None:
    """Whether a module gives what eager's gave; None where it takes something else."""
    if part is None:
        return None
    try:
        with torch.no_grad():
            output = part(*call.arguments, **call.keywords)
    except Exception:
        return None
    tensors = [leaf for leaf in pytree.tree_leaves(output) if isinstance(leaf, torch.Tensor)]
    arrays = [to_array(tensor) for tensor in tensors if tensor.is_floating_point()]
    if len(arrays) != len(call.given):
        return None
    return all(Pool([array]).holds(seen) for array, seen in zip(arrays, call.given, strict=True))

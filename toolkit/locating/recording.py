"""What every module of a network takes and gives in one run, in eager and in float64."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils import _pytree as pytree
from torch.utils.hooks import RemovableHandle

from toolkit.inputs import Array, run_module, to_array
from toolkit.parity.compare import EPS, SLICE_FLOOR_EPS
from toolkit.parity.oracle import converted, default_float64, on_cpu
from toolkit.spec import ModelSpec

MOST_BYTES = 2**30
"""Of recorded values; beyond it nothing is located."""


@dataclass(frozen=True)
class Seen:
    """A floating tensor by eager and in float64, and how far eager may be off."""

    eager: Array
    oracle: Array

    @property
    def noise(self) -> float:
        """As for outputs, over the whole tensor."""
        finite = np.isfinite(self.oracle) & np.isfinite(self.eager)
        error = np.abs(self.eager.astype(np.float64) - self.oracle, where=finite, out=_zeros(self))
        scale = np.abs(self.oracle, where=finite, out=_zeros(self)).max(initial=0.0)
        eps = EPS.get(str(self.eager.dtype), EPS["float32"])
        return float(max(error.max(initial=0.0), SLICE_FLOOR_EPS * eps * scale))


def _zeros(seen: Seen) -> Array:
    return np.zeros(seen.oracle.shape)


@dataclass(frozen=True)
class Call:
    """One call of one module, and the floating tensors of it; in a `leaf` no other is called."""

    path: str
    leaf: bool
    taken: tuple[Seen, ...]
    given: tuple[Seen, ...]
    arguments: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Recording:
    """All calls in the order in which they ended: what is inside a module stands before it."""

    module: nn.Module
    spec: ModelSpec
    inputs: Mapping[str, Array]
    device: str
    calls: tuple[Call, ...]


@dataclass
class _Raw:
    path: str
    leaf: bool
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    taken: list[Array]
    given: list[Array]


def record(
    module: nn.Module, spec: ModelSpec, inputs: Mapping[str, Array], device: str = "cpu"
) -> Recording | None:
    """Both runs, call by call; None where they do not go together or hold too much."""
    eager = _run(module, spec, inputs, device)
    with default_float64():
        twin = converted(on_cpu(module, device), torch.float64)
        wide = _run(twin, spec, inputs, "cpu", torch.float64)
    calls = [_paired(one, other) for one, other in zip(eager, wide, strict=True)]
    if not calls or any(call is None for call in calls):
        return None
    return Recording(module, spec, inputs, device, tuple(call for call in calls if call))


def _paired(eager: _Raw, wide: _Raw) -> Call | None:
    counts = [(len(one.taken), len(one.given)) for one in (eager, wide)]
    if eager.path != wide.path or counts[0] != counts[1]:
        return None
    taken = tuple(map(Seen, eager.taken, wide.taken))
    given = tuple(map(Seen, eager.given, wide.given))
    if any(seen.eager.shape != seen.oracle.shape for seen in (*taken, *given)):
        return None
    return Call(eager.path, eager.leaf, taken, given, eager.arguments, eager.keywords)


def _run(
    module: nn.Module,
    spec: ModelSpec,
    inputs: Mapping[str, Array],
    device: str,
    dtype: torch.dtype | None = None,
) -> list[_Raw]:
    found: list[_Raw] = []
    begun: list[int] = []
    held = 0

    def entering(part: nn.Module, arguments: Any) -> None:
        del part, arguments
        begun.append(len(found))

    def hook(path: str) -> Any:
        def seen(part: nn.Module, args: Any, keywords: Any, output: Any) -> None:
            nonlocal held
            del part
            taken, given = _arrays((args, keywords)), _arrays(output)
            held += sum(array.nbytes for array in (*taken, *given))
            if held > MOST_BYTES:
                raise MemoryError("too much to locate a fault in")
            args, keywords = pytree.tree_map_only(
                torch.Tensor, lambda tensor: tensor.detach().clone(), (args, keywords)
            )
            leaf = begun.pop() == len(found)
            found.append(_Raw(path, leaf, args, keywords, taken, given))

        return seen

    handles: list[RemovableHandle] = []
    for path, part in module.named_modules():
        if not isinstance(part, torch.jit.ScriptModule):
            handles.append(part.register_forward_pre_hook(entering))
            handles.append(part.register_forward_hook(hook(path), with_kwargs=True))
    try:
        run_module(module, spec, inputs, device=device, float_dtype=dtype)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _arrays(values: Any) -> list[Array]:
    tensors = [leaf for leaf in pytree.tree_leaves(values) if isinstance(leaf, torch.Tensor)]
    return [to_array(tensor) for tensor in tensors if tensor.is_floating_point()]

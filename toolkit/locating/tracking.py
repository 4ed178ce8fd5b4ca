"""Which module's outputs a graph no longer holds, although it holds its inputs."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence
from torch.utils import _pytree as pytree

from toolkit.inputs import Array, run_module, to_array
from toolkit.locating.recording import Call, Recording, Seen
from toolkit.parity.compare import difference
from toolkit.parity.limits import MAX_SCORE

LONGEST_S = 20.0
"""For trying out what modules have influence on: each trial is one run of eager."""


class Pool:
    """The values of a graph, to be asked whether one of them is a module's."""

    def __init__(self, values: Iterable[Array]) -> None:
        self._by_size: dict[int, list[Array]] = defaultdict(list)
        for value in values:
            self._by_size[value.size].append(value.reshape(-1))

    def holds(self, seen: Seen) -> bool:
        """Whether some value is as near to the module's own as a right one would be.

        In whatever layout: a form may hold it transposed, and sorting moves no value by more than
        the largest error.
        """
        limit = MAX_SCORE * seen.noise
        oracle = seen.oracle.reshape(-1)
        values = self._by_size.get(oracle.size, ())
        if any(_near(value, oracle, limit) for value in values):
            return True
        in_order = np.sort(oracle)
        return any(_near(np.sort(value), in_order, limit) for value in values)


def _near(value: Array, oracle: Array, limit: float) -> bool:
    if np.any(np.isfinite(value) != np.isfinite(oracle)):
        return False
    return bool(difference(value, oracle).max(initial=0.0) <= limit)


def first_departure(recording: Recording, values: Iterable[Array]) -> str | None:
    """The path of the module; None where the graph is right, or where it cannot be told."""
    pool = Pool(values)
    if all(map(pool.holds, recording.calls[-1].given)):
        return None
    leaves = [call for call in recording.calls if call.leaf and call.given]
    right = [any(map(pool.holds, call.given)) for call in leaves]
    suspects = [
        at for at, call in enumerate(leaves) if not right[at] and all(map(pool.holds, call.taken))
    ]
    ends = time.monotonic() + LONGEST_S
    for at in suspects:
        if _feeds_a_right_one(leaves, right, at):
            continue
        if time.monotonic() > ends:
            return None
        if not any(right[other] for other in _changed(recording, at) if other > at):
            return leaves[at].path
    return _calling(recording, leaves, right, pool)


def _feeds_a_right_one(leaves: Sequence[Call], right: Sequence[bool], at: int) -> bool:
    """Whether a right module takes what it gives: then an exporter made the two one."""
    given = leaves[at].given
    return any(
        right[other] and any(_same(one, two) for one in given for two in leaves[other].taken)
        for other in range(at + 1, len(leaves))
    )


def _same(one: Seen, other: Seen) -> bool:
    return one.eager.shape == other.eager.shape and np.array_equal(one.eager, other.eager)


def _changed(recording: Recording, at: int) -> list[int]:
    """The leaf calls that give something else once the call `at` does."""
    leaves = [call for call in recording.calls if call.leaf and call.given]
    parts = dict(recording.module.named_modules())
    count = -1
    found: list[int] = []

    def hook(part: nn.Module, arguments: Any, output: Any) -> Any:
        nonlocal count
        del part, arguments
        if not any(map(_is_floating, pytree.tree_leaves(output))):
            return None
        count += 1
        if count == at:
            return pytree.tree_map_only(torch.Tensor, _moved, output)
        if count < len(leaves) and _departs(leaves[count], output):
            found.append(count)
        return None

    handles = [parts[path].register_forward_hook(hook) for path in {call.path for call in leaves}]
    try:
        run_module(recording.module, recording.spec, recording.inputs, device=recording.device)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _is_floating(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def _moved(tensor: torch.Tensor) -> torch.Tensor:
    """Another tensor of the same size: every element by about its scale."""
    if not tensor.is_floating_point():
        return tensor
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(tensor.shape, generator=generator, dtype=torch.float32)
    return tensor + (tensor.abs().mean() + 1.0) * noise.to(tensor.device, tensor.dtype)


def _departs(call: Call, output: Any) -> bool:
    tensors = [leaf for leaf in pytree.tree_leaves(output) if _is_floating(leaf)]
    return any(
        tuple(tensor.shape) != seen.eager.shape
        or not np.array_equal(to_array(tensor), seen.eager, equal_nan=True)
        for tensor, seen in zip(tensors, call.given, strict=False)
    )


def _calling(
    recording: Recording, leaves: Sequence[Call], right: Sequence[bool], pool: Pool
) -> str | None:
    """The module whose code feeds the first module that is fed something wrong.

    Packed sequences lie otherwise in every form: what is fed with one tells nothing.
    """
    for at, call in enumerate(leaves):
        if not right[at] and not all(map(pool.holds, call.taken)):
            packed = any(isinstance(one, PackedSequence) for one in call.arguments)
            return None if packed else _parent(recording.module, call.path)
    return ""


def _parent(root: nn.Module, path: str) -> str:
    """The nearest module around it that has code of its own."""
    containers = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
    above = path.rpartition(".")[0]
    while above and isinstance(root.get_submodule(above), containers):
        above = above.rpartition(".")[0]
    return above

"""The same count by torch, over the module as it runs: what the graph's count is held against."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from toolkit.formats.quiet import quietly
from toolkit.inputs import Array, run_tensors
from toolkit.operations.formulas import MULTIPLY_ADD
from toolkit.spec import ModelSpec


def _matrix_by_vector(matrix: torch.Size, _: torch.Size, **__: Any) -> int:
    return MULTIPLY_ADD * prod(matrix)


def _added_matrix_by_vector(_: torch.Size, matrix: torch.Size, *__: Any, **___: Any) -> int:
    return MULTIPLY_ADD * prod(matrix)


UNKNOWN_TO_TORCH = {
    torch.ops.aten.mv: _matrix_by_vector,
    torch.ops.aten.addmv: _added_matrix_by_vector,
    torch.ops.aten.dot: _matrix_by_vector,
}
"""Products that torch 2.15's counter takes for none."""


def counted(module: nn.Module, spec: ModelSpec, arrays: Mapping[str, Array]) -> int | None:
    """The operations of one call on the CPU by torch's counter; None where it cannot count.

    oneDNN is off meanwhile: its recurrent layers are one operator, which the counter does not know.
    """
    counter = FlopCounterMode(display=False, custom_mapping=UNKNOWN_TO_TORCH)
    try:
        with quietly(), torch.backends.mkldnn.flags(enabled=False), counter:
            run_tensors(module, spec, arrays)
    except Exception:  # a module of the user's may raise anything under a mode of torch
        return None
    return int(counter.get_total_flops())


def moved_bytes(module: nn.Module, spec: ModelSpec, arrays: Mapping[str, Array]) -> int:
    """Bytes of the module's parameters and buffers and of what goes in and comes out, once each."""
    outputs = run_tensors(module, spec, arrays)
    held = (*module.parameters(), *module.buffers())
    inputs = sum(_port_bytes(port.dtype, arrays[port.name]) for port in spec.inputs)
    return inputs + sum(one.numel() * one.element_size() for one in (*held, *outputs.values()))


def _port_bytes(dtype: str, array: Array) -> int:
    itemsize: int = getattr(torch, dtype).itemsize  # of a bfloat16, which has no array
    return int(array.size) * itemsize

"""Shapes of recurrent layers and cells while torch.export captures them.

To know the shapes that an LSTM, GRU or RNN gives, torch runs its decomposition, a Python loop
over time that fixes the number of steps at the traced one; that of a cell adds in place, which
shuts out a batch of 1. The operator itself goes into the graph either way, so during capture its
shapes are stated directly: any time and any batch.
These kernels compute no values: none may be in place while its operator is decomposed.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from typing import Any, cast

import torch
from torch import Tensor

from toolkit.formats.fixed_costs import replaced_attribute
from toolkit.formats.quiet import PlainCallWarning

CAPTURE_STRATEGIES = "torch.onnx._internal.exporter._capture_strategies"


def _sequence_shape(layer_input: Tensor, hidden: Tensor, bidirectional: bool) -> tuple[Any, ...]:
    directions = 2 if bidirectional else 1
    return (*layer_input.shape[:2], hidden.shape[2] * directions)


def _lstm_shapes(
    layer_input: Tensor, states: Sequence[Tensor], *rest: Any
) -> tuple[Tensor, Tensor, Tensor]:
    bidirectional = rest[5]
    hidden, cell = states
    output = layer_input.new_empty(_sequence_shape(layer_input, hidden, bidirectional))
    return output, torch.empty_like(hidden), torch.empty_like(cell)


def _rnn_shapes(layer_input: Tensor, hidden: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    bidirectional = rest[5]
    output = layer_input.new_empty(_sequence_shape(layer_input, hidden, bidirectional))
    return output, torch.empty_like(hidden)


def _lstm_cell_shapes(step: Tensor, states: Sequence[Tensor], *rest: Any) -> tuple[Tensor, Tensor]:
    del step, rest
    hidden, cell = states
    return torch.empty_like(hidden), torch.empty_like(cell)


def _gru_cell_shapes(step: Tensor, hidden: Tensor, *rest: Any) -> Tensor:
    del step, rest
    return torch.empty_like(hidden)


_KERNELS: dict[str, Callable[..., Any]] = {
    "lstm.input": _lstm_shapes,
    "gru.input": _rnn_shapes,
    "rnn_tanh.input": _rnn_shapes,
    "rnn_relu.input": _rnn_shapes,
    "lstm_cell.default": _lstm_cell_shapes,
    "gru_cell.default": _gru_cell_shapes,
}


KEPT_BY_ONNX = {
    "lstm.input": "LSTM",
    "gru.input": "GRU",
    "rnn_tanh.input": "RNN",
    "rnn_relu.input": "RNN",
}
"""Layers that the translation to ONNX takes over undecomposed, and as which operators."""


@contextlib.contextmanager
def recurrent_shapes(layers: Iterable[str] = tuple(_KERNELS)) -> Iterator[None]:
    """Put the shape kernels in place; where torch has no such table, nothing is changed."""
    with contextlib.ExitStack() as stack:
        for name in layers:
            packet, _, overload = name.partition(".")
            operator = getattr(getattr(torch.ops.aten, packet), overload)
            if isinstance(getattr(operator, "py_kernels", None), dict):
                stack.enter_context(_kernel(operator, _KERNELS[name]))
        yield


@contextlib.contextmanager
def recurrent_shapes_in_translation() -> Iterator[None]:
    """The same while torch.onnx translates, in place of its own, far slower way.

    It would compile a loop for every layer (seconds each) only to learn the shapes.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(recurrent_shapes(KEPT_BY_ONNX))
        try:
            strategies = import_module(CAPTURE_STRATEGIES)
            slow_way = "patch_dynamic_shape_rnn_decompositions"
            stack.enter_context(replaced_attribute(strategies, slow_way, _nothing))
        except (ImportError, KeyError) as gone:
            text = f"torch.onnx learns the shapes of recurrent layers in its own slow way: {gone}"
            warnings.warn(text, PlainCallWarning, stacklevel=2)
        yield


def _nothing(_dynamic: object) -> contextlib.AbstractContextManager[None]:
    return contextlib.nullcontext()


@contextlib.contextmanager
def _kernel(operator: Any, kernel: Callable[..., Any]) -> Iterator[None]:
    from torch._decomp import global_decomposition_table

    key = torch._C.DispatchKey.CompositeImplicitAutograd
    decompositions = cast("dict[Any, Any]", global_decomposition_table["post_autograd"])
    with (
        _forgotten_after(operator),
        _replaced(operator.py_kernels, key, kernel),
        _replaced(decompositions, operator, kernel),
    ):
        yield


@contextlib.contextmanager
def _replaced(table: dict[Any, Any], key: Any, value: Any) -> Iterator[None]:
    """The entry of a table, put back as it was."""
    before = table.get(key)
    table[key] = value
    try:
        yield
    finally:
        if before is None:
            table.pop(key, None)
        else:
            table[key] = before


@contextlib.contextmanager
def _forgotten_after(operator: Any) -> Iterator[None]:
    """An operator remembers the kernel of its last call; torch.onnx leaves a stale one behind."""
    cache = getattr(operator, "_dispatch_cache", {})
    cache.clear()
    try:
        yield
    finally:
        cache.clear()

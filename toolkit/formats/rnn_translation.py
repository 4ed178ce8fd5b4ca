"""torch's RNN as the ONNX operator of that name, which torch.onnx has no translation for.

Without one it is decomposed into a step for each traced time, and no other time runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.export import ExportedProgram

ACTIVATIONS = {"rnn_tanh": "Tanh", "rnn_relu": "Relu"}


def translations(program: ExportedProgram) -> dict[Callable[..., Any], Callable[..., Any]]:
    """For torch.onnx's `custom_translation_table`: an entry for each kind of RNN in a program."""
    captured = {node.target for node in program.graph.nodes if node.op == "call_function"}
    known = {
        getattr(torch.ops.aten, name).input: _translation(activation)
        for name, activation in ACTIVATIONS.items()
    }
    return {operator: known[operator] for operator in known if operator in captured}


def _translation(activation: str) -> Callable[..., Any]:
    # torch.onnx reads the signature: plain numbers become attributes, everything else inputs.
    def rnn(  # noqa: PLR0917 - the operator's own signature
        layer_input: Any,
        hx: Any,
        params: Sequence[Any],
        has_biases: bool,
        num_layers: int,
        dropout: float,
        train: bool,
        bidirectional: bool,
        batch_first: bool,
    ) -> tuple[Any, Any]:
        del dropout, train  # only models in eval mode are exported
        directions = 2 if bidirectional else 1
        each = (4 if has_biases else 2) * directions
        output = _swapped(layer_input) if batch_first else layer_input
        states = []
        for layer in range(num_layers):
            first = _part(hx, layer * directions, (layer + 1) * directions)
            own = params[layer * each : (layer + 1) * each]
            output, state = _layer(output, first, _by_direction(own, directions), activation)
            states.append(state)
        return (_swapped(output) if batch_first else output), _joined(states)

    return rnn


def _layer(
    output: Any, hx: Any, params: Sequence[Sequence[Any]], activation: str
) -> tuple[Any, Any]:
    """One layer: (T, B, F) and (directions, B, H) → (T, B, directions · H) and the last state.

    `params` are those of each direction: its two weights, then its two biases if it has any.
    """
    biases = [_operators().Concat(*part[2:], axis=0) for part in params if part[2:]]
    found, state = _operators().RNN(
        output,
        _stacked([part[0] for part in params]),
        _stacked([part[1] for part in params]),
        _stacked(biases) if biases else None,
        None,
        hx,
        activations=[activation] * len(params),
        direction="bidirectional" if len(params) > 1 else "forward",
        hidden_size=int(params[0][1].shape[1]),
    )
    # ONNX gives (T, directions, B, H).
    by_batch = _operators().Transpose(found, perm=[0, 2, 1, 3])
    joined = _operators().Constant(value_ints=[0, 0, -1])
    return _operators().Reshape(by_batch, joined), state


def _operators() -> Any:
    """ONNX's operators as functions that add nodes; opset 18, which torch.onnx then converts."""
    from onnxscript import opset18

    return opset18


def _by_direction(params: Sequence[Any], directions: int) -> list[Sequence[Any]]:
    each = len(params) // directions
    return [params[one * each : (one + 1) * each] for one in range(directions)]


def _swapped(sequence: Any) -> Any:
    """Time and batch in each other's place."""
    return _operators().Transpose(sequence, perm=[1, 0, 2])


def _part(states: Any, start: int, end: int) -> Any:
    return _operators().Slice(states, [start], [end], [0])


def _stacked(values: Sequence[Any]) -> Any:
    """Values of the directions along a new first axis."""
    return _joined([_operators().Unsqueeze(value, [0]) for value in values])


def _joined(values: Sequence[Any]) -> Any:
    return values[0] if len(values) == 1 else _operators().Concat(*values, axis=0)

"""Recurrent cells: one step each, and loops of them over any number of steps.

A loop over time is frozen in silence by tracing and refused by torch.export; the one-layer network
of the same kind, with the cell's own parameters, computes the same and is exported in its place.
"""

from __future__ import annotations

from functools import partial
from typing import TypeVar

import torch
from torch import nn

from toolkit.spec import ModelSpec, Port, Twin

from . import documents

FEATURES = 10
HIDDEN = 20

PARAMETER_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")

LayerT = TypeVar("LayerT", bound=nn.RNNBase)


class CellLoop(nn.Module):
    """A cell of one state step by step: (T, B, 10) and a state (B, 20) → (T, B, 20)."""

    def __init__(self, kind: type[nn.RNNCell] | type[nn.GRUCell]) -> None:
        super().__init__()
        self.cell = kind(FEATURES, HIDDEN)

    def forward(
        self,
        input: torch.Tensor,  # noqa: A002 - the port's name
        hx: torch.Tensor,
    ) -> torch.Tensor:
        """The hidden state after every step, stacked."""
        states: list[torch.Tensor] = []
        for step in input.unbind(0):
            hx = self.cell(step, hx)
            states.append(hx)
        return torch.stack(states)


class LstmCell(nn.Module):
    """nn.LSTMCell(10, 20): (B, 10) and two states (B, 20) → the next two states."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(FEATURES, HIDDEN)

    def forward(
        self,
        input: torch.Tensor,  # noqa: A002 - the port's name
        hx: torch.Tensor,
        cx: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The hidden and the cell state after one step."""
        hidden, cell = self.cell(input, (hx, cx))
        return hidden, cell


class LstmCellLoop(nn.Module):
    """nn.LSTMCell(10, 20) step by step: (T, B, 10) and two states (B, 20) → (T, B, 20)."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(FEATURES, HIDDEN)

    def forward(
        self,
        input: torch.Tensor,  # noqa: A002 - the port's name
        hx: torch.Tensor,
        cx: torch.Tensor,
    ) -> torch.Tensor:
        """The hidden state after every step, stacked."""
        states: list[torch.Tensor] = []
        for step in input.unbind(0):
            hx, cx = self.cell(step, (hx, cx))
            states.append(hx)
        return torch.stack(states)


class OneLayer(nn.Module):
    """A one-layer RNN or GRU over the whole sequence: (T, B, 10), (B, 20) → (T, B, 20)."""

    def __init__(self, layer: nn.RNN | nn.GRU) -> None:
        super().__init__()
        self.layer = layer

    def forward(
        self,
        input: torch.Tensor,  # noqa: A002 - the port's name
        hx: torch.Tensor,
    ) -> torch.Tensor:
        """The hidden state after every step."""
        output, _ = self.layer(input, hx.unsqueeze(0))
        hidden: torch.Tensor = output
        return hidden


class OneLayerLstm(nn.Module):
    """A one-layer LSTM over the whole sequence: (T, B, 10), two (B, 20) → (T, B, 20)."""

    def __init__(self, layer: nn.LSTM) -> None:
        super().__init__()
        self.layer = layer

    def forward(
        self,
        input: torch.Tensor,  # noqa: A002 - the port's name
        hx: torch.Tensor,
        cx: torch.Tensor,
    ) -> torch.Tensor:
        """The hidden state after every step."""
        output, _ = self.layer(input, (hx.unsqueeze(0), cx.unsqueeze(0)))
        hidden: torch.Tensor = output
        return hidden


def one_layer(loop: nn.Module) -> nn.Module:
    """The network of one layer that shares the parameters of a loop's cell."""
    cell = loop.get_submodule("cell")
    if isinstance(cell, nn.LSTMCell):
        return OneLayerLstm(_sharing(nn.LSTM(FEATURES, HIDDEN), cell))
    if isinstance(cell, nn.GRUCell):
        return OneLayer(_sharing(nn.GRU(FEATURES, HIDDEN), cell))
    return OneLayer(_sharing(nn.RNN(FEATURES, HIDDEN), cell))


def _sharing(layer: LayerT, cell: nn.Module) -> LayerT:
    for name in PARAMETER_NAMES:
        setattr(layer, f"{name}_l0", cell.get_parameter(name))
    return layer


LOOP_TWIN = Twin(
    formats=("onnx", "pt2", "trace", "onnx-legacy"),
    build=one_layer,
    reason="a loop of cells over time is refused by torch.export and frozen by tracing; "
    "the one-layer network with the same parameters is not",
)

_entry = partial(ModelSpec, family="layer", document=documents.C)
_STEP = Port("input", ("batch", FEATURES))
_SEQUENCE = Port("input", ("time", "batch", FEATURES))
_STATES = ("time", "batch", HIDDEN)


def _state(name: str) -> Port:
    return Port(name, ("batch", HIDDEN))


SPECS: tuple[ModelSpec, ...] = (
    _entry(
        name="rnn_cell",
        build=partial(nn.RNNCell, FEATURES, HIDDEN),
        summary="nn.RNNCell(10, 20): one step",
        inputs=(_STEP, _state("hx")),
        outputs=(_state("hidden"),),
        parameters=640,
    ),
    _entry(
        name="lstm_cell",
        build=LstmCell,
        summary="nn.LSTMCell(10, 20): one step",
        inputs=(_STEP, _state("hx"), _state("cx")),
        outputs=(_state("hidden"), _state("cell")),
        parameters=2_560,
    ),
    _entry(
        name="gru_cell",
        build=partial(nn.GRUCell, FEATURES, HIDDEN),
        summary="nn.GRUCell(10, 20): one step",
        inputs=(_STEP, _state("hx")),
        outputs=(_state("hidden"),),
        parameters=1_920,
    ),
    _entry(
        name="rnn_cell_loop",
        build=partial(CellLoop, nn.RNNCell),
        summary="nn.RNNCell(10, 20) in a loop over any number of steps",
        inputs=(_SEQUENCE, _state("hx")),
        outputs=(Port("output", _STATES),),
        parameters=640,
        twins=(LOOP_TWIN,),
    ),
    _entry(
        name="lstm_cell_loop",
        build=LstmCellLoop,
        summary="nn.LSTMCell(10, 20) in a loop over any number of steps",
        inputs=(_SEQUENCE, _state("hx"), _state("cx")),
        outputs=(Port("output", _STATES),),
        parameters=2_560,
        twins=(LOOP_TWIN,),
    ),
    _entry(
        name="gru_cell_loop",
        build=partial(CellLoop, nn.GRUCell),
        summary="nn.GRUCell(10, 20) in a loop over any number of steps",
        inputs=(_SEQUENCE, _state("hx")),
        outputs=(Port("output", _STATES),),
        parameters=1_920,
        twins=(LOOP_TWIN,),
    ),
)

"""Recurrent layers whose initial states are inputs: any number of steps, any batch."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from toolkit.spec import ModelSpec, Port, Size

from . import documents

FEATURES = 10
HIDDEN = 20
LAYERS = 2


class Rnn(nn.Module):
    """nn.RNN(10, 20, 2) with tanh: (T, B, 10) and a state (2, B, 20) → (T, B, 20) and the state.

    A bare recurrent layer cannot be scripted (its forward is overloaded); inside a module it can.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.RNN(FEATURES, HIDDEN, LAYERS)

    def forward(
        self,
        input: torch.Tensor,  # noqa: A002 - the port's name
        h0: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The top layer's output at every step, and both layers' last hidden state."""
        output, hn = self.rnn(input, h0)
        return output, hn


class Gru(nn.Module):
    """nn.GRU(10, 20, 2): (T, B, 10) and a state (2, B, 20) → (T, B, 20) and the state."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(FEATURES, HIDDEN, LAYERS)

    def forward(
        self,
        input: torch.Tensor,  # noqa: A002 - the port's name
        h0: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The top layer's output at every step, and both layers' last hidden state."""
        output, hn = self.gru(input, h0)
        return output, hn


class Lstm(nn.Module):
    """nn.LSTM(10, 20, 2): (T, B, 10) and two states (2, B, 20) → (T, B, 20) and the states.

    With `batch_first` (B, T, 10) → (B, T, 20), the states as before; with `bidirectional` the
    states are (4, B, 20) and both directions' outputs stand side by side, (T, B, 40).
    """

    def __init__(self, *, batch_first: bool = False, bidirectional: bool = False) -> None:
        super().__init__()
        self.lstm = nn.LSTM(
            FEATURES, HIDDEN, LAYERS, batch_first=batch_first, bidirectional=bidirectional
        )

    def forward(
        self,
        input: torch.Tensor,  # noqa: A002 - the port's name
        h0: torch.Tensor,
        c0: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The top layer's output at every step, and every layer's last hidden and cell state."""
        output, (hn, cn) = self.lstm(input, (h0, c0))
        return output, hn, cn


TIME_FIRST: tuple[Size, ...] = ("time", "batch")
BATCH_FIRST: tuple[Size, ...] = ("batch", "time")


def _states(*names: str, directions: int = 1) -> tuple[Port, ...]:
    return tuple(Port(name, (LAYERS * directions, "batch", HIDDEN)) for name in names)


_entry = partial(ModelSpec, family="layer", document=documents.C)

SPECS: tuple[ModelSpec, ...] = (
    _entry(
        name="rnn",
        build=Rnn,
        summary="nn.RNN(10, 20, 2) with its initial state as an input",
        inputs=(Port("input", (*TIME_FIRST, FEATURES)), *_states("h0")),
        outputs=(Port("output", (*TIME_FIRST, HIDDEN)), *_states("hn")),
        parameters=1_480,
    ),
    _entry(
        name="lstm",
        build=Lstm,
        summary="nn.LSTM(10, 20, 2) with its initial states as inputs",
        inputs=(Port("input", (*TIME_FIRST, FEATURES)), *_states("h0", "c0")),
        outputs=(Port("output", (*TIME_FIRST, HIDDEN)), *_states("hn", "cn")),
        parameters=5_920,
    ),
    _entry(
        name="gru",
        build=Gru,
        summary="nn.GRU(10, 20, 2) with its initial state as an input",
        inputs=(Port("input", (*TIME_FIRST, FEATURES)), *_states("h0")),
        outputs=(Port("output", (*TIME_FIRST, HIDDEN)), *_states("hn")),
        parameters=4_440,
    ),
    _entry(
        name="lstm_batch_first",
        build=partial(Lstm, batch_first=True),
        summary="nn.LSTM(10, 20, 2, batch_first=True): the batch before the time",
        inputs=(Port("input", (*BATCH_FIRST, FEATURES)), *_states("h0", "c0")),
        outputs=(Port("output", (*BATCH_FIRST, HIDDEN)), *_states("hn", "cn")),
        parameters=5_920,
    ),
    _entry(
        name="lstm_bidirectional",
        build=partial(Lstm, bidirectional=True),
        summary="nn.LSTM(10, 20, 2, bidirectional=True): both directions side by side",
        inputs=(Port("input", (*TIME_FIRST, FEATURES)), *_states("h0", "c0", directions=2)),
        outputs=(
            Port("output", (*TIME_FIRST, 2 * HIDDEN)),
            *_states("hn", "cn", directions=2),
        ),
        parameters=15_040,
    ),
)

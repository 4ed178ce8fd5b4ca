"""Recurrent layers and cells: one step, loops of them, and networks that agree with them."""

from __future__ import annotations

import pytest
import torch

from toolkit import registry
from toolkit.weights import construct

CELLS = ("rnn_cell", "lstm_cell", "gru_cell")
STATES = {"rnn": 1, "gru": 1, "lstm": 2}


def layer(name: str) -> torch.nn.Module:
    return construct(registry.catalogue()[name], seed=0)


@pytest.mark.parametrize("cell", CELLS)
def test_a_loop_is_its_cell_applied_step_by_step(cell: str) -> None:
    single, loop = layer(cell), layer(f"{cell}_loop")
    single.load_state_dict(
        {name.removeprefix("cell."): value for name, value in loop.state_dict().items()}
        if cell != "lstm_cell"
        else loop.state_dict()
    )
    sequence = torch.randn(4, 3, 10)
    states = [torch.randn(3, 20) for _ in range(STATES[cell.removesuffix("_cell")])]
    found = loop(sequence, *states)
    for step, hidden in zip(sequence, found, strict=True):
        after = single(step, *states)
        states = list(after) if isinstance(after, tuple) else [after]
        assert torch.equal(hidden, states[0])


def test_an_rnn_cell_is_its_formula() -> None:
    cell = layer("rnn_cell")
    state = cell.state_dict()
    x, h = torch.randn(3, 10), torch.randn(3, 20)
    expected = torch.tanh(
        x @ state["weight_ih"].T + state["bias_ih"] + h @ state["weight_hh"].T + state["bias_hh"]
    )
    torch.testing.assert_close(cell(x, h), expected)


@pytest.mark.parametrize("name", STATES)
def test_a_layer_takes_its_initial_states_and_gives_the_last_ones(name: str) -> None:
    network = layer(name)
    sequence = torch.randn(5, 3, 10)
    zeros = [torch.zeros(2, 3, 20)] * STATES[name]
    output, *last = network(sequence, *zeros)
    assert output.shape == (5, 3, 20)
    assert [state.shape for state in last] == [(2, 3, 20)] * STATES[name]
    assert torch.equal(output[-1], last[0][1])
    front, *middle = network(sequence[:2], *zeros)
    back, *_ = network(sequence[2:], *middle)
    torch.testing.assert_close(torch.cat([front, back]), output)


def test_batch_first_is_the_same_network_with_two_axes_in_each_others_place() -> None:
    time_first, batch_first = layer("lstm"), layer("lstm_batch_first")
    batch_first.load_state_dict(time_first.state_dict())
    sequence, h0, c0 = torch.randn(5, 3, 10), torch.randn(2, 3, 20), torch.randn(2, 3, 20)
    expected = time_first(sequence, h0, c0)
    found = batch_first(sequence.transpose(0, 1), h0, c0)
    torch.testing.assert_close(found[0].transpose(0, 1), expected[0])
    torch.testing.assert_close(found[1:], expected[1:])


def test_the_backward_direction_reads_the_sequence_from_its_end() -> None:
    network = layer("lstm_bidirectional")
    sequence, states = torch.randn(5, 3, 10), torch.zeros(4, 3, 20)
    output, hn, _ = network(sequence, states, states)
    assert output.shape == (5, 3, 40)
    assert torch.equal(output[-1, :, :20], hn[2])
    assert torch.equal(output[0, :, 20:], hn[3])

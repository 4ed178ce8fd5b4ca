"""The second look: eager under inputs and parameters that are off by one rounding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.parity.models import spec_of
from toolkit.inputs import Array, run_module
from toolkit.parity.second_look import DRAWS, Spread, spread
from toolkit.spec import Port

EPS = 2.0**-23


class Same(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.runs: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.runs.append(x.clone())
        return x * 1


class Weighted(nn.Module):
    """Whole numbers times a weight; beside it a buffer and a parameter that is no float."""

    shift: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[float] = set()
        self.weight = nn.Parameter(torch.ones(3))
        self.places = nn.Parameter(torch.arange(3), requires_grad=False)
        self.register_buffer("shift", torch.ones(3))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        self.seen |= set(self.weight.tolist())
        return x * self.weight, self.places + x, self.shift * x


def looked(module: nn.Module, port: Port, x: Array, draws: int = DRAWS) -> Spread:
    spec = spec_of(module, port)
    eager = run_module(module, spec, {port.name: x})
    return spread(module, spec, {port.name: x}, eager, draws=draws)


def test_every_value_of_an_input_is_moved_by_one_rounding_either_way() -> None:
    module = Same()
    x = np.array([[1.0, -4.0, 0.0]], np.float32)
    found = looked(module, Port("x", ("batch", 3)), x)
    assert found.changes["output_0"].tolist() == [[EPS, 4 * EPS, 0.0]]
    assert found.shapes == {"output_0": {(1, 3)}}
    moved = np.stack([run.numpy() for run in module.runs[-DRAWS:]])
    assert DRAWS == 16
    for column, size in enumerate((1.0, 4.0)):
        assert {float(value) for value in np.abs(moved[:, 0, column])} == {
            size * (1 - EPS),
            size * (1 + EPS),
        }
    assert len({run.tobytes() for run in moved}) > 2


def test_it_is_the_same_at_every_call() -> None:
    x = np.array([[1.0, -4.0, 3.0]], np.float32)
    port = Port("x", ("batch", 3))
    first, second = (looked(Same(), port, x, draws=1).changes["output_0"] for _ in range(2))
    assert np.array_equal(first, second)


def test_an_input_stays_inside_the_range_of_its_port() -> None:
    module = Same()
    x = np.array([[1.0, 0.5, 0.0]], np.float32)
    found = looked(module, Port("x", ("batch", 3), low=0.0, high=1.0), x)
    moved = np.stack([run.numpy() for run in module.runs[-DRAWS:]])
    assert moved.max() == 1.0
    assert moved.min() == 0.0
    assert found.changes["output_0"].tolist() == [[EPS, EPS / 2, 0.0]]


def test_parameters_are_moved_and_buffers_and_whole_numbers_are_not() -> None:
    module = Weighted()
    found = looked(module, Port("x", ("batch", 3), "int64"), np.array([[1, 2, 0]]))
    assert found.changes["output_0"].tolist() == [[EPS, 2 * EPS, 0.0]]
    assert not found.changes["output_1"].any()
    assert not found.changes["output_2"].any()
    assert module.seen == {1.0, 1 - EPS, 1 + EPS}
    assert torch.equal(module.weight, torch.ones(3))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_parameters_of_any_precision_move_by_one_rounding_of_their_own(dtype: torch.dtype) -> None:
    module = Weighted().to(dtype)
    looked(module, Port("x", ("batch", 3), "int64"), np.array([[1, 2, 0]]))
    eps = torch.finfo(dtype).eps
    assert module.seen == {1.0, 1 - eps, 1 + eps}


class Fragile(nn.Module):
    """Gives up as soon as one of its values is over 1, and is put back all the same."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        if bool((x * self.weight > 1).any()):
            raise ValueError("over 1")
        return x * self.weight


def test_a_draw_that_eager_does_not_take_tells_nothing_and_leaves_nothing() -> None:
    module = Fragile()
    found = looked(module, Port("x", ("batch", 1)), np.array([[1.0]], np.float32))
    assert 0 < found.changes["output_0"].item() <= 2 * EPS
    assert torch.equal(module.weight, torch.ones(1))


class OnlyOnes(nn.Module):
    """Refuses every draw, the first one too."""

    def forward(self, x: Tensor) -> Tensor:
        if bool((x != 1).any()):
            raise ValueError("not 1")
        return x * 1


def test_where_eager_takes_no_draw_at_all_it_does_not_move() -> None:
    module = OnlyOnes()
    port = Port("x", ("batch", 1), low=1.0, high=1.0)
    spec = replace(spec_of(module, port), inputs=(Port("x", ("batch", 1)),))
    x = np.array([[1.0]], np.float32)
    found = spread(module, spec, {"x": x}, {"output_0": x})
    assert found == Spread({"output_0": np.zeros((1, 1))}, {"output_0": {(1, 1)}})


class Above(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x[x > 1], (x > 1).any(dim=1)


def test_shapes_and_whole_numbers_that_change_are_told() -> None:
    port = Port("x", ("batch", 2))
    found = looked(Above(), port, np.array([[1.0, 3.0], [3.0, 3.0], [1.0, 0.0]], np.float32))
    assert found.shapes["output_0"] == {(3,), (4,), (5,)}
    assert found.changes["output_1"].tolist() == [0.0, 0.0, 1.0]
    assert found.changes["output_0"].shape == (3,)


class Random(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.rand(1)


def test_what_is_random_in_eager_is_drawn_the_same_at_every_call() -> None:
    port = Port("x", ("batch", 1))
    spec = spec_of(Random(), port)
    arrays = {"x": np.array([[1.0]], np.float32)}
    changes = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        found = spread(Random(), spec, arrays, {"output_0": arrays["x"]})
        changes.append(found.changes["output_0"].item())
    assert changes[0] == changes[1] > 0.5


class SometimesTwo(nn.Module):
    """A second output where the first value is over 1."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return (x * 1, x * 2) if bool(x[0, 0] > 1) else (x * 1,)


def test_outputs_that_come_and_go_are_compared_where_they_are() -> None:
    module = SometimesTwo()
    spec = spec_of(module, Port("x", ("batch", 1), low=0.5, high=1.5))
    for x, names in ((1.0, {"output_0"}), (1 + EPS, {"output_0", "output_1"})):
        arrays = {"x": np.array([[x]], np.float32)}
        found = spread(module, spec, arrays, run_module(module, spec, arrays))
        assert found.changes.keys() == names
        assert found.changes["output_0"].tolist() == [[EPS]]

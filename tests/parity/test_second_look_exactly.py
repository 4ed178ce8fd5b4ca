"""The draws of the second look are those of their seeds: a score is the same at every run of it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from tests.parity.models import spec_of
from toolkit.inputs import run_module
from toolkit.parity.second_look import spread
from toolkit.spec import Port

EPS = 2.0**-23
WIDTH = 8


class Recorded(nn.Module):
    """A weight of ones, and what came in and what the weight was at every run."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))
        self.inputs: list[Tensor] = []
        self.weights: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.inputs.append(x[0].clone())
        self.weights.append(self.weight.detach().clone())
        return x * self.weight


def looked_at(draws: int) -> Recorded:
    module = Recorded()
    spec = spec_of(module, Port("x", ("batch", WIDTH)))
    arrays = {"x": np.ones((1, WIDTH), np.float32)}
    spread(module, spec, arrays, run_module(module, spec, arrays), draws=draws)
    return module


def test_an_input_of_each_draw_goes_up_where_the_coin_of_its_seed_is_up() -> None:
    seen = looked_at(3).inputs[-3:]
    for draw, values in enumerate(seen):
        up = np.random.default_rng(draw).choice(np.array([-1.0, 1.0]), size=(1, WIDTH))[0] > 0
        assert values.tolist() == np.where(up, 1 + EPS, 1 - EPS).tolist()
    assert len({tuple(values.tolist()) for values in seen}) == len(seen)


def test_a_parameter_of_each_draw_goes_up_where_the_coin_of_its_seed_is_up() -> None:
    seen = looked_at(3).weights[-3:]
    for draw, values in enumerate(seen):
        generator = torch.Generator().manual_seed(draw)
        up = torch.randint(0, 2, (WIDTH,), generator=generator).bool()
        assert values.tolist() == [1 + EPS if one else 1 - EPS for one in up.tolist()]
    assert len({tuple(values.tolist()) for values in seen}) == len(seen)

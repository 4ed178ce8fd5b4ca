"""When an oracle has taken another decision than eager, on the bounds of the rule."""

from __future__ import annotations

import numpy as np
import pytest
from torch import Tensor, nn

from tests.parity.models import spec_of
from toolkit.parity.noise import doubted
from toolkit.parity.plan import Case
from toolkit.parity.reference import Judged, Reference
from toolkit.spec import Port

EPS = 2.0**-23
DOUBTFUL = 2.0**13 * EPS


class Same(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x.clone(), (x > 0).sum(dim=1)


def doubts(reference: Reference) -> bool:
    """Whether the oracle of the one case is taken for no judge of it."""
    (judged,) = doubted(reference)
    assert (judged.oracle is judged.eager) is (judged.alone is not None)
    return judged.alone is not None


def departs(apart: float, largest: float = 1.0) -> bool:
    """Whether an oracle does that is so far from what eager gives."""
    spec = spec_of(Same(), Port("x", ("batch", 2)))
    x = np.array([[largest, apart]], np.float32)
    eager = {"output_0": x, "output_1": np.array([2])}
    oracle = {"output_0": np.array([[largest, 0.0]]), "output_1": np.array([9])}
    judged = Judged(Case(0, {"batch": 1}, "ordinary", 0), {"x": x}, eager, oracle)
    return doubts(Reference(spec, Same(), "cpu", planned=1, cases=[judged]))


@pytest.mark.parametrize("largest", [1.0, 0.25])
def test_an_oracle_departs_beyond_a_thousandth_of_the_largest_value(largest: float) -> None:
    assert not departs(DOUBTFUL * largest, largest=largest)
    assert departs(DOUBTFUL * largest * (1 + EPS), largest=largest)


def test_it_does_not_depart_in_integers_alone() -> None:
    assert not departs(0.0)


class Steep(nn.Module):
    """Moves by a hundredth where its input is off by one rounding."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return (x - 1) * (0.01 / EPS), (x > 0).sum(dim=1)


def test_it_does_not_depart_by_what_eager_moves_of_itself() -> None:
    spec = spec_of(Steep(), Port("x", ("batch", 2)))
    inputs = {"x": np.ones((1, 2), np.float32)}
    eager = {"output_0": np.zeros((1, 2)), "output_1": np.array([2])}
    for apart, expected in ((0.29, False), (0.31, True)):
        oracle = {**eager, "output_0": np.array([[apart, 0.0]])}
        judged = Judged(Case(0, {"batch": 1}, "ordinary", 0), inputs, eager, oracle)
        reference = Reference(spec, Steep(), "cpu", planned=1, cases=[judged])
        assert doubts(reference) is expected

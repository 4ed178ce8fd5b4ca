"""What an AOTInductor package would not notice: inputs that it was not compiled for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

from toolkit.errors import RunError
from toolkit.variants.input_check import InputCheck


class Paired(nn.Module):
    """The second input has twice as many rows as the first."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return torch.cat([x, x]) + y


class Halved(nn.Module):
    """Takes an even number of rows: a guard of the graph says so."""

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(2, -1, x.shape[1])


@pytest.fixture(scope="module")
def paired() -> InputCheck:
    rows = Dim("rows", min=2, max=6)
    program = torch.export.export(
        Paired(),
        (torch.zeros(3, 4), torch.zeros(6, 4)),
        dynamic_shapes=({0: rows}, {0: 2 * rows}),
    )
    return InputCheck.of(program, ["x", "y"], "cpu")


def test_every_size_that_was_captured_is_let_through_and_no_other(paired: InputCheck) -> None:
    let_through = []
    for rows in range(1, 9):
        with contextlib.suppress(RunError):
            paired.require((torch.zeros(rows, 4), torch.zeros(2 * rows, 4)))
            let_through.append(rows)
    assert let_through == [2, 3, 4, 5, 6]


REFUSED: dict[str, tuple[Callable[[], tuple[Tensor, ...]], str]] = {
    "a fixed size": (lambda: (torch.zeros(3, 5), torch.zeros(6, 4)), "x is 5 along axis 1, not 4"),
    "too few": (lambda: (torch.zeros(1, 4), torch.zeros(2, 4)), "a size of 1 is not from 2 to 6"),
    "none": (lambda: (torch.zeros(0, 4), torch.zeros(0, 4)), "x is 0 along axis 0, which was not"),
    "too many": (lambda: (torch.zeros(7, 4), torch.zeros(14, 4)), "size of 7 is not from 2 to 6"),
    "another ratio": (lambda: (torch.zeros(3, 4), torch.zeros(5, 4)), "y is 5 along axis 0, not 6"),
    "a dtype": (
        lambda: (torch.zeros(3, 4, dtype=torch.float64), torch.zeros(6, 4)),
        "x is float64, not float32",
    ),
    "axes": (lambda: (torch.zeros(3), torch.zeros(6, 4)), "x has 1 axes, not 2"),
    "strides": (lambda: (torch.zeros(4, 3).T, torch.zeros(6, 4)), "x is not contiguous"),
    "a device": (
        lambda: (torch.zeros(3, 4, device="meta"), torch.zeros(6, 4)),
        "x is on meta, not cpu",
    ),
    "an input less": (lambda: (torch.zeros(3, 4),), "it takes 2 and was given 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_anything_else_is_refused_and_named(case: str, paired: InputCheck) -> None:
    tensors, message = REFUSED[case]
    with pytest.raises(RunError, match=message):
        paired.require(tensors())


def test_what_was_taken_for_granted_of_a_size_is_checked() -> None:
    shapes = ({0: Dim.AUTO},)
    program = torch.export.export(Halved(), (torch.zeros(6, 4),), dynamic_shapes=shapes)
    check = InputCheck.of(program, ["x"], "cpu")
    check.require((torch.zeros(8, 4),))
    with pytest.raises(RunError, match=r"x.size\(\)\[0\]"):
        check.require((torch.zeros(7, 4),))


def test_the_names_are_those_of_the_user() -> None:
    program = torch.export.export(Halved(), (torch.zeros(6, 4),))
    check = InputCheck.of(program, ["frames"], "cpu")
    with pytest.raises(RunError, match="frames is 5 along axis 1, not 4"):
        check.require((torch.zeros(6, 5),))

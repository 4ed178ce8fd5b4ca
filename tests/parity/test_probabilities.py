"""What a sigmoid gives is one of two probabilities: it is right to a rounding of 1."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.parity.models import Altered, reference_of
from toolkit.parity.verdict import judge
from toolkit.spec import Port

X = Port("x", ("batch", 4))


class Sure(nn.Module):
    """A network that says no to everything, with a head of one's choice."""

    def __init__(self, head: str, shift: float) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.inner = nn.Linear(4, 3)
        self.head, self.shift = head, shift

    def forward(self, x: Tensor) -> Tensor:
        score: Tensor = self.inner(x.clamp(-1, 1)) - self.shift
        if self.head == "sigmoid":
            return score.sigmoid()
        if self.head == "product":
            return (score.sigmoid() * score.sigmoid().flip(1))[:, 1:]
        return torch.exp(score)


def as_onnxruntime_has_it(values: np.ndarray) -> np.ndarray:
    """Right to 6e-8 of 1, and 0 where a probability is less."""
    return np.where(values < 6e-8, np.float32(0), values)


@pytest.mark.parametrize("head", ["sigmoid", "product"])
def test_probabilities_that_a_runtime_takes_for_zero_raise_no_alarm(head: str) -> None:
    module = Sure(head, 25.0)
    reference = reference_of(module, X)
    assert reference.probabilities == {"output_0"}
    zero = Altered(
        module, reference.spec, lambda i, o: {"output_0": as_onnxruntime_has_it(o["output_0"])}
    )
    assert judge(reference, zero).status == "pass"


def test_a_check_of_nothing_but_such_probabilities_is_told_to_say_little() -> None:
    told = [found.name for found in reference_of(Sure("sigmoid", 25.0), X).findings]
    assert told == ["degenerate"]
    assert reference_of(Sure("sigmoid", 2.0), X).findings == []


def test_a_probability_that_is_off_by_a_millionth_is_wrong() -> None:
    module = Sure("sigmoid", 25.0)
    reference = reference_of(module, X)
    wrong = Altered(module, reference.spec, lambda i, o: {"output_0": o["output_0"] + 1e-6})
    assert judge(reference, wrong).status == "fail"


def test_other_small_values_are_judged_by_their_own_size() -> None:
    module = Sure("exp", 25.0)
    reference = reference_of(module, X)
    assert reference.probabilities == frozenset()
    wrong = Altered(module, reference.spec, lambda i, o: {"output_0": o["output_0"] * 1.001})
    assert judge(reference, wrong).status == "fail"


class Scaled(nn.Module):
    """A probability times a number is none: its own size counts."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.inner = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x).sigmoid() * 1e-6


def test_a_probability_times_a_small_number_is_judged_by_its_own_size() -> None:
    reference = reference_of(Scaled(), X)
    assert reference.probabilities == frozenset()
    wrong = Altered(Scaled(), reference.spec, lambda i, o: {"output_0": o["output_0"] * 1.001})
    assert judge(reference, wrong).status == "fail"


class Spread(nn.Module):
    """Many classes, none of them likely."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.inner = nn.Linear(4, 20_000)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x).softmax(-1)


def test_a_softmax_over_many_classes_is_judged_by_its_largest_probability() -> None:
    reference = reference_of(Spread(), X)
    wrong = Altered(Spread(), reference.spec, lambda i, o: {"output_0": o["output_0"] * 1.0005})
    assert judge(reference, wrong).status == "fail"

"""Forms that are wrong for one kind of values alone, and right for all else, are found."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from torch import nn

from tests.parity.models import Altered, reference_of
from toolkit.inputs import Array
from toolkit.parity.budget import Budget
from toolkit.parity.reference import Reference
from toolkit.parity.verdict import Verdict, judge
from toolkit.spec import Port

X = Port("x", ("batch", 4))
TOKENS = Port("tokens", ("batch", "time"), "int64", low=0, high=999)
LENGTHS = Port("lengths", ("batch",), "int64", low=1, up_to="time")
MASK = Port("mask", ("batch", "time"), "int64", low=0, high=1, mask=True)
FLAG, OTHER = Port("flag", (), "bool"), Port("other", (), "bool")

When = Callable[[Mapping[str, Array]], bool]


class Sums(nn.Module):
    """A value a sample, to which every input adds something of its own."""

    def forward(self, x: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        total = x.sum(dim=1)
        for other in others:
            total = total + other.reshape(other.shape[0] if other.dim() else 1, -1).sum(dim=1)
        return total


class Flagged(nn.Module):
    def forward(self, x: torch.Tensor, flag: torch.Tensor) -> torch.Tensor:
        return torch.where(flag, x * 2, x - 1)


class TwiceFlagged(nn.Module):
    def forward(self, x: torch.Tensor, flag: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return torch.where(flag & ~other, x * 2, x - 1)


class Embedded(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Embedding(1000, 4)

    def forward(self, x: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        return x + self.table(tokens).sum(dim=1)


class Masked(nn.Module):
    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return (tokens * mask).float().sum(dim=1)


class ByLength(nn.Module):
    """The mean of each sequence's own tokens."""

    def forward(self, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        inside = torch.arange(tokens.shape[1]) < lengths[:, None]
        return (tokens * inside).sum(dim=1) / lengths


class WronglyUnsorted(ByLength):
    """Sorts by length as packed sequences need it, and mistakes the way back for the way there."""

    def forward(self, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        order = torch.argsort(lengths, descending=True, stable=True)
        return super().forward(tokens[order], lengths[order])[order]


def linear() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(4, 3)


def wrong(when: When) -> Callable[[Mapping[str, Array], dict[str, Array]], dict[str, Array]]:
    """Outputs that are off by a hundredth where the inputs are of this kind."""

    def change(inputs: Mapping[str, Array], outputs: dict[str, Array]) -> dict[str, Array]:
        factor = np.float32(1.01 if when(inputs) else 1.0)
        return {name: output * factor + (factor - 1) for name, output in outputs.items()}

    return change


def judged(reference: Reference, when: When) -> Verdict:
    """Within no time at all: what is found has to be among the cases that run in any case."""
    candidate = Altered(reference.module, reference.spec, wrong(when))
    assert judge(reference, Altered(reference.module, reference.spec)).status == "pass"
    return judge(reference, candidate, budget=Budget(0.0))


def values_in(verdict: Verdict) -> str:
    """The message of the one finding about values; a size that does not vary is none."""
    (found,) = [one for one in verdict.findings if one.name == "value"]
    assert "baked-dimension" not in {one.name for one in verdict.findings}
    return found.message


def ragged(inputs: Mapping[str, Array]) -> bool:
    return len(set(inputs["lengths"].tolist())) > 1


def falling(inputs: Mapping[str, Array]) -> bool:
    return bool((np.diff(inputs["lengths"]) <= 0).all())


def not_flat(inputs: Mapping[str, Array]) -> bool:
    return len(set(inputs["x"].ravel().tolist())) > 1


@pytest.mark.parametrize("value", [False, True])
def test_a_branch_that_is_wrong_for_one_value_of_a_boolean_is_found(value: bool) -> None:
    reference = reference_of(Flagged(), X, FLAG)
    verdict = judged(reference, lambda arrays: arrays["flag"] == value and not_flat(arrays))
    assert values_in(verdict)


@pytest.mark.parametrize(("flag", "other"), [(a, b) for a in (0, 1) for b in (0, 1)])
def test_a_branch_on_two_booleans_is_tried_every_way(flag: int, other: int) -> None:
    reference = reference_of(TwiceFlagged(), X, FLAG, OTHER)
    verdict = judged(
        reference,
        lambda arrays: (
            [bool(arrays[name]) for name in ("flag", "other")] == [flag, other] and not_flat(arrays)
        ),
    )
    assert values_in(verdict)


@pytest.mark.parametrize("token", [0, 999])
def test_a_form_that_is_wrong_for_the_first_or_the_last_token_is_found(token: int) -> None:
    reference = reference_of(Embedded(), X, TOKENS)
    verdict = judged(
        reference, lambda arrays: bool((arrays["tokens"] == token).any()) and not_flat(arrays)
    )
    assert "full-range" in values_in(verdict)


@pytest.mark.parametrize("number", [-500, 0, 500])
def test_a_form_that_is_wrong_for_one_landmark_of_a_lone_integer_is_found(number: int) -> None:
    reference = reference_of(Sums(), X, Port("others", (), "int64", low=-500, high=500))
    verdict = judged(reference, lambda arrays: arrays["others"] == number and not_flat(arrays))
    assert "full-range" in values_in(verdict)


def test_a_form_that_is_wrong_for_sequences_of_length_one_is_found() -> None:
    reference = reference_of(ByLength(), TOKENS, LENGTHS)
    verdict = judged(
        reference,
        lambda arrays: arrays["tokens"].shape[1] > 1 and bool((arrays["lengths"] == 1).all()),
    )
    assert values_in(verdict)


@pytest.mark.parametrize("sorted_", [False, True])
def test_a_form_that_is_wrong_for_one_order_of_lengths_is_found(sorted_: bool) -> None:
    reference = reference_of(ByLength(), TOKENS, LENGTHS)
    verdict = judged(reference, lambda arrays: ragged(arrays) and falling(arrays) is sorted_)
    assert values_in(verdict)


def test_an_order_that_is_not_undone_is_found() -> None:
    reference = reference_of(ByLength(), TOKENS, LENGTHS)
    verdict = judge(reference, Altered(WronglyUnsorted(), reference.spec))
    assert verdict.status == "fail"


def test_a_form_that_is_wrong_for_masked_samples_of_length_one_is_found() -> None:
    reference = reference_of(Masked(), TOKENS, MASK)
    verdict = judged(
        reference,
        lambda arrays: (
            arrays["mask"].shape[1] > 1 and bool((arrays["mask"].sum(axis=1) == 1).all())
        ),
    )
    assert values_in(verdict)


def test_a_form_that_is_wrong_for_a_constant_input_is_found() -> None:
    reference = reference_of(linear(), Port("input", ("batch", 4)))
    candidate = Altered(reference.module, reference.spec, wrong(_constant))
    assert "constant" in values_in(judge(reference, candidate))


def _constant(arrays: Mapping[str, Array]) -> bool:
    """Of one value that is neither zero, nor one, nor an end of the range."""
    return len(set(arrays["input"].ravel().tolist())) == 1 and arrays["input"].flat[0] not in (
        0,
        1,
        -4,
        4,
    )


class Clamped(nn.Module):
    """Holds for all that ten times larger draws reach."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x.clamp(-200, 200))


def test_a_range_that_is_clamped_above_all_but_large_outliers_is_found() -> None:
    reference = reference_of(linear(), Port("input", ("batch", 4)))
    verdict = judge(
        reference, Altered(Clamped(reference.module), reference.spec), budget=Budget(0.0)
    )
    assert "outliers" in values_in(verdict)

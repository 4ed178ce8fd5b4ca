"""Rule 8: eager and forms are judged without TF32, whatever the user's code chose before."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.parity.models import Altered, reference_of
from toolkit.parity.tf32 import without_tf32
from toolkit.parity.verdict import judge
from toolkit.spec import Port


def chosen() -> tuple[str, ...]:
    backends: Any = torch.backends
    parts = (backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn, backends.mkldnn.matmul)
    return tuple(part.fp32_precision for part in parts)


@pytest.fixture
def lax() -> Iterator[tuple[str, ...]]:
    """As code that wants speed leaves torch: TF32 for CUDA, bfloat16 for the CPU."""
    before = torch.get_float32_matmul_precision()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.set_float32_matmul_precision("medium")
        try:
            yield chosen()
        finally:
            torch.set_float32_matmul_precision(before)


def test_products_are_in_full_precision_inside_and_as_before_outside(lax: tuple[str, ...]) -> None:
    assert "tf32" in lax
    with without_tf32():
        assert chosen() == ("ieee",) * 4
        assert not torch.backends.cudnn.allow_tf32
    assert chosen() == lax


def test_what_was_chosen_holds_again_after_an_error(lax: tuple[str, ...]) -> None:
    with pytest.raises(ZeroDivisionError), without_tf32():
        raise ZeroDivisionError
    assert chosen() == lax


def test_a_choice_that_the_older_way_cannot_say_is_kept() -> None:
    backends: Any = torch.backends
    convolution = backends.cudnn.conv
    before = convolution.fp32_precision
    convolution.fp32_precision = "ieee"
    try:
        with without_tf32():
            assert chosen() == ("ieee",) * 4
        assert convolution.fp32_precision == "ieee"
    finally:
        convolution.fp32_precision = before
        _say_the_older_way(cudnn=True)  # torch compares both, and other tests ask for them


def _say_the_older_way(*, cudnn: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.backends.cudnn.allow_tf32 = cudnn


class Seeing(nn.Module):
    """Remembers under which settings it ran."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[tuple[str, ...]] = set()

    def forward(self, x: Tensor) -> Tensor:
        self.seen.add(chosen())
        return x * 2


def test_eager_and_the_form_both_run_without_it(lax: tuple[str, ...]) -> None:
    module, form = Seeing(), Seeing()
    reference = reference_of(module, Port("x", (2, 4)))
    module.seen.clear()
    reference = reference_of(module, Port("x", (2, 4)))
    assert judge(reference, Altered(form, reference.spec)).status == "pass"
    assert form.seen == {("ieee",) * 4}
    assert ("ieee",) * 4 in module.seen
    assert lax == chosen()

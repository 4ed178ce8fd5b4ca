"""Which cases bake a dimension and which do not, where several dimensions and draws are tried."""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn

from tests.parity.models import spec_of
from toolkit.parity.baked import Baked, baked_dimensions
from toolkit.parity.cases import CaseVerdict
from toolkit.parity.plan import Case, CaseKind
from toolkit.parity.reference import Judged, Reference
from toolkit.spec import Port

AXES = ("batch", "time", "width")
TRACED = (2, 2, 2)


class Same(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * 1


MODULE = Same()
SPEC = spec_of(MODULE, Port("x", AXES))


def verdict(
    number: int, sizes: tuple[int, int, int], *, fails: bool, kind: CaseKind = "ordinary"
) -> CaseVerdict:
    arrays = {"x": np.zeros(sizes, np.float32)}
    case = Case(number, dict(zip(AXES, sizes, strict=True)), kind, 0)
    return CaseVerdict(Judged(case, arrays, arrays, arrays), refusal="no" if fails else None)


def baked(*verdicts: CaseVerdict) -> list[Baked]:
    assert SPEC.traced_sizes == dict(zip(AXES, TRACED, strict=True))
    return list(baked_dimensions(Reference(SPEC, MODULE, "cpu", planned=len(verdicts)), verdicts))


def test_a_size_that_was_tried_beside_other_sizes_alone_bakes_no_dimension() -> None:
    traced = verdict(0, TRACED, fails=False)
    assert baked(traced, verdict(1, (3, 3, 2), fails=True)) == []
    assert baked(traced, verdict(1, (3, 3, 3), fails=True)) == []


def test_a_size_at_which_one_of_the_draws_is_right_is_not_baked() -> None:
    traced, failing = verdict(0, TRACED, fails=False), verdict(1, (3, 2, 2), fails=True)
    for kind in ("ordinary", "flipped"):
        right = verdict(2, (3, 2, 2), fails=False, kind=kind)
        assert baked(traced, failing, right) == []
    elsewhere = verdict(2, (3, 2, 2), fails=False, kind="outliers")
    assert len(baked(traced, failing, elsewhere)) == 1


def test_the_case_that_shows_it_is_of_a_size_that_fails_in_every_draw() -> None:
    (found,) = baked(
        verdict(0, TRACED, fails=False),
        verdict(1, (1, 2, 2), fails=True),
        verdict(2, (1, 2, 2), fails=False, kind="flipped"),
        verdict(3, (5, 2, 2), fails=True),
        verdict(4, (3, 2, 2), fails=True),
        verdict(5, (3, 2, 2), fails=True, kind="flipped"),
    )
    assert "batch does not vary as in eager: at 3, 5 the form refuses" in found.finding.message
    assert found.finding.case == 4
    assert found.cases == {1, 3, 4, 5}


def test_every_dimension_that_does_not_vary_is_found_and_no_other() -> None:
    found = baked(
        verdict(0, TRACED, fails=False),
        verdict(1, (3, 2, 2), fails=True),
        verdict(2, (2, 3, 2), fails=False),
        verdict(3, (2, 2, 3), fails=True),
        verdict(4, (3, 3, 3), fails=True),
    )
    assert [one.finding.message.split()[1] for one in found] == ["batch", "width"]
    assert [one.cases for one in found] == [{1, 4}, {3, 4}]


def test_what_fails_at_the_traced_sizes_in_one_draw_of_several_bakes_nothing() -> None:
    right, failing = verdict(0, TRACED, fails=False), verdict(1, (3, 2, 2), fails=True)
    assert len(baked(right, failing)) == 1
    assert baked(right, failing, verdict(2, TRACED, fails=True, kind="scaled")) == []

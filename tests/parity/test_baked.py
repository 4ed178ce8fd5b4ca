"""Which failures at other sizes are put down to a dimension that does not vary."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor, nn

from tests.parity.models import spec_of
from toolkit.parity.baked import baked_dimensions
from toolkit.parity.cases import CaseVerdict
from toolkit.parity.plan import Case, CaseKind
from toolkit.parity.reference import Judged, Reference
from toolkit.spec import Port

Sizes = tuple[int, int]


class Sum(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.sum(dim=2)


def reference() -> Reference:
    spec = spec_of(Sum(), Port("x", ("batch", "time", 3)))
    assert spec.traced_sizes == {"batch": 2, "time": 2}
    return Reference(spec, Sum(), "cpu", planned=0)


def verdict(number: int, sizes: Sizes, *, fails: bool, kind: CaseKind = "ordinary") -> CaseVerdict:
    named = dict(zip(("batch", "time"), sizes, strict=True))
    x = np.zeros((*sizes, 3), dtype=np.float32)
    outputs = {"output_0": x.sum(axis=2)}
    judged = Judged(Case(number, named, kind, 0), {"x": x}, outputs, outputs)
    return CaseVerdict(judged, refusal="no" if fails else None)


def baked(failing: Mapping[Sizes, bool]) -> list[tuple[str, set[int], int | None]]:
    """Message, explained cases and smallest case for cases in that order."""
    verdicts = [
        verdict(number, sizes, fails=fails) for number, (sizes, fails) in enumerate(failing.items())
    ]
    return [
        (found.finding.message, set(found.cases), found.finding.case)
        for found in baked_dimensions(reference(), verdicts)
    ]


def test_a_dimension_whose_other_sizes_fail_is_named_with_them_and_the_least_case() -> None:
    ((message, cases, least),) = baked(
        {(2, 2): False, (5, 2): True, (3, 2): True, (1, 2): False, (2, 3): False}
    )
    assert message.startswith("dimension batch does not vary as in eager: at 3, 5 ")
    assert "refuses (no)" in message
    assert message.endswith("it was traced at 2")
    assert (cases, least) == ({1, 2}, 2)


def test_it_explains_the_failures_at_its_other_sizes_wherever_the_others_stand() -> None:
    ((_, cases, _),) = baked({(2, 2): False, (3, 2): True, (3, 3): True, (2, 3): False})
    assert cases == {1, 2}


def test_what_fails_at_its_traced_size_is_not_explained_by_it() -> None:
    found = baked({(2, 2): False, (3, 2): True, (2, 3): True, (3, 3): True, (1, 5): False})
    assert [message.split()[1] for message, *_ in found] == ["batch", "time"]
    assert [cases for _, cases, _ in found] == [{1, 3}, {2, 3}]


def test_a_failure_where_both_are_away_from_their_traced_size_blames_neither() -> None:
    assert baked({(2, 2): False, (3, 3): True, (3, 2): False, (2, 3): False}) == []


def test_nothing_is_baked_where_the_traced_point_fails_too() -> None:
    assert baked({(2, 2): True, (3, 2): True}) == []


def test_nothing_is_baked_where_nothing_fails() -> None:
    assert baked({(2, 2): False, (3, 2): False, (2, 3): False}) == []


def test_draws_that_are_not_ordinary_bake_nothing_but_the_traced_point_counts_in_all() -> None:
    right = verdict(0, (2, 2), fails=False)
    outlier = verdict(1, (3, 2), fails=True, kind="outliers")
    assert list(baked_dimensions(reference(), [right, outlier])) == []
    ordinary = verdict(2, (3, 2), fails=True)
    (found,) = baked_dimensions(reference(), [right, outlier, ordinary])
    assert (set(found.cases), found.finding.case) == ({1, 2}, 2)
    traced = verdict(3, (2, 2), fails=True, kind="outliers")
    assert list(baked_dimensions(reference(), [right, traced, ordinary])) == []


def test_how_it_fails_is_told_of_the_smallest_size() -> None:
    right, wrong = verdict(0, (2, 2), fails=False), verdict(1, (1, 2), fails=False)
    texts = []
    for change in ({"structure": ["y is int64"]}, {"shapes": {"y": "y has shape (1,)"}}):
        changed = CaseVerdict(wrong.judged, **change)
        texts += [one.finding.message for one in baked_dimensions(reference(), [right, changed])]
    assert "gives another structure (y is int64)" in texts[0]
    assert "gives another structure (y has shape (1,))" in texts[1]
    valued = CaseVerdict(wrong.judged, scores={"output_0": 31.0})
    (found,) = baked_dimensions(reference(), [right, valued])
    assert "at 1 the form computes other values" in found.finding.message

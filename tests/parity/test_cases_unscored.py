"""One case where scores do not decide: its structure judged alone, or a tolerance that was said."""

from __future__ import annotations

import numpy as np
import pytest
from torch import Tensor, nn

from tests.parity.models import spec_of
from toolkit.inputs import Array
from toolkit.parity.cases import CaseVerdict, compare_case, second_look
from toolkit.parity.compare import Slicing
from toolkit.parity.limits import EVERY, USUAL, Limits
from toolkit.parity.plan import Case
from toolkit.parity.reference import Judged, Reference
from toolkit.spec import Port


class Counted(nn.Module):
    """Its input, and how many of its values are over 1: unsure of that at 1 and nowhere else."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"y": x.clone(), "above": (x > 1).sum(dim=1)}


X = np.array([[1.0, 0.0]], np.float32)
EAGER = {"y": X, "above": np.array([0])}
FAR = X + 1
"""Out of any limit."""
UNSURE = np.array([1])
"""What eager, too, counts when its input is off by one rounding."""
HALF = Limits(atol={EVERY: 0.5})


def reference() -> Reference:
    module = Counted()
    judged = Judged(Case(0, {"batch": 1}, "ordinary", 0), {"x": X}, EAGER, EAGER)
    return Reference(
        spec_of(module, Port("x", ("batch", 2))),
        module,
        "cpu",
        planned=1,
        cases=[judged],
        slices={"y": Slicing(1)},
        noise={("y", "ordinary"): np.array([2.0**-20, 2.0**-20])},
    )


def unscored(limits: Limits = USUAL, **changed: Array) -> CaseVerdict:
    subject = reference()
    return compare_case(subject, subject.cases[0], {**EAGER, **changed}, limits, scored=False)


def test_values_and_integers_may_be_any_where_structure_alone_is_judged() -> None:
    verdict = unscored(y=FAR, above=UNSURE)
    assert (verdict.scores, verdict.largest_error, verdict.unequal) == ({}, {}, {})
    assert verdict.score is None
    assert verdict.compared == {"y": 2, "above": 1}
    assert not verdict.failed


@pytest.mark.parametrize("bad", [X.astype(np.float64), X[:, :1], np.full_like(X, np.nan)])
def test_another_dtype_or_shape_or_a_value_that_is_none_fails_all_the_same(bad: Array) -> None:
    assert unscored(y=bad).failed


def test_a_tolerance_that_was_said_holds_all_the_same() -> None:
    verdict = unscored(HALF, y=FAR)
    assert verdict.overridden["y"].exceeding == 2
    assert verdict.failed


def looked_at_twice(limits: Limits, y: Array) -> CaseVerdict:
    subject = reference()
    outputs = {"y": y, "above": UNSURE}
    verdict = compare_case(subject, subject.cases[0], outputs, limits)
    assert verdict.unequal == {"above": 1}
    second_look(subject, verdict, outputs)
    assert verdict.unequal == {}
    return verdict


def test_a_tolerance_that_is_exceeded_stays_so_beside_an_integer_that_is_forgiven() -> None:
    verdict = looked_at_twice(HALF, FAR)
    assert not verdict.cleared
    assert verdict.failed


def test_a_tolerance_that_holds_lets_an_integer_be_forgiven() -> None:
    verdict = looked_at_twice(HALF, X + np.float32(0.25))
    assert verdict.cleared
    assert not verdict.failed

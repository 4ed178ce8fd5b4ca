"""One case on the bounds of its rules, with noise of known size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.parity.models import spec_of
from toolkit.inputs import Array
from toolkit.parity.cases import CaseVerdict, compare_case, second_look
from toolkit.parity.compare import Slicing
from toolkit.parity.limits import EVERY, MAX_SCORE, Limits
from toolkit.parity.plan import Case
from toolkit.parity.reference import Judged, Reference
from toolkit.spec import Port

EPS = 2.0**-23
NOISE = 2.0**-20
STEADY = 0.0
"""Eager does not move there when its inputs are off by one rounding."""
X = Port("x", ("batch", 2))


class Known(nn.Module):
    """Its input, and whether that is over 1: unsure of itself at 1 and nowhere else."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"y": x.clone(), "above": (x > 1).sum(dim=1)}


def reference_at(x: Array, noise: tuple[float, float] = (NOISE, NOISE)) -> Reference:
    """One ordinary case, whose oracle is what eager gave, and noise of that size."""
    spec = spec_of(Known(), X)
    outputs = {"y": x, "above": (x > 1).sum(axis=1)}
    judged = Judged(Case(0, {"batch": len(x)}, "ordinary", 0), {"x": x}, outputs, outputs)
    known = {("y", "ordinary"): np.array(noise), ("y", "scaled"): np.array([1.0, 1.0])}
    return Reference(
        spec,
        Known(),
        "cpu",
        planned=1,
        cases=[judged],
        slices={"y": Slicing(1)},
        noise=known,  # type: ignore[arg-type]
    )


def judged_case(reference: Reference, **changed: Array) -> CaseVerdict:
    judged = reference.cases[0]
    return compare_case(reference, judged, {**judged.eager, **changed})


def looked_at_twice(reference: Reference, **changed: Array) -> CaseVerdict:
    verdict = judged_case(reference, **changed)
    assert verdict.failed
    second_look(reference, verdict, {**reference.cases[0].eager, **changed})
    return verdict


def pair(first: float, second: float) -> Array:
    return np.array([[first, second]], dtype=np.float32)


def test_the_limit_itself_passes_and_what_lies_beyond_does_not() -> None:
    assert MAX_SCORE == 30
    reference = reference_at(pair(STEADY, STEADY))
    at_the_limit = judged_case(reference, y=pair(0.0, 30 * NOISE))
    assert at_the_limit.scores == {"y": 30.0}
    assert not at_the_limit.failed
    beyond = np.nextafter(np.float32(30 * NOISE), np.float32(1))
    for wrong in (pair(0.0, beyond), pair(-beyond, 0.0)):
        verdict = judged_case(reference, y=wrong)
        assert verdict.wrong_values
        assert verdict.failed


def test_each_slice_is_held_to_its_own_noise() -> None:
    reference = reference_at(pair(STEADY, STEADY), noise=(NOISE, 8 * NOISE))
    assert judged_case(reference, y=pair(0.0, 16 * NOISE)).score == 2.0
    assert judged_case(reference, y=pair(16 * NOISE, 0.0)).score == 16.0


def test_each_class_of_values_is_held_to_its_own_noise() -> None:
    reference = reference_at(pair(STEADY, STEADY))
    ordinary = reference.cases[0]
    case = Case(1, ordinary.case.sizes, "scaled", 0)
    scaled = Judged(case, ordinary.inputs, ordinary.eager, ordinary.oracle)
    outputs = {**ordinary.eager, "y": pair(0.0, 3.0)}
    assert compare_case(reference, scaled, outputs).score == 3.0
    assert compare_case(reference, ordinary, outputs).score == 3.0 / NOISE


def test_the_error_is_taken_from_the_oracle_and_not_from_eager() -> None:
    reference = reference_at(pair(STEADY, STEADY))
    own = reference.cases[0]
    oracle = {**own.oracle, "y": np.array([[0.0, 4 * NOISE]])}
    judged = Judged(own.case, own.inputs, own.eager, oracle)
    verdict = compare_case(reference, judged, own.eager)
    assert verdict.scores == {"y": 4.0}
    assert verdict.largest_error == {"y": 4 * NOISE}


def test_a_case_without_any_fault_is_none() -> None:
    verdict = judged_case(reference_at(pair(2.0, -1.0)))
    assert not verdict.failed
    assert not verdict.wrong_values
    assert verdict.scores == {"y": 0.0}
    assert verdict.largest_error == {"y": 0.0}
    assert (verdict.structure, verdict.shapes, verdict.non_finite) == ([], {}, [])
    assert (verdict.notes, verdict.unequal) == ([], {})


@pytest.mark.parametrize("eager", [np.zeros((0, 2), np.float32), pair(np.nan, np.inf)])
def test_a_case_in_which_no_value_is_compared_has_no_score_and_no_fault(eager: Array) -> None:
    verdict = judged_case(reference_at(eager))
    assert verdict.compared["y"] == 0
    assert verdict.score is None
    assert not verdict.failed


def test_a_tolerance_is_used_by_nothing_where_there_is_no_sample() -> None:
    reference = reference_at(np.zeros((0, 2), dtype=np.float32))
    judged = reference.cases[0]
    verdict = compare_case(reference, judged, judged.eager, Limits(atol={EVERY: 0.5}))
    assert verdict.overridden["y"].used == 0.0
    assert verdict.largest_error == {"y": 0.0}


def test_a_tolerance_takes_the_place_of_the_score() -> None:
    reference = reference_at(pair(2.0, 1.0))
    limits = Limits(atol={EVERY: 0.5})
    for error, exceeding in ((0.5, 0), (0.75, 1)):
        outputs = {**reference.cases[0].eager, "y": pair(2.0 + error, 1.0)}
        verdict = compare_case(reference, reference.cases[0], outputs, limits)
        assert (verdict.scores, verdict.unequal) == ({}, {})
        assert (verdict.overridden["y"].used, verdict.overridden["y"].exceeding) == (
            2 * error,
            exceeding,
        )
        assert verdict.largest_error == {"y": error}
        assert verdict.failed is bool(exceeding)


def test_without_a_value_there_is_no_score() -> None:
    reference = reference_at(pair(2.0, 1.0))
    assert compare_case(reference, reference.cases[0], {}).score is None


def test_a_case_has_the_largest_score_of_its_outputs() -> None:
    judged = reference_at(pair(2.0, 1.0)).cases[0]
    assert CaseVerdict(judged, scores={"a": 1.0, "b": 7.0, "c": 0.5}).score == 7.0


@pytest.mark.parametrize(
    "fault",
    [
        {"refusal": "no"},
        {"structure": ["outputs missing: y"]},
        {"shapes": {"y": "has another"}},
        {"non_finite": ["y has one"]},
        {"unequal": {"above": 1}},
        {"scores": {"a": 0.0, "y": 31.0}},
    ],
    ids=lambda fault: next(iter(fault)),
)
def test_any_fault_alone_fails_a_case(fault: dict[str, Any]) -> None:
    judged = reference_at(pair(2.0, 1.0)).cases[0]
    assert CaseVerdict(judged, **fault).failed
    valued = "unequal" in fault or "scores" in fault
    assert CaseVerdict(judged, **fault).wrong_values is valued
    assert CaseVerdict(judged, **fault, cleared=True).failed is not valued


def test_outputs_are_missed_by_name_and_nothing_is_taken_for_another() -> None:
    reference = reference_at(pair(2.0, 1.0))
    judged = reference.cases[0]
    renamed = {"z": judged.eager["y"], "above": judged.eager["above"]}
    verdict = compare_case(reference, judged, renamed)
    assert verdict.structure == [
        "outputs missing: y",
        "outputs that eager does not have: z",
    ]
    assert verdict.scores == {}
    assert verdict.failed


def test_one_output_more_is_a_fault_of_structure() -> None:
    verdict = judged_case(reference_at(pair(2.0, 1.0)), z=pair(2.0, 1.0))
    assert verdict.structure == ["outputs that eager does not have: z"]


def test_an_output_that_eager_has_elsewhere_alone_is_one_too_many() -> None:
    reference = reference_at(pair(2.0, 1.0))
    own = reference.cases[0]
    alone = {"y": own.eager["y"]}
    verdict = compare_case(reference, Judged(own.case, own.inputs, alone, alone), own.eager)
    assert verdict.structure == ["outputs that eager does not have: above"]
    assert verdict.scores == {"y": 0.0}


@pytest.mark.parametrize("name", ["y", "above"])
def test_another_dtype_or_shape_is_not_compared(name: str) -> None:
    reference = reference_at(pair(2.0, 1.0))
    array = reference.cases[0].eager[name]
    other = judged_case(reference, **{name: array.astype(np.float64)})
    assert len(other.structure) == 1
    assert other.shapes == {}
    longer = judged_case(reference, **{name: np.concatenate([array, array])})
    assert longer.structure == []
    assert list(longer.shapes) == [name]
    for verdict in (other, longer):
        assert verdict.failed
        assert name not in {*verdict.scores, *verdict.unequal}


def test_integers_that_differ_are_counted() -> None:
    verdict = judged_case(reference_at(np.full((3, 2), 2.0, np.float32)), above=np.array([2, 1, 0]))
    assert verdict.unequal == {"above": 2}
    assert verdict.failed


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_value_that_is_not_finite_has_no_score_and_fails(bad: float) -> None:
    verdict = judged_case(reference_at(pair(2.0, 1.0)), y=pair(bad, 1.0))
    assert len(verdict.non_finite) == 1
    assert "1 non-finite of 2" in verdict.non_finite[0]
    assert verdict.notes == []
    assert verdict.scores == {"y": 0.0}
    assert verdict.failed


def test_only_what_is_finite_counts_as_compared() -> None:
    verdict = judged_case(reference_at(pair(np.nan, 1.0)))
    assert verdict.compared == {"y": 1, "above": 1}
    assert judged_case(reference_at(pair(np.nan, np.inf))).compared == {"y": 0, "above": 1}


def test_what_is_not_finite_in_eager_may_differ_and_is_noted() -> None:
    verdict = judged_case(reference_at(pair(np.nan, 1.0)), y=pair(5.0, 1.0))
    assert len(verdict.notes) == 1
    assert not verdict.failed


def test_the_second_look_adds_what_eager_moves_to_the_noise_slice_by_slice() -> None:
    reference = reference_at(pair(1.0, 0.0), noise=(EPS, EPS))
    # At 1 eager moves by one rounding, at 0 it does not: twice the noise there, the same here.
    verdict = looked_at_twice(reference, y=pair(1.0 + 60 * EPS, 0.0))
    assert verdict.scores == {"y": 30.0}
    assert verdict.cleared
    assert not verdict.failed
    beyond = looked_at_twice(reference, y=pair(1.0 + 61 * EPS, 0.0))
    assert beyond.scores == {"y": 30.5}
    assert not beyond.cleared
    assert beyond.failed
    assert looked_at_twice(reference, y=pair(1.0, 31 * EPS)).scores == {"y": 31.0}


def test_the_second_look_leaves_scores_within_the_limit_as_they_are() -> None:
    reference = reference_at(pair(2.0, 4.0), noise=(EPS, EPS))
    verdict = looked_at_twice(reference, y=pair(2.0, 4.0 + 20 * EPS), above=np.array([0]))
    assert verdict.scores == {"y": 20.0}
    assert verdict.failed


def test_the_second_look_forgives_an_integer_where_eager_changes_its_own() -> None:
    unsure = reference_at(np.array([[1.0, 0.0], [2.0, 0.0]], dtype=np.float32))
    verdict = looked_at_twice(unsure, above=np.array([1, 1]))
    assert verdict.unequal == {}
    assert verdict.cleared
    wrong = looked_at_twice(unsure, above=np.array([1, 0]))
    assert wrong.unequal == {"above": 1}
    assert not wrong.cleared
    assert wrong.failed


def test_one_fault_that_stays_keeps_a_case_from_being_cleared() -> None:
    reference = reference_at(pair(1.0, 0.0), noise=(EPS, EPS))
    unsure = np.array([1])
    both = looked_at_twice(reference, y=pair(1.0 + 40 * EPS, 31 * EPS), above=unsure)
    assert both.unequal == {}
    assert not both.cleared
    shape = looked_at_twice(reference, y=np.zeros((2, 2), np.float32), above=unsure)
    assert list(shape.shapes) == ["y"]
    assert not shape.cleared
    assert shape.failed


class AsManyAsAbove(nn.Module):
    """What is over 1, however many that is."""

    def forward(self, x: Tensor) -> Tensor:
        return x[x > 1]


@pytest.mark.parametrize(("first", "cleared"), [(1.0, True), (2.0, False)])
def test_another_shape_is_forgiven_where_eager_takes_it_too(first: float, cleared: bool) -> None:
    module = AsManyAsAbove()
    spec = spec_of(module, X)
    x = pair(first, 4.0)
    eager = {"output_0": x[x > 1]}
    judged = Judged(Case(0, {"batch": 1}, "ordinary", 0), {"x": x}, eager, eager)
    reference = Reference(spec, module, "cpu", planned=1, cases=[judged])
    outputs = {
        "output_0": np.array([1.0, 4.0], np.float32) if cleared else np.array([4.0], np.float32)
    }
    verdict = compare_case(reference, judged, outputs)
    assert list(verdict.shapes) == ["output_0"]
    second_look(reference, verdict, outputs)
    assert verdict.cleared is cleared
    assert bool(verdict.shapes) is not cleared


def test_a_whole_number_is_no_tensor_that_moves() -> None:
    """The known module is what these tests take it for."""
    reference = reference_at(pair(1.0, STEADY))
    spread = reference.spread(reference.cases[0])
    assert spread.changes["y"].tolist() == [[EPS, 0.0]]
    assert spread.changes["above"].tolist() == [1.0]
    assert torch.equal(Known()(torch.ones(1, 2))["above"], torch.tensor([0]))

"""What the findings of a form say of the verdicts on its cases, word for word."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.parity.known import Counting, reference
from tests.parity.models import spec_of
from toolkit.parity.cases import CaseVerdict, Overridden
from toolkit.parity.findings import Finding
from toolkit.parity.limits import Tolerance
from toolkit.parity.plan import Case, CaseKind
from toolkit.parity.reference import Judged, Reference
from toolkit.parity.summary import smallest, summarise
from toolkit.spec import Port

TRACED = "(batch 2; ordinary, seed 0)"
SMALL = "(batch 1; ordinary, seed 0)"
OUTPUT = "output_0"
SUBJECT = reference(0.0, 0.0, 0.0)
"""Cases 0, 1 and 2 at the traced size, and the smallest, 3."""


def verdicts(*faults: dict[str, Any], subject: Reference = SUBJECT) -> list[CaseVerdict]:
    """A verdict for each of the first cases, in which every value was compared."""
    return [
        CaseVerdict(case, **{"compared": {OUTPUT: 2}, **fault})
        for case, fault in zip(subject.cases, faults, strict=False)
    ]


def findings(*faults: dict[str, Any], subject: Reference = SUBJECT) -> list[Finding]:
    return summarise(subject, verdicts(*faults, subject=subject))


def told(*faults: dict[str, Any]) -> tuple[str, str, str, int | None]:
    """The only finding: severity, name, message and case."""
    (found,) = findings(*faults)
    return found.severity, found.name, found.message, found.case


def test_a_form_without_a_fault_has_no_finding() -> None:
    assert findings({}, {}, {}, {}) == []


def test_a_fault_is_shown_in_the_case_with_the_fewest_values() -> None:
    assert smallest(verdicts({}, {}, {}, {})).judged.case.number == 3
    assert smallest(verdicts({}, {}, {})).judged.case.number == 0


def test_cases_that_are_refused_are_counted() -> None:
    assert told({}, {"refusal": "no"}, {}, {"refusal": "never"}) == (
        "error",
        "structure",
        f"refuses 2 cases that eager accepts, case 3 {SMALL}: never",
        3,
    )


def test_faults_of_structure_and_of_shape_are_told_together() -> None:
    kept = {"structure": ["outputs missing: y"], "shapes": {"z": "z has shape (1,)"}}
    assert told(kept, kept) == (
        "error",
        "structure",
        f"outputs missing: y; z has shape (1,), in case 0 {TRACED}",
        0,
    )


@pytest.mark.parametrize("fault", [{"structure": ["a fault"]}, {"shapes": {"y": "a fault"}}])
def test_either_fault_alone_is_one_of_structure(fault: dict[str, Any]) -> None:
    assert told({}, fault) == ("error", "structure", f"a fault, in case 1 {TRACED}", 1)


def test_values_that_are_not_finite_are_counted_by_case() -> None:
    assert told({}, {"non_finite": ["one NaN"]}, {"non_finite": ["a NaN", "an infinity"]}) == (
        "error",
        "non-finite",
        f"one NaN, in case 1 {TRACED}; 2 such cases of 3",
        1,
    )


def test_a_score_over_the_limit_is_told_with_its_noise() -> None:
    fault = {"scores": {"y": 45.5, "z": 30.0}, "largest_error": {"y": 0.25, "z": 0.5}}
    assert told({}, fault, {"scores": {"y": 30.0}}) == (
        "error",
        "value",
        f"y is off by 0.25, score 45.5 of 30, in case 1 {TRACED}; 1 such cases of 3 "
        "(noise: float64)",
        1,
    )


def test_a_tolerance_that_is_exceeded_is_told_without_any_noise() -> None:
    one = Overridden(Tolerance(0.5, 0.125), 2.0, 3)
    value, override = findings({"overridden": {"y": one}, "largest_error": {"y": 4.0}}, {})
    assert (value.severity, value.name, value.case) == ("error", "value", 0)
    assert value.message == (
        "y is off by 4, and 3 values by more than atol 0.5, rtol 0.125, "
        f"in case 0 {TRACED}; 1 such cases of 2"
    )
    assert override.message.endswith("y by atol 0.5, rtol 0.125 (it is exceeded)")


def test_integers_that_differ_are_counted_by_output() -> None:
    assert told({"unequal": {"best": 2}}, {"unequal": {"best": 1}}, {}) == (
        "error",
        "value",
        f"best: 2 integers differ, in case 0 {TRACED}; 2 such cases of 3",
        0,
    )


def test_every_kind_of_wrong_value_stands_in_one_finding() -> None:
    one = Overridden(Tolerance(0.0, 0.0), np.inf, 1)
    fault = {
        "scores": {"a": 31.0},
        "overridden": {"b": one},
        "unequal": {"c": 4},
        "largest_error": {"a": 1.0, "b": 2.0},
    }
    assert findings(fault)[0].message == (
        "a is off by 1, score 31 of 30; b is off by 2, and 1 values by more than atol 0, rtol 0; "
        f"c: 4 integers differ, in case 0 {TRACED}; 1 such cases of 1 (noise: float64)"
    )


def test_what_the_second_look_cleared_is_noted_with_the_first_such_case() -> None:
    cleared = {"cleared": True, "scores": {"y": 31.0}}
    assert told({}, cleared, cleared, {}) == (
        "note",
        "ill-conditioned",
        "2 cases are over the limit by no more than eager itself moves when its inputs and "
        f"parameters are off by one rounding, first case 1 {TRACED}",
        1,
    )


def test_what_differs_where_eager_is_not_finite_is_noted_with_the_first_such_case() -> None:
    assert told({}, {"notes": ["first"]}, {"notes": ["second"]}, {}) == (
        "note",
        "non-finite",
        f"first, in case 1 {TRACED}",
        1,
    )


def used(share: float) -> dict[str, Any]:
    return {"overridden": {"y": Overridden(Tolerance(0.5, 0.0), share, int(share > 1))}}


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ((0.25, 0.5, 0.125), "at most 50% of it is used"),
        ((0.0, 0.0), "at most 0% of it is used"),
        ((1.0, 0.5), "at most 100% of it is used"),
    ],
)
def test_the_largest_share_of_a_tolerance_that_is_used_is_noted(
    shares: tuple[float, ...], said: str
) -> None:
    assert told(*map(used, shares)) == (
        "note",
        "override",
        f"judged by a tolerance in place of the score: y by atol 0.5, rtol 0 ({said})",
        None,
    )


def test_a_tolerance_is_exceeded_just_beyond_the_whole_of_it() -> None:
    within, beyond = 1.0, float(np.nextafter(1.0, 2.0))
    assert "at most 100%" in findings(used(within))[-1].message
    over = findings({**used(beyond), "largest_error": {"y": 1.0}})
    assert [one.name for one in over] == ["value", "override"]
    assert "(it is exceeded)" in over[-1].message


# ---- what a baked dimension explains


def test_a_size_that_fails_alone_is_told_once() -> None:
    (found,) = findings({}, {}, {}, {"refusal": "two at least"})
    assert (found.name, found.case) == ("baked-dimension", 3)


def test_a_case_that_no_size_explains_is_told_beside_one_that_fails_alone() -> None:
    def at(number: int, batch: int, time: int, kind: CaseKind = "ordinary") -> Judged:
        x = np.zeros((batch, time), np.float32)
        case = Case(number, {"batch": batch, "time": time}, kind, 0)
        return Judged(case, {"x": x}, {OUTPUT: x}, {OUTPUT: x})

    spec = spec_of(Counting(), Port("x", ("batch", "time")))
    assert spec.traced_sizes == {"batch": 2, "time": 2}
    cases = [at(0, 2, 2), at(1, 1, 2), at(2, 2, 3), at(3, 2, 3, "scaled")]
    refused = {"refusal": "no"}
    found = findings({}, refused, {}, refused, subject=replace(SUBJECT, spec=spec, cases=cases))
    assert [(one.name, one.case) for one in found] == [("baked-dimension", 1), ("structure", 3)]
    assert found[1].message.startswith("refuses 1 cases")


# ---- a comparison of nothing


def two_outputs() -> Reference:
    class Both(Counting):
        def forward(self, x: Any) -> Any:
            return {"y": super().forward(x), "z": x + 1}

    return replace(SUBJECT, spec=spec_of(Both(), Port("x", ("batch", 1))))


def compared(**counts: int) -> dict[str, Any]:
    return {"compared": counts}


def test_a_check_that_compared_nothing_fails() -> None:
    for nothing in (compared(output_0=0), compared()):
        assert told(nothing, nothing) == (
            "error",
            "structure",
            "not a single value could be compared: output_0",
            None,
        )
    (found,) = findings(compared(y=0, z=0), subject=two_outputs())
    assert found.message == "not a single value could be compared: y, z"


def test_a_model_without_an_output_has_nothing_to_compare() -> None:
    subject = replace(SUBJECT, spec=replace(SUBJECT.spec, outputs=()))
    (found,) = findings({}, subject=subject)
    assert (found.severity, found.name) == ("error", "structure")
    assert found.message == "not a single value could be compared: no output at all"


def test_an_output_that_was_never_compared_is_noted_where_another_was() -> None:
    (found,) = findings(compared(y=0, z=1), compared(z=1), subject=two_outputs())
    assert (found.severity, found.name) == ("note", "degenerate")
    assert found.message == "not a single value of y could be compared in any case"


def test_an_output_that_was_compared_once_was_compared() -> None:
    subject = two_outputs()
    assert findings(compared(y=0, z=3), compared(y=1, z=0), subject=subject) == []


@pytest.mark.parametrize(
    "fault",
    [{"refusal": "no"}, {"structure": ["a fault"]}, {"shapes": {OUTPUT: "a fault"}}],
    ids=lambda fault: next(iter(fault)),
)
def test_what_was_not_compared_for_another_fault_is_not_told_twice(fault: dict[str, Any]) -> None:
    nothing = {**fault, **compared()}
    assert [one.name for one in findings(nothing, nothing)] == ["structure"]

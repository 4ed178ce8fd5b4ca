"""What a verdict does with its cases: how many run, which are looked at twice, what is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tests.parity.known import NOISE, Changed, errors, looks, reference, shifted
from toolkit.errors import RunError
from toolkit.inputs import Array
from toolkit.parity.budget import Budget
from toolkit.parity.verdict import CONFIRMATIONS, judge
from toolkit.spec import Dimension


def test_a_form_has_the_largest_score_of_its_cases() -> None:
    found = judge(reference(0.0, 0.0, 0.0), Changed(lambda run, x: x + np.float32(run * NOISE)))
    assert (found.status, found.score, found.cases) == ("fail", 3.0, 4)
    assert errors(found) == ["nondeterministic"]
    right = judge(reference(0.0), Changed())
    assert (right.status, right.score, right.noise_source) == ("pass", 0.0, "float64")


def test_so_many_faulty_cases_get_a_second_look_and_no_more() -> None:
    assert CONFIRMATIONS == 6
    subject = reference(*[0.0] * 9)
    assert judge(subject, Changed(shifted)).status == "fail"
    assert looks(subject) == CONFIRMATIONS


def test_a_case_that_is_cleared_does_not_count_among_them() -> None:
    """At 2**10 eager moves by a rounding that is far over the noise."""
    subject = reference(*[1024.0] * 9)
    far = np.float32(2.0**-12)
    found = judge(subject, Changed(lambda run, x: x + far if x.any() else x))
    assert looks(subject) == 9
    assert found.status == "pass"
    assert [one.name for one in found.findings] == ["ill-conditioned"]


def test_the_first_failing_case_can_be_the_last() -> None:
    candidate = Changed(lambda run, x: shifted(run, x) if x.any() else x)
    found = judge(reference(0.0, 1.0, 1.0), candidate, until_failed=True)
    assert (found.status, found.cases, len(candidate.runs)) == ("fail", 2, 2)
    assert errors(found) == ["value"]
    right = Changed()
    whole = judge(reference(0.0, 1.0, 1.0), right, until_failed=True)
    assert (whole.status, whole.cases) == ("pass", 4)


def test_what_the_time_left_out_is_told() -> None:
    subject = reference(*[0.0] * 11)
    found = judge(subject, Changed(), budget=Budget(0.0, iter(range(1000)).__next__))
    assert (found.status, found.cases) == ("pass", subject.least)
    (left,) = found.findings
    assert left.name == "left-out"
    assert f"{subject.least} of {len(subject.cases)} cases ran" in left.message


def test_a_form_that_refuses_everything_has_no_score() -> None:
    def refuse(run: int, values: Array) -> Array:
        raise RunError("never")

    found = judge(reference(0.0, 0.0), Changed(refuse))
    assert (found.status, found.score) == ("fail", None)
    assert "never" in found.findings[0].message


def test_a_form_that_refuses_a_repeated_run_is_judged_by_its_cases() -> None:
    def tires(run: int, values: Array) -> Array:
        if run > 2:
            raise RunError("tired")
        return values

    found = judge(reference(0.0, 0.0), Changed(tires))
    assert (found.status, found.findings) == ("pass", ())


def test_an_output_that_a_repeated_run_lacks_is_nondeterministic() -> None:
    @dataclass
    class Forgetting(Changed):
        def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
            outputs = super().run(inputs)
            return {} if len(self.runs) == 4 else outputs

    for until_failed in (False, True):
        found = judge(reference(0.0), Forgetting(), until_failed=until_failed)
        assert errors(found) == ["nondeterministic"]


def test_nothing_is_judged_where_the_sizes_that_ran_are_too_few() -> None:
    subject = reference(0.0, 0.0)
    assert subject.spec.dimensions == (Dimension("batch"),)
    subject.cases = subject.cases[:2]
    candidate = Changed()
    assert judge(subject, candidate).status == "error"
    assert candidate.runs == []

"""What a verdict rests on: batches, low precision, randomness, and by what it says values went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.parity.known import (
    FAR,
    NOISE,
    Change,
    Changed,
    Counting,
    errors,
    judged,
    looks,
    reference,
    shifted,
)
from tests.parity.models import spec_of
from toolkit.errors import RunError
from toolkit.inputs import Array
from toolkit.parity.batching import BatchTrial
from toolkit.parity.fidelity import Gauge
from toolkit.parity.findings import error
from toolkit.parity.limits import EVERY, Limits
from toolkit.parity.plan import Case
from toolkit.parity.reference import Judged, Reference
from toolkit.parity.verdict import CONFIRMATIONS, Terms, judge, judge_case
from toolkit.spec import Port

LARGE = np.float32(1.0)


def test_nothing_is_run_where_eager_departs_from_itself() -> None:
    subject = reference(0.0, 0.0)
    subject.findings.append(error("nondeterministic", "two eager runs differ"))
    candidate = Changed(shifted)
    found = judge(subject, candidate)
    assert (found.status, found.score, found.noise_source) == ("fail", None, None)
    assert (found.cases, candidate.runs) == (3, [])


def test_what_else_is_wrong_is_looked_for_although_the_last_case_fails() -> None:
    @dataclass
    class Forgetting(Changed):
        def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
            outputs = super().run(inputs)
            return {} if len(self.runs) == 4 else outputs

    assert errors(judge(reference(0.0), Forgetting(shifted))) == ["nondeterministic", "value"]


# ---- samples of a batch


def joined() -> Reference:
    """With a trial of two batches: both as one have four samples, as no case has."""
    subject = reference(0.0, 0.0)
    first, second = subject.cases[:2]
    both = {"x": np.concatenate([first.inputs["x"], second.inputs["x"]])}
    subject.batch_trial = BatchTrial(first, second, second.inputs, both)
    return subject


def mixing(run: int, values: Array) -> Array:
    return values + 4 * LARGE if len(values) == 4 else values


def never_one_sample(run: int, values: Array) -> Array:
    if len(values) == 1:
        raise RunError("two samples at least")
    return mixing(run, values)


def test_samples_that_mix_fail_a_form_whose_cases_are_right() -> None:
    found = judge(joined(), Changed(mixing))
    assert (found.status, found.score, errors(found)) == ("fail", 0.0, ["batch-dependence"])
    assert judge(joined(), Changed()).findings == ()


@pytest.mark.parametrize("limits", [Limits(), Limits(atol={EVERY: 1.0})], ids=["score", "atol"])
def test_a_form_that_is_right_at_some_sizes_alone_is_not_said_to_mix(limits: Limits) -> None:
    """With a tolerance, which is noted, as without."""
    found = judge(joined(), Changed(never_one_sample), limits=limits)
    assert errors(found) == ["baked-dimension"]


def test_a_form_that_is_wrong_in_another_way_is_still_tried_for_mixing() -> None:
    def both(run: int, values: Array) -> Array:
        return mixing(run, values + LARGE)

    assert errors(judge(joined(), Changed(both))) == ["value", "batch-dependence"]


# ---- low precision


def gauge_of(subject: Reference, *, alone: bool, limits: Limits | None = None) -> Gauge:
    """Against ones in place of the zeros of a case, so that there is something to measure."""
    exact = {one.case.number: {"output_0": one.eager["output_0"] + 1} for one in subject.cases}
    return Gauge("int8", subject.spec.outputs, exact, limits or Limits(), alone)


def near_one(run: int, values: Array) -> Array:
    return values + np.float32(0.5)


def test_what_no_bound_was_stated_for_is_refused() -> None:
    subject = joined()
    found = judge(subject, Changed(near_one), gauge=gauge_of(subject, alone=True))
    assert (found.status, found.score, found.noise_source) == ("refused", None, None)
    assert errors(found) == ["low-precision"]


def test_another_fault_is_no_refusal() -> None:
    subject = joined()
    gauge = gauge_of(subject, alone=True)
    found = judge(subject, Changed(lambda run, x: near_one(run, x)[:, 0]), gauge=gauge)
    assert (found.status, errors(found)) == ("fail", ["low-precision", "structure"])


def test_what_is_below_a_bound_that_was_stated_fails() -> None:
    """Of ones a half is left: 6 dB."""
    subject = joined()
    for bound, status in ((5.0, "pass"), (7.0, "fail")):
        gauge = gauge_of(subject, alone=True, limits=Limits(min_sqnr=bound))
        assert judge(subject, Changed(near_one), gauge=gauge).status == status


def test_values_without_a_score_are_not_held_to_one_by_batches_either() -> None:
    subject = joined()
    gauge = gauge_of(subject, alone=True, limits=Limits(min_sqnr=5.0))
    found = judge(subject, Changed(lambda run, x: mixing(run, near_one(run, x))), gauge=gauge)
    assert (found.status, errors(found)) == ("pass", [])


def test_a_gauge_beside_the_score_leaves_the_score_in_force() -> None:
    subject = joined()
    found = judge(subject, Changed(near_one), gauge=gauge_of(subject, alone=False))
    assert (found.status, errors(found)) == ("fail", ["value"])
    assert found.score == 0.5 / NOISE
    assert errors(judge(subject, Changed(mixing), gauge=gauge_of(subject, alone=False))) == [
        "batch-dependence"
    ]


def test_precision_is_measured_in_ordinary_cases_alone() -> None:
    subject = reference(0.0, 0.0)
    gauge = gauge_of(subject, alone=True, limits=Limits(min_sqnr=5.0))
    first = subject.cases[0]
    subject.cases.append(replace(first, case=Case(99, first.case.sizes, "scaled", 0)))
    found = judge(subject, Changed(near_one), gauge=gauge)
    assert (found.status, found.cases, gauge.cases) == ("pass", 4, 3)


# ---- by what the values were judged


def refuses(run: int, values: Array) -> Array:
    raise RunError("never")


def test_a_tolerance_that_decided_one_case_is_what_the_values_were_judged_by() -> None:
    found = judge(reference(0.0), Changed(never_one_sample), limits=Limits(atol={EVERY: 1.0}))
    assert found.noise_source == "override"


@pytest.mark.parametrize(
    "change",
    [shifted, refuses, lambda run, x: x.astype(np.float64), lambda run, x: x[: 3 - len(x)]],
    ids=["values", "refusal", "dtype", "the shape in some cases"],
)
def test_what_stands_in_the_way_of_a_score_leaves_its_source_known(change: Change) -> None:
    assert judge(reference(0.0), Changed(change)).noise_source == "float64"
    unfit = replace(reference(0.0), unfit="casts down")
    assert judge(unfit, Changed(change)).noise_source == "perturbation"


class Sign(Counting):
    def forward(self, x: Tensor) -> Tensor:
        return (super().forward(x) > 0).long()


def test_integers_are_judged_by_no_noise() -> None:
    subject = reference(0.0)
    spec = spec_of(Sign(), Port("x", ("batch", 1)))
    cases = [
        replace(one, eager=eager, oracle=eager)
        for one in subject.cases
        for eager in [{"output_0": (one.inputs["x"] > 0).astype(np.int64)}]
    ]
    integers = replace(subject, spec=spec, module=Sign(), cases=cases)
    found = judge(integers, Changed(lambda run, x: (x > 0).astype(np.int64)))
    assert (found.status, found.score, found.noise_source) == ("pass", None, None)


# ---- refusals, and a repeated run


def test_a_refusal_without_a_word_is_one_all_the_same() -> None:
    def silent(run: int, values: Array) -> Array:
        raise RunError("")

    subject = reference(0.0)
    terms = Terms(Limits())
    verdict = judge_case(subject, Changed(silent), subject.cases[0], look_twice=False, terms=terms)
    assert verdict.refusal == RunError.name
    assert verdict.failed
    assert judge(subject, Changed(silent)).status == "fail"


def test_the_first_case_is_what_a_form_is_run_on_again() -> None:
    candidate = Changed()
    judge(reference(3.0, 2.0), candidate)
    assert [one.tolist() for one in candidate.runs[-2:]] == [[[3.0], [3.0]]] * 2


@pytest.mark.parametrize("refused", [0, 1, 2])
def test_a_form_is_run_again_unless_it_refuses_the_first_case(refused: int) -> None:
    def unsteady(run: int, values: Array) -> Array:
        if run == refused:
            raise RunError("not this one")
        return values + LARGE if run == 4 else values

    candidate = Changed(unsteady)
    found = judge(reference(0.0, 0.0), candidate)
    again = [one for one in found.findings if one.name == "nondeterministic"]
    assert [one.case for one in again] == ([] if refused == 0 else [0])
    assert len(candidate.runs) == (3 if refused == 0 else 5)


# ---- shapes that the values decide


class AsManyAsPositive(Counting):
    def forward(self, x: Tensor) -> Tensor:
        return torch.masked_select(super().forward(x), x > 0)


def varying(cases: int) -> Reference:
    """The last of its cases has another number of values than the others."""
    module = AsManyAsPositive()
    spec = spec_of(module, Port("x", ("batch", 1)))
    module.runs = 0
    judged_cases = [_positive(number, 1.0) for number in range(cases - 1)]
    return replace(
        reference(0.0),
        spec=spec,
        module=module,
        cases=[*judged_cases, _positive(cases - 1, -1.0), judged(cases, 1.0, samples=1)],
    )


def _positive(number: int, value: float) -> Judged:
    one = judged(number, value)
    eager = {"output_0": one.inputs["x"][one.inputs["x"] > 0]}
    return replace(one, eager=eager, oracle=eager)


def test_so_many_shapes_get_a_second_look_and_no_more() -> None:
    subject = varying(9)
    found = judge(subject, Changed(lambda run, x: np.full(7, FAR, np.float32)))
    assert (found.status, looks(subject)) == ("fail", CONFIRMATIONS)


def test_a_shape_that_the_sizes_decide_gets_no_second_look() -> None:
    subject = reference(0.0, 0.0)
    found = judge(subject, Changed(lambda run, x: x[:, 0]))
    assert (errors(found), looks(subject)) == (["structure"], 0)

"""A bounded check covers sizes first, then values, and says what it left out."""

from __future__ import annotations

from collections.abc import Iterator

from tests.parity.models import Altered, spec_of, two_layers
from toolkit.parity.budget import LEAST_CASES, Budget, by_coverage
from toolkit.parity.plan import plan
from toolkit.parity.reference import refer
from toolkit.parity.verdict import judge
from toolkit.spec import ModelSpec, Port


def _ticking(step_s: float) -> Iterator[float]:
    now = 0.0
    while True:
        yield now
        now += step_s


def _budget(seconds: float, step_s: float) -> Budget:
    """A budget whose clock moves on by `step_s` whenever it is read."""
    return Budget(seconds, _ticking(step_s).__next__)


def _two_dimensions() -> ModelSpec:
    return spec_of(two_layers(), Port("input", ("batch", "time", 6)))


def test_every_size_of_every_dimension_comes_before_any_other_draw() -> None:
    spec = _two_dimensions()
    ordered = by_coverage(spec, plan(spec))
    sizes = {(one.name, size) for one in spec.dimensions for size in one.tested}
    first = ordered[: len(sizes)]
    assert {pair for case in first for pair in case.sizes.items()} == sizes
    covering = [case for case in first if case.kind == "ordinary"]
    assert {pair for case in covering for pair in case.sizes.items()} == sizes
    assert covering == first[: len(covering)]


def test_every_class_of_values_is_among_the_first_cases() -> None:
    spec = spec_of(two_layers())
    first = by_coverage(spec, plan(spec))[:LEAST_CASES]
    assert {case.draw_class for case in first} == {"ordinary", "scaled", "flat", "outliers"}
    assert {case.sizes["batch"] for case in first} == {1, 2, 3, 5}


def test_the_order_loses_no_case() -> None:
    spec = _two_dimensions()
    cases = plan(spec)
    assert sorted(case.number for case in by_coverage(spec, cases)) == [*range(len(cases))]


def test_eight_cases_run_when_there_is_no_time_at_all() -> None:
    module = two_layers()
    spec = spec_of(module)
    reference = refer(module, spec, plan(spec), budget=_budget(0.0, 1.0))
    verdict = judge(reference, Altered(module, spec), budget=_budget(0.0, 1.0))
    assert verdict.cases == LEAST_CASES
    assert verdict.status == "pass"


def test_what_the_time_left_out_is_listed() -> None:
    module = two_layers()
    spec = spec_of(module)
    planned = plan(spec)
    reference = refer(module, spec, planned, budget=_budget(15.0, 1.0))
    verdict = judge(reference, Altered(module, spec), budget=_budget(10.0, 1.0))
    (left,) = [found for found in verdict.findings if found.name == "left-out"]
    assert left.severity == "note"
    ran = {judged.case.number for judged in reference.cases[: verdict.cases]}
    assert verdict.cases < len(reference.cases) < len(planned)
    for case in planned:
        assert (f"case {case.number}:" in left.message) == (case.number not in ran)


def test_a_check_with_time_enough_leaves_nothing_out() -> None:
    module = two_layers()
    spec = spec_of(module)
    verdict = judge(refer(module, spec, plan(spec), budget=Budget(3600.0)), Altered(module, spec))
    assert verdict.cases == len(plan(spec))
    assert "left-out" not in {found.name for found in verdict.findings}


def test_a_wrong_form_is_found_within_the_least_cases() -> None:
    module = two_layers()
    spec = spec_of(module)
    reference = refer(module, spec, plan(spec), budget=_budget(0.0, 1.0))
    wrong = Altered(two_layers(seed=1), spec)
    assert judge(reference, wrong, budget=_budget(0.0, 1.0)).status == "fail"

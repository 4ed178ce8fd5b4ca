"""A bounded check covers sizes first, then values, and says what it left out."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np
import pytest

from tests.parity.models import Altered, spec_of, two_layers
from toolkit import registry
from toolkit.parity.budget import LEAST_CASES, Budget, Pace, by_coverage
from toolkit.parity.plan import Case, CaseKind, plan
from toolkit.parity.reference import core
from toolkit.parity.referring import refer
from toolkit.parity.verdict import judge
from toolkit.spec import PART_FAMILIES, ModelSpec, Port
from toolkit.weights import construct


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
    counts = [int(count) for count in re.findall(r"(\d+) [a-z-]+ \(", left.message)]
    numbers = re.findall(r"\(([^)]*)\)", left.message.split("by number")[1])
    spans = [part.split("-") for held in numbers for part in held.split(", ")]
    listed = {n for span in spans for n in range(int(span[0]), int(span[-1]) + 1)}
    assert listed == {case.number for case in planned} - ran
    assert sum(counts) == len(listed)


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


SMALL = [
    pytest.param(spec, id=spec.name)
    for spec in registry.catalogue().values()
    if spec.family in PART_FAMILIES
]


@pytest.mark.parametrize("spec", SMALL)
def test_without_any_time_a_part_of_a_network_is_judged_at_all_its_sizes(spec: ModelSpec) -> None:
    reference = refer(construct(spec, 0), spec, plan(spec), budget=_budget(0.0, 1.0))
    assert reference.too_little() is None
    assert [found for found in reference.findings if found.severity == "error"] == []
    for dimension in spec.dimensions:
        ran = {judged.case.sizes[dimension.name] for judged in reference.cases}
        assert ran == set(dimension.tested)


def test_golden_cases_do_not_depend_on_the_time_there_was() -> None:
    module = two_layers()
    spec = spec_of(module)
    slow = core(refer(module, spec, plan(spec), budget=_budget(0.0, 1.0)))
    quick = core(refer(module, spec, plan(spec)))
    assert [one.case.number for one in slow.cases] == [one.case.number for one in quick.cases]
    assert len(slow.cases) >= LEAST_CASES
    assert slow.noise.keys() == quick.noise.keys()
    for key, noise in slow.noise.items():
        assert np.array_equal(noise, quick.noise[key])


def case_of(kind: CaseKind, batch: int) -> Case:
    return Case(0, {"batch": batch}, kind, 0)


@pytest.mark.parametrize(
    ("budget_s", "longest_s"),
    [(0.0, 1.0), (5.0, 1.0), (60.0, 2.0), (600.0, 20.0), (None, math.inf)],
)
def test_where_there_is_more_time_a_wide_case_may_take_longer(
    budget_s: float | None, longest_s: float
) -> None:
    assert Budget(budget_s).longest_wide_s == longest_s


def test_a_wide_case_that_would_take_long_is_left_out() -> None:
    now = iter([0.0, 0.1, 0.1, 0.104])  # of a tenth of a second and two samples, then quicker
    pace = Pace(1.0, lambda: next(now))
    wide = case_of("wide", 512)
    assert not pace.too_wide(wide)
    with pace.watching(case_of("ordinary", 2)):
        pass
    assert pace.too_wide(wide)
    assert not pace.too_wide(case_of("ordinary", 512))
    with pace.watching(case_of("ordinary", 2)):
        pass
    assert pace.too_wide(wide)
    assert not pace.too_wide(case_of("wide", 100))

"""Explicit limits: another largest score, and tolerances in place of it, by output."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import toolkit
from tests.parity.models import Altered, Change, reference_of, two_layers
from toolkit.errors import UsageError
from toolkit.inputs import Array
from toolkit.parity.limits import EVERY, Limits, parse_tolerances
from toolkit.parity.verdict import Verdict, judge
from toolkit.spec import Port


class Pair(nn.Module):
    """A floating output, another, and one of integers."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"a": x * 2, "b": x + 1, "best": x.argmax(1)}


def judged(change: Change, limits: Limits) -> Verdict:
    module = two_layers()
    reference = reference_of(module)
    return judge(reference, Altered(module, reference.spec, change), limits=limits)


def moved_by(change: float) -> Change:
    return lambda inputs, outputs: {name: one + change for name, one in outputs.items()}


def names(verdict: Verdict, severity: str) -> list[str]:
    return [found.name for found in verdict.findings if found.severity == severity]


def test_a_form_over_the_usual_score_passes_where_a_larger_one_is_allowed() -> None:
    assert judged(moved_by(1e-3), Limits()).status == "fail"
    assert judged(moved_by(1e-3), Limits(max_score=1e9)).status == "pass"


def test_a_form_under_the_usual_score_fails_where_a_smaller_one_is_asked() -> None:
    shifted = moved_by(2e-6)
    usual = judged(shifted, Limits())
    assert usual.status == "pass"
    assert usual.score is not None
    assert names(judged(shifted, Limits(max_score=usual.score / 1e3)), "error") == ["value"]


def test_a_tolerance_takes_the_place_of_the_score() -> None:
    verdict = judged(moved_by(1e-3), Limits(atol={EVERY: 2e-3}))
    assert (verdict.status, verdict.score, verdict.noise_source) == ("pass", None, "override")
    assert names(verdict, "note") == ["override"]
    assert "50%" in verdict.findings[-1].message


def test_a_tolerance_that_is_exceeded_is_a_value_finding_and_gets_no_second_look() -> None:
    verdict = judged(moved_by(1e-3), Limits(atol={EVERY: 9e-4}))
    assert verdict.status == "fail"
    assert names(verdict, "error") == ["value"]
    assert "atol 0.0009" in next(one.message for one in verdict.findings if one.name == "value")


def test_an_exact_tolerance_lets_nothing_but_equal_values_pass() -> None:
    exact = Limits(atol={EVERY: 0.0})
    assert judged(lambda inputs, outputs: outputs, exact).status == "pass"
    assert judged(moved_by(1e-6), exact).status == "fail"


def test_a_relative_tolerance_goes_by_the_values_of_eager() -> None:
    larger: Change = lambda inputs, outputs: {  # noqa: E731
        name: one * 1.01 for name, one in outputs.items()
    }
    assert judged(larger, Limits(rtol={EVERY: 0.011})).status == "pass"
    assert judged(larger, Limits(rtol={EVERY: 0.009})).status == "fail"


def test_what_is_not_finite_stays_a_fault_under_any_tolerance() -> None:
    broken: Change = lambda inputs, outputs: {  # noqa: E731
        name: one * math.nan for name, one in outputs.items()
    }
    assert "non-finite" in names(judged(broken, Limits(atol={EVERY: 1e9})), "error")


def test_a_tolerance_of_one_output_leaves_the_others_to_their_score() -> None:
    reference = reference_of(Pair(), Port("x", ("batch", 4)))
    limits = Limits(atol={"a": 1.0})

    def verdict(name: str) -> Verdict:
        wrong = Altered(Pair(), reference.spec, lambda i, o: {**o, name: o[name] + 0.5})
        return judge(reference, wrong, limits=limits)

    assert verdict("a").status == "pass"
    assert verdict("a").score is not None
    assert names(verdict("b"), "error") == ["value"]


def test_a_tolerance_of_all_outputs_leaves_integers_equal_and_one_that_names_them_does_not() -> (
    None
):
    reference = reference_of(Pair(), Port("x", ("batch", 4)))
    wrong = Altered(Pair(), reference.spec, lambda i, o: {**o, "best": o["best"] + 1})
    assert judge(reference, wrong, limits=Limits(atol={EVERY: 1.0})).status == "fail"
    assert judge(reference, wrong, limits=Limits(atol={"best": 1.0})).status == "pass"


def test_samples_that_mix_within_a_tolerance_pass() -> None:
    def mixing(inputs: Mapping[str, Array], outputs: dict[str, Array]) -> dict[str, Array]:
        return {name: one + 1e-3 * one.mean(0, keepdims=True) for name, one in outputs.items()}

    assert judged(mixing, Limits(max_score=1e7)).status == "pass"
    assert "batch-dependence" in names(judged(mixing, Limits(atol={EVERY: 1e-5})), "error")
    assert judged(mixing, Limits(atol={EVERY: 1e3})).status == "pass"


def test_words_are_read_by_output_and_said_again() -> None:
    limits = Limits(50.0, parse_tolerances(["1e-4", "a.b=0.5"], "--atol"), {}, 0.99, 30.0)
    assert limits.atol == {EVERY: 1e-4, "a.b": 0.5}
    assert limits.options() == (
        "--max-score 50 --atol 0.0001 --atol a.b=0.5 --min-agreement 0.99 --min-sqnr 30.0"
    )
    assert Limits().options() == ""


@pytest.mark.parametrize(
    "words", [["-1"], ["x"], ["=3"], ["a="], ["nan"], ["a=inf"], ["1", "2"], ["a=1", "a=2"]]
)
def test_words_that_are_no_tolerances_are_refused(words: list[str]) -> None:
    with pytest.raises(UsageError, match="--rtol"):
        parse_tolerances(words, "--rtol")


def test_limits_that_make_no_sense_are_refused() -> None:
    for score in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(UsageError, match="--max-score"):
            Limits(max_score=score)
    with pytest.raises(UsageError, match="--min-agreement"):
        Limits(min_agreement=1.5)
    with pytest.raises(UsageError, match="--min-sqnr"):
        Limits(min_sqnr=math.nan)
    with pytest.raises(UsageError, match="--atol"):
        Limits(atol={"a": -1.0})


def test_an_output_that_the_model_does_not_have_is_told_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no output ouput_0") as raised:
        toolkit.check(
            two_layers(),
            inputs={"input": "batch,6"},
            formats=["trace"],
            failures=tmp_path,
            atol={"ouput_0": 1e-3},
        )
    assert raised.value.hint == "did you mean output_0?"


class AddsWhenTraced(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        tracing = torch.jit.is_tracing()  # type: ignore[attr-defined,no-untyped-call]
        return x * 2 + (1e-3 if tracing else 0.0)


def test_the_command_that_repeats_a_case_carries_the_limits(tmp_path: Path) -> None:
    (row,) = toolkit.check(
        AddsWhenTraced(),
        inputs={"x": "batch,4"},
        formats=["trace"],
        failures=tmp_path,
        budget_s=0.0,
        atol=1e-4,
        max_score=20,
    )
    assert (row.status, row.noise_source, row.max_score) == ("fail", "override", 20)
    (fault,) = [found for found in row.findings if found.name == "value"]
    assert fault.reproduce is not None
    assert "--max-score 20 --atol 0.0001" in fault.reproduce

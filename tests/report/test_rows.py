"""Export, parity and latency of one form, joined."""

from __future__ import annotations

from typing import Any

from tests.report.examples import EAGER, check, comparison, document, good_run, variant
from toolkit.report.rows import Row, joined_rows, model_names, model_rows
from toolkit.results import Benched, Checked, CheckResult, Variant


def test_the_eager_module_comes_first_and_is_the_baseline() -> None:
    first, *others = joined_rows(good_run())
    assert first.format is None
    assert first.is_baseline
    assert not [row for row in others if row.is_baseline]


def test_a_row_holds_what_is_known_of_one_form() -> None:
    row = next(row for row in joined_rows(good_run()) if row.format == "onnx")
    assert row.form
    assert row.form.opset == 20
    assert row.check
    assert row.check.cases == 36
    assert row.variant
    assert row.variant.p50_us == 22.13


def test_a_verdict_of_one_device_is_not_given_to_a_timing_on_another() -> None:
    run = document(
        "run",
        check=Checked(results=[check("onnx"), check("onnx", 9.9, device="cuda")]),
        bench=Benched(comparisons=[comparison(variant("onnx", 9.0, 2.0, device="cuda"))]),
    )
    rows = joined_rows(run)
    assert [(row.device, row.check.score if row.check else None) for row in rows] == [
        ("cuda", 9.9),
        ("cpu", 1.17),
    ]
    assert rows[1].variant is None


def derived(name: str, score: float | None, **keys: Any) -> Variant:
    return variant(
        *(name, 9.0, 2.0), format="onnx", runtime="onnxruntime", parity_score=score, **keys
    )


def untimed(name: str, score: float | None, **keys: Any) -> Variant:
    return derived(name, score, verdict="not timed", calls=0, **keys)


def rows_of(results: list[CheckResult], *timed: Variant) -> list[Row]:
    held = [comparison(row) for row in timed]
    return joined_rows(
        document("run", check=Checked(results=results), bench=Benched(comparisons=held))
    )


def test_a_derived_variant_has_the_score_that_it_was_judged_with_itself() -> None:
    (row,) = rows_of([check("onnx", 1.0)], derived("onnx-none", 7.5))
    assert (row.score, row.check and row.check.status) == (7.5, "pass")


def test_a_derived_variant_that_fails_has_its_own_verdict() -> None:
    failed = check("onnx", 99.0, runtime="onnx-basic", status="fail")
    rows = rows_of([check("onnx", 1.0), failed], derived("onnx", 1.0), untimed("onnx-basic", 99.0))
    assert [(row.score, row.check and row.check.status) for row in rows] == [
        (1.0, "pass"),
        (99.0, "fail"),
    ]


def test_what_fails_at_one_batch_is_not_said_to_fail_at_another() -> None:
    failed = [check("onnx", n, runtime="onnx-basic", status="fail") for n in (99.0, 88.0)]
    timed = [untimed("onnx-basic", 88.0, batch=8), derived("onnx-basic", 3.0)]
    rows = rows_of([check("onnx", 1.0), *failed], *timed, untimed("onnx-basic", 99.0, batch=32))
    assert [row.check and row.check.score for row in rows] == [88.0, 1.0, 99.0]


def test_a_compiled_module_that_fails_is_one_row_with_its_verdict() -> None:
    failed = check(None, 99.0, runtime="compile", status="fail")
    compiled = variant("compile", None, None, format=None, verdict="not timed", calls=0)
    (row,) = rows_of([failed], compiled.model_copy(update={"parity_score": 99.0}))
    assert (row.score, row.check) == (99.0, failed)


def test_the_same_variant_of_two_models_has_one_baseline() -> None:
    other = EAGER.model_copy(update={"model": "b.py:B"})
    both = document("bench", comparisons=[comparison(EAGER, other)])
    assert model_names(both) == ["lenet5", "b.py:B"]
    assert [row.is_baseline for row in joined_rows(both)] == [True, False]


def test_a_baseline_may_be_named_with_its_model() -> None:
    other = EAGER.model_copy(update={"model": "b.py:B"})
    both = document("bench", comparisons=[comparison(EAGER, other, baseline="b.py:B eager")])
    assert [row.is_baseline for row in joined_rows(both)] == [False, True]


def test_a_model_that_is_not_there_has_no_rows() -> None:
    assert model_rows(good_run(), "resnet18") == []

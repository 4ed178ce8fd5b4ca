"""Export, parity and latency of one form, joined."""

from __future__ import annotations

from tests.report.examples import EAGER, check, comparison, document, good_run, variant
from toolkit.report.rows import joined_rows, model_names, model_rows
from toolkit.results import Benched, Checked


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

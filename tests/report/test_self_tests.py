from __future__ import annotations

from tests.report.examples import document
from toolkit.report.markdown import format_markdown
from toolkit.report.terminal import format_document
from toolkit.results import Document, PlantedDefect, SelfTest, to_json


def defect(kind: str, *, counted: bool = True, found: bool = True) -> PlantedDefect:
    return PlantedDefect(
        kind=kind,
        seed=3,
        where=f"{kind} of layer one",
        counted=counted,
        moved="values" if counted else None,
        movement=812.5 if counted else 0.0,
        found=found,
        findings=["value"] if found else [],
        cases=1 if found else 30,
    )


def tried(*defects: PlantedDefect, model: str = "lenet5", left_out: int = 0) -> SelfTest:
    missed = any(one.counted and not one.found for one in defects)
    return SelfTest(
        model=model,
        format="onnx",
        device="cpu",
        status="fail" if missed else "pass",
        least_movement=20.0,
        inputs=256,
        seeds=[3],
        cases=41,
        left_out=left_out,
        defects=list(defects),
        absent={"wrong padding": [3]},
    )


def of(*rows: SelfTest, exit_code: int = 1) -> Document:
    return document("check", exit_code, self_tests=list(rows))


MISSED = of(
    tried(
        defect("weight bit"),
        defect("lost bias", found=False),
        defect("clamped range", counted=False, found=False),
    )
)


def test_what_was_missed_is_an_error_with_its_place_and_its_size() -> None:
    shown = format_document(MISSED, 120)
    assert "error missed (lost bias; seed 3): lost bias of layer one" in shown
    assert "812 times the noise" in shown


def test_what_does_not_count_is_a_note() -> None:
    assert "note uncounted (clamped range; seed 3)" in format_document(MISSED, 120)


def test_the_last_line_says_how_many_were_found() -> None:
    last = format_document(MISSED, 120).splitlines()[-1].replace("\N{NO-BREAK SPACE}", " ")
    assert last.strip() == "1 of 2 planted defects found · exit 1: a check said no"


def test_kinds_are_counted_over_all_models() -> None:
    shown = format_document(
        of(tried(defect("weight bit")), tried(defect("weight bit"), model="vae"), exit_code=0), 120
    )
    row = next(line for line in shown.splitlines() if line.startswith("weight bit"))
    assert row.split()[2:] == ["2", "2", "2", "0", "0"]
    absent = next(line for line in shown.splitlines() if line.startswith("wrong padding"))
    assert absent.split()[2:] == ["0", "0", "0", "0", "2"]


def test_cases_that_did_not_run_are_told() -> None:
    assert "left-out" not in format_document(MISSED, 120)
    shown = format_document(of(tried(defect("weight bit"), left_out=9)), 120)
    assert "note left-out: 9 of 50 planned cases did not run" in shown


def test_markdown_has_both_tables() -> None:
    shown = format_markdown(MISSED)
    assert "| lenet5 | onnx | fail | 41 | 3 | 2 | 1 | 1 |" in shown
    assert "### by kind of defect" in shown


def test_a_document_with_a_self_test_comes_back_from_json() -> None:
    again = Document.model_validate_json(to_json(MISSED))
    assert again.self_tests == MISSED.self_tests
    assert '"missed"' not in to_json(MISSED)
    assert '"found": 1' in to_json(MISSED)

"""The stage that broke a form stands beside the finding."""

from __future__ import annotations

from tests.report.examples import check
from toolkit.report.findings import check_remarks
from toolkit.results import CheckResult, Finding, StageScore


def staged(status: str, optimised: float) -> CheckResult:
    verdict = "pass" if status == "pass" else "fail"
    return check(
        "onnx",
        optimised,
        status=status,
        findings=[
            Finding(name="value", severity="error", message="is off", stage="optimisation")
            for _ in range(status == "fail")
        ],
        stages=[
            StageScore(stage="capture", status="pass", score=1.0, cases=1),
            StageScore(stage="conversion", status="pass", score=1.2, cases=29),
            StageScore(stage="optimisation", status=verdict, score=optimised, cases=29),  # type: ignore[arg-type]
        ],
    )


def test_a_form_that_fails_is_told_with_the_score_of_every_stage() -> None:
    remarks = check_remarks([staged("fail", 8120.0)])
    (told,) = [one.message for one in remarks if one.name == "stages"]
    assert told == "score by stage: capture 1.0, conversion 1.2, optimisation 8,120 (fail)"


def test_the_finding_names_the_stage_that_broke_it() -> None:
    (value,) = [one for one in check_remarks([staged("fail", 8120.0)]) if one.name == "value"]
    assert value.where == ("onnx", "stage optimisation")


def test_of_a_form_that_passes_nothing_is_told() -> None:
    assert check_remarks([staged("pass", 1.3)]) == []

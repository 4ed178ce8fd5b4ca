"""What the terminal and Markdown say of a run against a saved one."""

from __future__ import annotations

from collections.abc import Mapping

from tests.baselines.recorded import USUAL, changed, run, table
from toolkit.baselines import judged
from toolkit.report.baseline import baseline_sections
from toolkit.report.markdown import format_sections
from toolkit.report.sheet import Section
from toolkit.results import Against, Comparison, Document, to_json
from toolkit.results.document import Document as Parsed

THEN = run(table({**USUAL, "pt2": 230.0}))


def now(held: Comparison, machine: Mapping[str, object] | None = None) -> Document:
    return run(held, machine=machine)


def section(against: Against) -> Section:
    (found,) = baseline_sections(against)
    return found


def shown(against: Against) -> str:
    return format_sections([section(against)])


SLOWER = now(
    table(
        {"eager": 232.0, "onnx": 22.0 * 1.2, "trace": 170.0, "script": 160.0},
        seed=1,
        rows=changed("onnx", "trace"),
    )
)


def test_every_case_has_a_row_with_its_change_and_its_verdict() -> None:
    found = section(judged(THEN, SLOWER, "main", 0.05))
    assert found.heading == "against main"
    assert found.sheet is not None
    rows = {row[1].text: [cell.text for cell in row] for row in found.sheet.rows}
    assert list(rows) == ["eager", "onnx", "trace", "pt2", "script"]
    assert rows["onnx"][2].startswith("+20.")
    assert rows["onnx"][3:] == ["ratio to eager", "1.2", "1.2", "speed drift"]
    assert rows["eager"][-1] == "yardstick"


def test_commits_stand_there_where_they_differ() -> None:
    later = SLOWER.model_copy(update={"commit": "fedcba9876543210+"})
    then = THEN.model_copy(update={"commit": "0123456789abcdef"})
    told = "commit 0123456789ab then, fedcba987654 with changes now"
    assert told in shown(judged(then, later, "main"))
    assert "toolkit 012" not in shown(judged(then, later, "main"))
    assert "then," not in section(judged(THEN, SLOWER, "main")).caption[-1]
    moved = SLOWER.model_copy(update={"toolkit_commit": None})
    assert "toolkit 0123456789ab then, not told now" in shown(judged(THEN, moved, "main"))


def test_failures_are_errors_and_come_first() -> None:
    remarks = section(judged(THEN, SLOWER, "main", 0.05)).remarks
    assert [(one.level, one.name) for one in remarks] == [
        ("error", "speed drift"),
        ("error", "missing"),
        ("note", "new"),
    ]


def test_without_a_gate_a_missing_case_is_an_error_and_speed_is_not() -> None:
    found = section(judged(THEN, SLOWER, "main"))
    levels = {one.name: one.level for one in found.remarks}
    assert levels == {"speed drift": "note", "missing": "error", "new": "note"}
    assert "decides no exit code" in found.caption[0]


def test_cases_that_cannot_be_told_for_one_reason_share_a_line() -> None:
    noisy = now(table({**USUAL, "pt2": 230.0}, rows=changed("onnx", "trace", "pt2"), aa_band=0.2))
    (remark,) = section(judged(THEN, noisy, "main", 0.05)).remarks
    assert (remark.level, remark.name, len(remark.where)) == ("error", "cannot tell", 3)
    assert remark.message == "in this run identical code was seen 20 % apart"


def test_conditions_that_were_passed_over_are_told() -> None:
    other = now(table({**USUAL, "pt2": 230.0}, seed=3), machine={"torch": "2.15.0"})
    assert "torch: 2.13.0 then, 2.15.0 now" in shown(judged(THEN, other, "main"))


def test_what_other_conditions_hide_side_by_side_is_told() -> None:
    other = now(
        table({**USUAL, "pt2": 230.0}, seed=3, rows=changed("onnx"), again_us={"onnx": 22.0}),
        machine={"onnxruntime": "1.32.0"},
    )
    assert "what these cost old and new alike cannot be seen" in shown(judged(THEN, other, "main"))


def test_the_blind_spot_of_ratios_is_told() -> None:
    assert "held against lenet5 eager, then and now" in shown(judged(THEN, SLOWER, "main"))
    beside = now(
        table({**USUAL, "pt2": 230.0}, seed=4, rows=changed("onnx"), again_us={"onnx": 22.0})
    )
    assert "cannot be seen" not in shown(judged(THEN, beside, "main"))


def test_verdicts_survive_the_results_file() -> None:
    against = judged(THEN, SLOWER, "main", 0.05)
    document = SLOWER.model_copy(update={"against": against})
    again = Parsed.model_validate_json(to_json(document))
    assert again.against == against
    assert again.against is not None
    assert again.against.exit_code == 1


def test_a_run_that_was_held_against_nothing_shows_nothing() -> None:
    assert baseline_sections(None) == []

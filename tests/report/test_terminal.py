"""What a user sees: readable at any width, in any encoding, without colour."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from rich.console import Console

from tests.report.examples import (
    DOCUMENTS,
    ENVIRONMENT,
    bare_model,
    check,
    comparison,
    crashed_run,
    document,
    failing_check,
    form,
    good_run,
    limited_run,
    noisy_bench,
    refused,
    trained,
    trained_model,
    variant,
)
from toolkit.report.grid import Grid
from toolkit.report.sections import sections
from toolkit.report.sheet import Column, Sheet, whole
from toolkit.report.terminal import LOG_WIDTH, console_for, display, format_document, show
from toolkit.results import (
    Checked,
    CheckResult,
    Document,
    ExportedModel,
    ExportedPart,
    Finding,
    Metric,
)

TIMES = "\N{MULTIPLICATION SIGN}"


def line_with(text: str, shown: str) -> str:
    found = [line for line in shown.splitlines() if text in line]
    assert found, f"{text!r} is not in\n{shown}"
    return found[0]


def encoded(shown: Document, encoding: str) -> bytes:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="strict", newline="\n")
    display(shown, Console(file=stream, width=80, color_system=None))
    stream.flush()
    return raw.getvalue()


@pytest.mark.parametrize("width", [50, 80, 120, 200])
@pytest.mark.parametrize("made", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_nothing_but_commands_and_notes_is_wider_than_the_console(
    made: Callable[[], Document], width: int
) -> None:
    lines = format_document(made(), width).splitlines()
    wide = [line for line in lines if len(line) > width]
    assert all(re.match(r"  reproduce: |command: |note ", line) for line in wide)


def squeezed(text: str) -> str:
    return re.sub(r"[\s-]", "", text)


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("made", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_folding_a_table_loses_no_character(made: Callable[[], Document], width: int) -> None:
    wide, narrow = format_document(made(), 1000), format_document(made(), width)
    assert sorted(squeezed(narrow)) == sorted(squeezed(wide))


@pytest.mark.parametrize("made", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_a_table_that_does_not_fit_becomes_paragraphs_with_every_cell(
    made: Callable[[], Document],
) -> None:
    shown = squeezed(format_document(made(), 30))
    sheets = [section.sheet for section in sections(made()) if section.sheet]
    cells = [cell.text for sheet in sheets for row in sheet.rows for cell in row]
    assert not [text for text in cells if squeezed(text) not in shown]


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "utf-8"])
@pytest.mark.parametrize("made", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_every_document_can_be_written_in_every_encoding(
    made: Callable[[], Document], encoding: str
) -> None:
    assert encoded(made(), encoding).decode(encoding).strip()


def test_ascii_shows_the_symbols_in_words() -> None:
    shown = encoded(good_run(), "ascii").decode("ascii")
    assert "22.1 us" in shown
    assert "10.5x" in shown
    assert "~1 [0.990, 1.03]" in shown
    assert "12 rounds x 1 set" in shown


def test_a_good_run_shows_each_form_in_one_row() -> None:
    shown = format_document(good_run(), 120)
    onnx = line_with("onnx  ", shown)
    for part in ("254 kB", "410 ms", "1.2", "22.1 µs [21.8, 22.5]", f"10.5{TIMES} [10.3, 10.7]"):
        assert part in onnx
    assert onnx.endswith("pass · faster")
    assert "≈1 [0.990, 1.03]" in line_with("pt2  ", shown)
    assert line_with("eager  ", shown).endswith("baseline")


def test_the_caption_dates_the_figures() -> None:
    shown = " ".join(format_document(good_run(), 80).split())
    for part in (
        ENVIRONMENT.cpu,
        "2 cores",
        "1 thread",
        "load 0.31 → 1.02",
        "torch 2.13.0",
        "seed 0",
        f"12 rounds {TIMES} 1 set",
        "A/A band ±1.24 %",
        "within one process",
        "weights trained, seed 0, sha256 3f7a9c0e5b1d",
        "command: toolkit run lenet5",
        "passes up to 30",
    ):
        assert part in shown


def test_the_last_line_says_what_passed_and_what_the_exit_code_means() -> None:
    last = format_document(failing_check(), 120).splitlines()[-1]
    assert last == "4 checks: 2 passed, 2 failed · exit 1: a check said no"


def test_errors_come_before_notes_with_the_command_that_reproduces_them() -> None:
    lines = format_document(failing_check(), 120).splitlines()
    heads = [line.split()[0] for line in lines if line.startswith(("error ", "note "))]
    assert heads == ["error", "error", "note"]
    error = next(index for index, line in enumerate(lines) if line.startswith("error value"))
    assert "stage conversion; module head" in lines[error]
    assert lines[error + 1].startswith("  reproduce: toolkit check exported/lenet5 --case")


def test_a_command_is_never_broken_over_lines() -> None:
    shown = format_document(failing_check(), 40)
    assert (
        "toolkit check faulty.py:Branch --input x=batch,8 --case cases/branch-batch-5.npz" in shown
    )


def test_a_note_that_two_forms_share_stands_once() -> None:
    shown = format_document(failing_check(), 120)
    assert shown.count("Converting a tensor") == 1
    assert "note warning (trace, script):" in shown


def test_a_note_is_cut_on_a_terminal_only() -> None:
    file = io.StringIO()
    display(failing_check(), Console(file=file, width=60, force_terminal=True, color_system=None))
    note = line_with("note warning", file.getvalue())
    assert len(note) <= 60
    assert note.endswith("…")
    assert "might cause the trace to be incorrect" in format_document(failing_check(), 60)


def test_findings_of_several_models_name_their_model() -> None:
    results = [
        bare_model("a.py:A", "fail", Finding(name="value", severity="error", message="wrong")),
        bare_model("b.py:B", "crash"),
    ]
    shown = format_document(document("check", 1, results=results), 100)
    assert "error value (a.py:A onnx): wrong" in shown
    assert "error crash (b.py:B onnx): the process that ran it died" in shown


@pytest.mark.parametrize(
    "status", ["fail", "error", "timeout", "crash", "out-of-memory", "refused"]
)
def test_a_status_without_a_finding_still_has_its_reason(status: str) -> None:
    shown = format_document(document("check", 4, results=[bare_model("m", status)]), 100)
    assert re.search(r"^error.*\(?onnx\)?.*: \w+", shown, re.MULTILINE)


def test_a_limit_stands_once_with_the_exporters_reason() -> None:
    shown = format_document(limited_run(), 200)
    assert shown.count("limit export (script): torch.jit cannot compile") == 1
    assert "it is a known limit" not in shown
    assert not re.search("^error", shown, re.MULTILINE)


def test_a_limit_of_a_check_is_not_called_an_error() -> None:
    finding = Finding(name="limit", severity="note", message="time is specialised")
    result = check("pt2", None, status="limit", findings=[finding])
    shown = format_document(document("check", 4, results=[result]), 100)
    assert "limit (pt2): time is specialised" in shown
    assert not re.search("^error", shown, re.MULTILINE)


def test_a_crash_a_timeout_and_a_model_that_cannot_be_built_have_rows_and_reasons() -> None:
    shown = format_document(crashed_run(), 120)
    assert line_with("onnx  ", shown).endswith("crash")
    assert line_with("trace  ", shown).endswith("timeout")
    assert line_with("pt2  ", shown).endswith("error")
    assert "broken.py:Net" in shown
    assert "error crash (onnx): onnxruntime died of signal 11" in shown
    assert "  in forward, line 12" in shown
    assert "exit 4: something could not be judged" in " ".join(shown.split())


def test_a_noisy_machine_claims_nothing() -> None:
    shown = format_document(noisy_bench(), 120)
    onnx = line_with("onnx  ", shown)
    assert onnx.endswith("noisy")
    assert f"8.13{TIMES}" not in shown
    assert "[7.97, 8.29]" in onnx
    assert "too noisy to claim a difference" in shown
    assert "note not timed (pt2): fails parity" in shown


def test_variants_that_differ_in_batch_have_a_column_for_it() -> None:
    timed = comparison(
        variant("eager", 200.0, 1.0),
        variant("onnx", 20.0, 10.0),
        variant("onnx", 90.0, 9.0, batch=8),
    )
    shown = format_document(document("bench", comparisons=[timed]), 120)
    assert "batch" in line_with("p50", shown)
    assert "cpu · float32 · 1 thread" in shown


def test_rows_of_two_batches_are_told_apart_in_a_run() -> None:
    run = good_run()
    timed = comparison(variant("onnx", 20.0, 10.0), variant("onnx", 90.0, 9.0, batch=8))
    assert run.bench
    run = run.model_copy(update={"bench": run.bench.model_copy(update={"comparisons": [timed]})})
    shown = format_document(run, 140)
    assert "onnx batch 1" in shown
    assert "onnx batch 8" in shown


def test_reused_weights_and_a_missed_floor_are_said() -> None:
    shown = format_document(trained(), 120)
    assert line_with("lenet5", shown).endswith("met · reused")
    assert line_with("mlp_784", shown).endswith("missed")
    assert "1 floor met, 1 floor missed" in shown


def test_a_refused_command_shows_the_hint_and_no_table() -> None:
    shown = format_document(refused(), 80)
    assert shown.startswith("error missing: no CUDA device\nhint: `toolkit doctor`")
    assert "exit 3: refused, or the environment lacks something" in shown


def hostile() -> CheckResult:
    return check(
        "onnx",
        None,
        model="[bold]m[/bold]:x",
        status="fail",
        findings=[
            Finding(name="value", severity="error", message="\x1b[2J[/red][link=x]y :smile:")
        ],
    )


def test_untrusted_text_is_neither_markup_nor_an_escape_sequence() -> None:
    shown = format_document(document("check", 1, results=[hostile()]), 120)
    assert "[bold]m[/bold]:x" in shown
    assert "\\x1b[2J[/red][link=x]y :smile:" in shown
    assert "\x1b" not in shown


def test_without_colour_there_are_no_escape_sequences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    file = io.StringIO()
    display(good_run(), console_for(file))
    assert "\x1b" not in file.getvalue()


def test_colour_is_only_added_to_words_that_are_there_anyway() -> None:
    file = io.StringIO()
    display(good_run(), Console(file=file, width=80, force_terminal=True, color_system="standard"))
    plain = re.sub(r"\x1b\[[0-9;]*m", "", file.getvalue())
    assert [line.rstrip() for line in plain.splitlines()] == format_document(
        good_run(), 80
    ).splitlines()


def test_the_columns_environment_variable_sets_the_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "66")
    assert console_for(io.StringIO()).width == 66


def test_a_narrow_console_leaves_spare_columns_out_and_names_them() -> None:
    columns = (Column("name"), Column("p50", "right"), Column("size", "right", spare=1))
    sheet = Sheet(columns, [[whole("onnx"), whole("43.7 µs"), whole("251,000,000,000 kB")]])
    assert drawn(sheet, 60).splitlines()[0].split() == ["name", "p50", "size"]
    narrow = drawn(sheet, 20)
    assert narrow.splitlines()[0].split() == ["name", "p50"]
    assert "43.7 µs" in narrow
    assert "not shown at" in narrow
    assert "251,000" not in narrow


def drawn(sheet: Sheet, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    with console.capture() as capture:
        show([Grid(sheet)], console)
    return capture.get()


def test_models_of_a_sweep_that_were_not_timed_share_one_table() -> None:
    names = [f"layer_{number}" for number in range(4)]
    results = [check(form, model=name) for name in names for form in ("onnx", "pt2")]
    shown = format_document(document("run", check=Checked(results=results)), 120)
    assert shown.count("checked, not timed") == 1
    assert [line.split()[:2] for line in shown.splitlines() if line.startswith("layer_")] == [
        [name, form] for name in names for form in ("onnx", "pt2")
    ]


def test_what_all_forms_of_a_model_share_is_said_once() -> None:
    shared = Finding(name="batch-dependence", severity="note", message="the batch is summed")
    results = [
        check(form, model=model, findings=[shared])
        for model in ("mse", "l1")
        for form in ("onnx", "pt2")
    ]
    shown = format_document(document("check", results=results), 120)
    assert "(mse onnx, pt2, l1 onnx, pt2): the batch is summed" in shown


def test_a_training_shows_the_accuracy_of_every_class_and_a_dash_without_samples() -> None:
    per_class = {"cat": 0.5, "dog": 1.0, "owl": None}
    shown = format_document(document("train", models=[trained_model(per_class=per_class)]), 100)
    heads, values = (line_with(word, shown).split() for word in ("cat", "50.0"))
    assert heads == ["model", "cat", "dog", "owl"]
    assert values == ["lenet5", "50.0", "100.0", "\N{EN DASH}"]


def test_a_training_over_many_classes_lists_them_below_each_other() -> None:
    per_class = {f"class {number}": number / 20 for number in range(20)}
    shown = format_document(document("train", models=[trained_model(per_class=per_class)]), 100)
    assert line_with("class 19", shown).split() == ["class", "19", "95.0"]


def test_a_training_that_promises_nothing_is_not_called_met() -> None:
    metric = Metric(name="accuracy", value=0.4, floor=None)
    shown = format_document(document("train", models=[trained_model(metric=metric)]), 100)
    assert line_with("accuracy 0.400", shown).endswith("no floor")
    assert "1 trained without a floor" in shown
    assert "floor met" not in shown


def test_a_run_tells_what_is_said_of_a_bundle_and_what_checks_say_too_only_once() -> None:
    twin = Finding(name="twin", severity="note", message="exported from a twin: a scatter")
    exported = ExportedModel(
        name="lenet5",
        bundle="exported/lenet5",
        forms=[form("onnx")],
        notes=["twin (onnx): a scatter", "weights: conv1.weight holds values that are not finite"],
    )
    shown = format_document(
        document(
            "run",
            export=ExportedPart(models=[exported]),
            check=Checked(results=[check("onnx", findings=[twin])]),
        ),
        200,
    )
    assert shown.count("a scatter") == 1
    assert shown.count("not finite") == 1


def test_what_is_no_terminal_gets_the_width_of_a_log_unless_columns_says_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert console_for(io.StringIO()).width == LOG_WIDTH
    monkeypatch.setenv("COLUMNS", "60")
    assert console_for(io.StringIO()).width == 60

"""Many models in children: what fails is a row, the rest go on, and the exit code says it."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import pytest

from toolkit import results
from toolkit.isolation import Limits
from toolkit.options import BenchOptions, CheckOptions, ExportOptions
from toolkit.outcome import PRECEDENCE, Failure
from toolkit.sweep import Stages, Sweep
from toolkit.words import ModelWords

STRANGERS = Path(__file__).parent / "strangers" / "networks.py"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(STRANGERS, tmp_path / "networks.py")
    monkeypatch.chdir(tmp_path)


def words(name: str) -> ModelWords:
    return ModelWords(f"networks.py:{name}", ("x=batch,8",))


def row(status: results.CheckStatus) -> results.CheckResult:
    return results.CheckResult(
        model="m",
        format="onnx",
        runtime="onnxruntime",
        device="cpu",
        status=status,
        score=None,
        noise_source=None,
        cases=0,
    )


CODES: list[tuple[results.CheckStatus, int]] = [
    ("pass", 0),
    ("fail", 1),
    ("refused", 3),
    ("error", 4),
    ("timeout", 4),
    ("crash", 4),
    ("out-of-memory", 4),
]


@pytest.mark.parametrize(("status", "code"), CODES)
def test_a_status_means_an_exit_code(status: results.CheckStatus, code: int) -> None:
    assert Sweep(checked=[row(status)]).exit_code() == code


def test_of_several_codes_the_precedence_counts() -> None:
    for (one, first), (two, second) in itertools.combinations(CODES, 2):
        expected = min(first, second, key=PRECEDENCE.index)
        assert Sweep(checked=[row(one), row(two)]).exit_code() == expected
    usage = Failure("m", "check", 2, "no")
    assert Sweep(checked=[row("fail")], failures=[usage]).exit_code() == 2
    assert Sweep(checked=[row("fail")], failures=[usage], interrupted=130).exit_code() == 130


def test_limits_beside_a_pass_are_good_and_limits_alone_are_not() -> None:
    assert Sweep(checked=[row("limit"), row("pass")]).exit_code() == 0
    assert Sweep(checked=[row("limit"), row("limit")]).exit_code() == 4


def test_a_form_that_ends_the_process_is_a_row_and_the_others_go_on() -> None:
    sweep = Sweep()
    rows = sweep.check(words("AbortingWhenTraced"), CheckOptions(("pt2", "trace", "script")))
    assert [(one.format, one.status) for one in rows] == [
        ("pt2", "pass"),
        ("trace", "crash"),
        ("script", "error"),  # named, and TorchScript knows no os.abort
    ]
    assert sweep.checked == rows
    assert sweep.exit_code() == 4


def test_a_form_that_hangs_is_a_row_and_the_others_go_on() -> None:
    sweep = Sweep(limits=Limits(timeout_s=4))
    rows = sweep.check(words("LoopingWhenScripted"), CheckOptions(("script", "trace")))
    assert [(one.format, one.status) for one in rows] == [("script", "timeout"), ("trace", "pass")]


@pytest.mark.parametrize(
    ("name", "status"), [("Raising", "error"), ("Leaving", "error"), ("Aborting", "crash")]
)
def test_a_model_that_cannot_be_built_has_one_row_without_a_format(
    name: str, status: results.CheckStatus
) -> None:
    sweep = Sweep()
    (only,) = sweep.check(words(name), CheckOptions())
    assert (only.format, only.status) == (None, status)
    assert only.model == f"networks.py:{name}"
    assert sweep.exit_code() == 4


def test_a_model_that_cannot_be_built_has_its_row_in_a_whole_run_too() -> None:
    sweep = Sweep()
    Path("broken.py").write_text("1 / 0\n")
    stages = Stages(ExportOptions(), CheckOptions(), BenchOptions())
    sweep.whole_way(ModelWords("broken.py:Net", ("x=1",)), stages)
    (only,) = sweep.checked
    assert (only.model, only.format, only.status) == ("broken.py:Net", None, "error")


@pytest.mark.parametrize("source", ["1 / 0\n", "import os\nos.abort()\n", "raise SystemExit(0)\n"])
def test_a_file_that_breaks_on_import_is_left_for_its_own_row(source: str) -> None:
    Path("broken.py").write_text(source)
    sweep = Sweep()
    asked = [ModelWords("broken.py:Net", ("x=batch,8",)), words("Plain")]
    found = sweep.resolve(asked, everything=False)
    assert found == asked
    for each in found:
        sweep.check(each, CheckOptions(("trace",)))
    assert [one.format for one in sweep.checked] == [None, "trace"]
    assert sweep.exit_code() == 4


def test_rows_are_saved_as_they_come() -> None:
    sweep = Sweep()
    counts: list[int] = []
    sweep.saved = lambda: counts.append(len(sweep.checked))
    sweep.check(words("Plain"), CheckOptions(("trace", "script")))
    assert counts == [1, 2]


def test_a_form_whose_export_ends_the_process_is_left_out_of_the_bundle_and_said() -> None:
    sweep = Sweep()
    options = ExportOptions(("trace", "pt2"), Path("out"))
    made = sweep.export(words("AbortingWhenTraced"), options)
    assert made is not None
    assert [(form.format, form.status) for form in made.forms] == [
        ("trace", "error"),
        ("pt2", "ok"),
    ]
    assert "SIGABRT" in made.forms[0].message
    assert sweep.exit_code() == 4
    assert not list(Path("out").glob(".*"))


def test_a_form_that_a_bundle_does_not_hold_is_refused_and_never_passed() -> None:
    sweep = Sweep()
    made = sweep.export(words("Plain"), ExportOptions(("trace",), Path("out")))
    assert made is not None
    bundle = ModelWords(str(made.bundle))
    (only,) = sweep.check(bundle, CheckOptions(("script",)))
    assert (only.format, only.status) == ("script", "refused")
    assert sweep.exit_code() == 3
    assert [one.format for one in Sweep().check(bundle, CheckOptions())] == ["trace"]


def test_a_model_without_a_plan_is_not_trained_and_says_so() -> None:
    sweep = Sweep()
    assert not sweep.train(words("Plain"))
    assert sweep.failures[0].message == "it has no training plan"
    assert sweep.exit_code() == 2

"""What a command tells GitHub: annotations on a stream, a report in the step's summary."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.report.examples import bare_model, check, document, failing_check
from tests.report.workflow import commands_in, failing, finding, sweep_of
from toolkit.cli import main
from toolkit.cli.github import announce, display
from toolkit.outcome import Failure
from toolkit.report.github import LONGEST_MESSAGE_BYTES
from toolkit.report.markdown import escape
from toolkit.report.step_summary import LARGEST_SUMMARY_BYTES, format_summary
from toolkit.report.terminal import console_for
from toolkit.results import Document
from toolkit.words import ModelWords


def many(count: int, width: int = 0) -> Document:
    names = [f"net{place}{'x' * width}" for place in range(count)]
    return document("check", results=[check("onnx", model=name) for name in names])


def test_annotations_are_printed_and_the_report_is_appended(
    actions: Path, summary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary.write_text("of an earlier command", encoding="utf-8")
    shown = failing(finding("wrong"), model="nets/net.py:Net")
    announce(shown, sweep_of(), json=False)
    ((level, properties, message),) = commands_in(capsys.readouterr().out)
    assert (level, message) == ("error", "wrong")
    assert (properties["file"], properties["line"]) == ("nets/net.py", "5")
    assert summary.read_text(encoding="utf-8").startswith(
        "of an earlier command\n### parity\n\n| model |"
    )


def test_with_json_annotations_go_to_stderr(
    actions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    announce(failing(finding("wrong")), sweep_of(), json=True)
    told = capsys.readouterr()
    assert told.out == ""
    assert len(list(commands_in(told.err))) == 1


def test_an_entry_of_the_settings_and_an_absolute_path_find_their_files(
    actions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = ModelWords("nets.net:Net", entry="covers")
    absolute = ModelWords(f"{actions}/nets/net.py:build")
    rows = [bare_model(name, "fail", finding("wrong")) for name in ("covers", "net.py:build")]
    announce(document("check", 1, results=rows), sweep_of(entry, absolute), json=False)
    places = [(told["file"], told["line"]) for _, told, _ in commands_in(capsys.readouterr().out)]
    assert places == [("nets/net.py", "5"), ("nets/net.py", "14")]


def test_a_failure_without_a_row_is_annotated(
    actions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = "building it raised E: no (net.py, line 8)"
    failure = Failure("nets/net.py:Net", "export", 4, message, "build", "mend it")
    word = ModelWords("nets/net.py:Net")
    announce(document("run", 4), sweep_of(word, failures=(failure,)), json=False)
    ((level, properties, told),) = commands_in(capsys.readouterr().out)
    assert (level, told) == ("error", f"{message}\nmend it")
    assert properties == {
        "file": "nets/net.py",
        "line": "8",
        "title": "toolkit run: build (nets/net.py:Net: export)",
    }


def test_nothing_is_said_where_github_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    announce(failing(finding("wrong")), sweep_of(), json=False)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("in_actions", ["true", "false"])
def test_a_summary_that_cannot_be_written_is_a_warning(
    actions: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    in_actions: str,
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", in_actions)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(actions))
    announce(document("check", results=[check("onnx")]), sweep_of(), json=False)
    told = capsys.readouterr()
    said = "the step summary was not written: Is a directory"
    assert said in (told.out if in_actions == "true" else told.err)


def test_a_full_summary_is_left_alone(
    actions: Path, summary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary.write_bytes(b"x" * (LARGEST_SUMMARY_BYTES - 10))
    announce(document("check", results=[check("onnx")]), sweep_of(), json=False)
    assert summary.stat().st_size == LARGEST_SUMMARY_BYTES - 10
    assert "no room left" in capsys.readouterr().out


@pytest.mark.parametrize("there", [0, 1_000, LARGEST_SUMMARY_BYTES // 2])
def test_a_summary_never_exceeds_what_github_takes(
    actions: Path, summary: Path, there: int
) -> None:
    summary.write_bytes(b"x" * there)
    announce(many(600, 3_000), sweep_of(), json=False)
    text = summary.read_text(encoding="utf-8")
    assert LARGEST_SUMMARY_BYTES - 4_000 < len(text.encode()) <= LARGEST_SUMMARY_BYTES
    assert "lines left out: a step summary holds 1 MiB; `toolkit report` shows all." in text
    assert "600 checks: 600 passed" in text.splitlines()[-1]


def test_a_summary_is_cut_between_rows() -> None:
    whole = format_summary(many(100)).splitlines()
    text = format_summary(many(100), 3_000)
    kept, _, rest = text.partition("\n\n**")
    assert kept.splitlines() == whole[: len(kept.splitlines())]
    left_out = int(re.match(r"(\d+) lines left out", rest)[1])  # type: ignore[index]
    assert left_out == len(whole) - len(kept.splitlines())
    assert "100 checks: 100 passed" in rest
    assert len(text.encode()) <= 3_000


def test_a_summary_without_room_is_empty() -> None:
    assert format_summary(many(1), 100) == ""
    assert format_summary(many(1), -5) == ""


def test_one_endless_message_leaves_the_rest_of_a_summary() -> None:
    text = format_summary(
        failing(finding("m" * 2_000_000), finding("second"), model="n" * 2_000_000)
    )
    assert len(text) < 10 * LONGEST_MESSAGE_BYTES
    assert "second" in text


def test_a_summary_calls_nobody_and_holds_no_markup() -> None:
    text = format_summary(
        failing(finding("@team <img src=x> a|b `c` [d](e)\n# f"), model="@org/team")
    )
    assert not re.search(r"(?<![\w;])@\w", text)
    assert "\\<img src=x\\> a\\|b \\`c\\` \\[d\\](e) \\# f" in text


def test_signs_that_call_nobody_stay() -> None:
    assert escape("a@b.c, 2 @ 3 GHz") == "a@b.c, 2 @ 3 GHz"


def test_the_report_is_no_command_whatever_it_holds(
    actions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    display(failing(finding("a\n::add-mask::b"), model="##[add-mask]c"), console_for())
    first, *others = capsys.readouterr().out.splitlines()
    token = re.fullmatch(r"::stop-commands::(\w{32})", first)
    assert token is not None
    assert others[-1] == f"::{token[1]}::"
    assert any(line.strip().startswith("::add-mask::") for line in others[:-1])


def test_a_plain_report_is_printed_as_it_is(
    actions: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    display(failing_check(), console_for())
    inside = capsys.readouterr().out
    monkeypatch.delenv("GITHUB_ACTIONS")
    display(failing_check(), console_for())
    assert inside == capsys.readouterr().out
    assert "::" not in inside


def test_a_wrong_word_is_annotated_and_json_stays_alone(
    actions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "lenet6"]) == 2
    ((level, properties, message),) = commands_in(capsys.readouterr().out)
    assert (level, properties) == ("error", {"title": "toolkit check: model-not-found"})
    assert "lenet5" in message
    assert main(["check", "lenet6", "--json"]) == 2
    told = capsys.readouterr()
    assert json.loads(told.out)["exit_code"] == 2
    assert len(list(commands_in(told.err))) == 1

"""Annotations, as GitHub's runner reads them."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.report.examples import (
    LIMIT,
    bare_model,
    check,
    crashed_run,
    document,
    failing_check,
    good_run,
    limited_run,
    noisy_bench,
    refused,
)
from tests.report.workflow import failing, finding, read
from toolkit.report.github import (
    LONGEST_MESSAGE_BYTES,
    LONGEST_TITLE_BYTES,
    Annotation,
    annotated,
    command,
    format_commands,
)
from toolkit.report.places import Place

HOSTILE = "a\n::add-mask::b\r%0A ##[group]c, d: e\x00\x1b[2J\u2028::error::\ud800]]>"


def test_an_error_tells_model_form_and_how_to_repeat_it() -> None:
    first, second, third = annotated(failing_check(), {})
    assert (first.level, second.level, third.level) == ("error", "error", "warning")
    assert first.title == "toolkit check: value (faulty.py:Branch: onnx)"
    assert "score 1,882 over the limit 30\nstage conversion; module head\n" in first.message
    assert first.message.endswith(
        "reproduce: toolkit check exported/lenet5 --case cases/lenet5-onnx-value.npz"
    )
    assert second.message.startswith("dimension batch: computes wrongly at 5 (traced at 2)\n")


def test_what_several_forms_share_is_said_once() -> None:
    warning = annotated(failing_check(), {})[-1]
    assert warning.title == "toolkit check: warning (faulty.py:Branch: trace, script)"
    results = [
        check(
            name,
            None,
            status="fail",
            findings=[finding("wrong").model_copy(update={"reproduce": name})],
        )
        for name in ("onnx", "pt2")
    ]
    (found,) = annotated(document("check", 1, results=results), {})
    assert found.title == "toolkit check: value (lenet5: onnx, pt2)"
    assert found.message == "wrong\nreproduce: onnx"


def test_a_model_that_passes_says_no_notes() -> None:
    note = finding("ill-conditioned", "note", "ill-conditioned")
    assert annotated(document("check", results=[check("onnx", findings=[note])]), {}) == []
    assert annotated(good_run(), {}) == []
    levels = [one.level for one in annotated(failing(finding("wrong"), note), {})]
    assert levels == ["error", "notice"]


def test_a_limit_is_a_notice() -> None:
    (found,) = annotated(limited_run(), {})
    assert (found.level, found.title) == ("notice", "toolkit run: limit (lenet5: script)")
    row = bare_model("net.py:Net", "limit", finding(LIMIT, name="limit"))
    (found,) = annotated(document("check", 4, results=[row]), {})[1:]
    assert (found.level, found.message) == ("notice", LIMIT)


def test_what_gave_no_verdict_is_an_error() -> None:
    found = {one.title for one in annotated(crashed_run(), {}) if one.level == "error"}
    assert found == {
        "toolkit run: export (lenet5: pt2)",
        "toolkit run: crash (lenet5: onnx)",
        "toolkit run: timeout (lenet5: trace)",
        "toolkit run: error (broken.py:Net)",
    }


def test_a_command_that_could_not_work_is_an_error() -> None:
    (found,) = annotated(refused(), {})
    assert found.title == "toolkit bench: missing"
    assert "hint: `toolkit doctor` says what is here" in found.message


def test_a_failure_with_its_hint_stands_for_the_row_that_says_the_same() -> None:
    failure = Annotation("error", "build", "no such file\nname another", "net.py:Net")
    rows = failing(finding("no such file"), finding("another thing"))
    assert [one.message for one in annotated(rows, {}, [failure])] == [
        "no such file\nname another",
        "another thing",
    ]


def test_a_machine_that_is_too_noisy_is_a_warning() -> None:
    (found,) = annotated(noisy_bench(), {})
    assert found.level == "warning"
    assert "±18.3 %" in found.message


def test_values_are_escaped_as_the_runner_reads_them() -> None:
    line = command(
        Annotation("error", "a: b, 100%", "50%\nc: d, e", "m", Place(Path("a,b:c.py"), 3))
    )
    assert line == "::error file=a%2Cb%3Ac.py,line=3,title=a%3A b%2C 100%25::50%25%0Ac: d, e"
    assert read(line) == (
        "error",
        {"file": "a,b:c.py", "line": "3", "title": "a: b, 100%"},
        "50%\nc: d, e",
    )


@given(st.text(alphabet=st.characters(codec=None)), st.text(alphabet=st.characters(codec=None)))
def test_any_text_stays_one_command(model: str, message: str) -> None:
    for line in format_commands(annotated(failing(finding(message), model=model), {})):
        level, properties, _ = read(line)
        assert level == "error"
        assert set(properties) == {"title"}
        assert line.encode()


def test_hostile_words_start_no_other_command() -> None:
    (line,) = format_commands(annotated(failing(finding(HOSTILE), model=HOSTILE), {}))
    assert len(line.splitlines()) == 1
    _, _, message = read(line)
    assert message.startswith(
        "a\n::add-mask::b\\r%0A ##[group]c, d: e\\x00\\x1b[2J\\u2028::error::"
    )


def test_messages_of_megabytes_are_cut_to_what_the_runner_keeps() -> None:
    long = "é%" * 1_000_000
    for each in (
        Annotation("error", long, long),
        annotated(failing(finding(long), model=long), {})[0],
    ):
        _, properties, message = read(command(each))
        assert len(message.encode()) <= LONGEST_MESSAGE_BYTES
        assert len(properties["title"].encode()) <= LONGEST_TITLE_BYTES
        assert message.endswith("(cut)")


def test_a_long_message_leaves_room_for_the_command_that_repeats_it() -> None:
    long = finding("m" * 2_000_000).model_copy(update={"reproduce": "toolkit check net.py:Net"})
    (line,) = format_commands(annotated(failing(long), {}))
    assert read(line)[2].endswith("reproduce: toolkit check net.py:Net")


def test_ten_of_a_level_are_annotated_and_the_others_counted() -> None:
    errors = [finding(f"wrong {place}") for place in range(13)]
    warnings = [finding(f"odd {place}", "note", "warning") for place in range(11)]
    notes = [finding(f"note {place}", "note", "slow") for place in range(10)]
    *lines, rest = format_commands(annotated(failing(*notes, *warnings, *errors), {}))
    levels = [read(line)[0] for line in lines]
    assert levels == ["error"] * 10 + ["warning"] * 10 + ["notice"] * 10
    assert rest == "3 more errors, 1 more warning in the report: 10 of a kind are annotated"


def test_a_message_names_its_own_line() -> None:
    place = Place(Path("nets/net.py"), 5)
    assert place.told_by("TracerWarning at net.py:19: odd").line == 19
    assert place.told_by("TracerWarning at other.py:19: odd").line == 5
    assert place.told_by("it raised E: no (torch.py, line 3) (net.py, line 12)").line == 12
    warned = finding("TracerWarning at net.py:19: odd", "note", "warning")
    (found,) = annotated(failing(warned, status="pass"), {"net.py:Net": place})[1:]
    assert found.place == Place(Path("nets/net.py"), 19)

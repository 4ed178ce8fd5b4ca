"""JUnit XML as Jenkins' schema (junit-10.xsd) has it, whatever a run found."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.baselines.recorded import USUAL, changed, run, table
from tests.report.examples import (
    DOCUMENTS,
    bare_model,
    check,
    crashed_run,
    document,
    exported,
    failing_check,
    good_run,
    limited_run,
    noisy_bench,
    refused,
    trained,
)
from toolkit.baselines import judged
from toolkit.cli import main
from toolkit.report.exporters import EXPORTERS
from toolkit.report.junit import LONGEST_LINE, LONGEST_TEXT, format_junit
from toolkit.results import Document, Finding, save

# The elements of the schema: attributes that must be there, that may be, and children.
SCHEMA: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"time", "skipped", "timestamp", "hostname", "id", "package"},
        {"properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": (
        {"name"},
        {"time", "classname"},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    "failure": (set(), {"type", "message"}, set()),
    "error": (set(), {"type", "message"}, set()),
    "skipped": (set(), {"type", "message"}, set()),
    "system-out": (set(), set(), set()),
}
HOSTILE = 'x\n]]>&<b a="1">\x00\x1b[31m\x0b\ufffe\ud800\u202e::error::\r% é'


def parsed(*documents: Document) -> ET.Element:
    root = ET.fromstring(format_junit(*documents))
    require_schema(root)
    return root


def require_schema(element: ET.Element) -> None:
    must, may, children = SCHEMA[element.tag]
    assert must <= set(element.attrib) <= must | may, element.tag
    assert {child.tag for child in element} <= children, element.tag
    if element.tag in ("testsuites", "testsuite"):
        held = list(element.iter("testcase"))
        assert int(element.attrib["tests"]) == len(held)
        assert float(element.attrib["time"]) >= 0
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            counted = sum(case.find(tag) is not None for case in held)
            assert int(element.get(name, counted)) == counted
    if element.tag == "testcase":
        assert len(element.findall("*")) <= 2
    for child in element:
        require_schema(child)


def verdicts(root: ET.Element) -> list[tuple[str | None, str | None, str]]:
    return [
        (
            case.get("classname"),
            case.get("name"),
            next((child.tag for child in case if child.tag != "system-out"), "pass"),
        )
        for case in root.iter("testcase")
    ]


def only(root: ET.Element, tag: str) -> ET.Element:
    (found,) = root.iter(tag)
    return found


@pytest.mark.parametrize("made", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_every_document_is_valid_and_ascii(made: Callable[[], Document]) -> None:
    parsed(made())
    assert format_junit(made()).isascii()


@pytest.mark.parametrize("made", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_a_file_is_red_whenever_the_exit_code_is(made: Callable[[], Document]) -> None:
    root = parsed(made())
    red = int(root.attrib["failures"]) + int(root.attrib["errors"])
    assert bool(red) == bool(made().exit_code)


def test_a_suite_is_a_model_and_a_case_a_form() -> None:
    root = parsed(failing_check())
    assert [suite.get("name") for suite in root] == ["faulty.py:Branch"]
    assert verdicts(root) == [
        ("faulty.py:Branch", "onnx/onnxruntime/cpu", "failure"),
        ("faulty.py:Branch", "pt2/torch.export/cpu", "pass"),
        ("faulty.py:Branch", "trace/torchscript/cpu", "failure"),
        ("faulty.py:Branch", "script/torchscript/cpu", "pass"),
    ]


def test_a_failure_tells_the_finding_and_the_command_that_repeats_it() -> None:
    failure = next(parsed(failing_check()).iter("failure"))
    assert failure.get("type") == "value"
    assert failure.get("message") == "value: output logits, slice 3: score 1,882 over the limit 30"
    assert failure.text is not None
    assert "stage conversion; module head" in failure.text
    assert "reproduce: toolkit check exported/lenet5 --case" in failure.text


def test_notes_of_a_form_are_its_output() -> None:
    cases = list(parsed(failing_check()).iter("testcase"))
    assert "Python boolean" in (cases[3].findtext("system-out") or "")
    assert cases[3].find("failure") is None


def test_score_cases_and_noise_source_are_properties_under_the_name_of_the_case() -> None:
    suite = next(parsed(failing_check()).iter("testsuite"))
    held = {each.get("name"): each.get("value") for each in suite.iter("property")}
    assert held["onnx/onnxruntime/cpu score"] == "1882.4"
    assert held["onnx/onnxruntime/cpu cases"] == "36"
    assert held["onnx/onnxruntime/cpu noise_source"] == "float64"
    assert "trace/torchscript/cpu score" not in held
    assert held["torch"] == "2.13.0"


def test_times_are_in_seconds() -> None:
    root = parsed(document("check", results=[check("onnx", seconds=1.25), check("pt2")]))
    assert [case.get("time") for case in root.iter("testcase")] == ["1.250", None]
    assert root.get("time") == "1.250"


@pytest.mark.parametrize(
    ("status", "tag"),
    [
        ("fail", "failure"),
        ("error", "error"),
        ("timeout", "error"),
        ("crash", "error"),
        ("out-of-memory", "error"),
        ("refused", "error"),
        ("limit", "skipped"),
    ],
)
def test_each_status_has_its_element_with_a_reason(status: str, tag: str) -> None:
    code = 0 if status == "limit" else 4
    root = parsed(document("check", code, results=[bare_model("net.py:Net", status)]))
    assert verdicts(root) == [("net.py:Net", "onnx/onnxruntime/cpu", tag)]
    kind, _, reason = only(root, tag).get("message", "").partition(": ")
    assert (kind, only(root, tag).get("type")) == (status, status)
    assert reason


def test_a_limit_that_is_all_there_is_stays_red() -> None:
    root = parsed(document("check", 4, results=[bare_model("net.py:Net", "limit")]))
    assert verdicts(root)[-1] == ("toolkit", "check", "error")
    assert only(root, "error").get("message") == "exit: exit 4: something could not be judged"


def test_a_command_that_could_not_work_is_an_error() -> None:
    error = only(parsed(refused()), "error")
    assert error.get("message") == "missing: no CUDA device"
    assert "toolkit doctor" in (error.text or "")


def test_an_error_beside_bad_forms_is_not_lost() -> None:
    root = parsed(refused().model_copy(update={"results": [bare_model("a.py:A", "fail")]}))
    assert [tag for *_, tag in verdicts(root)] == ["failure", "error"]


def test_what_has_no_verdict_is_still_a_case() -> None:
    assert verdicts(parsed(crashed_run())) == [
        ("lenet5", "pt2/export", "error"),
        ("lenet5", "onnx/onnxruntime/cpu", "error"),
        ("lenet5", "trace/torchscript/cpu", "error"),
        ("broken.py:Net", "model/cpu", "error"),
    ]
    assert ("lenet5", "script/export", "skipped") in verdicts(parsed(exported()))


def test_a_missed_floor_is_a_failure_of_the_training() -> None:
    assert [tag for *_, tag in verdicts(parsed(trained()))] == ["pass", "failure"]
    message = only(parsed(trained()), "failure").get("message")
    assert message == "floor: held-out accuracy not finite misses the floor 0.98"


def test_several_documents_share_one_root() -> None:
    root = parsed(good_run(), limited_run(), noisy_bench())
    assert [suite.get("id") for suite in root] == ["0", "1"]
    assert int(root.attrib["tests"]) == len(verdicts(root)) == 7


def test_forms_of_one_name_are_told_apart() -> None:
    root = parsed(document("bench", results=[check("onnx"), check("onnx")]))
    assert [name for _, name, _ in verdicts(root)] == [
        "onnx/onnxruntime/cpu",
        "onnx/onnxruntime/cpu #2",
    ]


def hostile(word: str, status: str = "fail") -> Document:
    found = Finding(
        name="value", severity="error", message=word, reproduce=f"toolkit check {word}", module=word
    )
    form = check(word, None, model=word, status=status, findings=[found], runtime=word, device=word)
    return document("check", 1, command_line=word, results=[form])


@pytest.mark.parametrize("word", [HOSTILE, "", "\n", " ", "\x7f\x85", "🙂", "</testsuites>"])
def test_hostile_words_stay_text(word: str) -> None:
    root = parsed(hostile(word))
    assert len(verdicts(root)) == 1
    assert only(root, "failure").text


def test_what_xml_cannot_hold_is_written_out() -> None:
    text = only(parsed(hostile(HOSTILE)), "failure").text or ""
    assert ']]>&<b a="1">' in text
    for shown in ("\\x00", "\\x1b[31m", "\\x0b", "\\ufffe", "\\ud800", "\\u202e", "é"):
        assert shown in text


@given(st.text(alphabet=st.characters(codec=None)))
def test_any_text_gives_a_file_that_parses(word: str) -> None:
    root = parsed(hostile(word))
    assert len(verdicts(root)) == 1
    assert only(root, "failure").get("type")


def test_messages_of_megabytes_are_cut() -> None:
    root = parsed(hostile("m" * 2_000_000))
    failure = only(root, "failure")
    assert len(failure.text or "") == LONGEST_TEXT
    assert (failure.text or "").endswith("(cut)")
    assert len(failure.get("message", "")) == LONGEST_LINE
    assert len(format_junit(hostile("m" * 2_000_000))) < 3 * LONGEST_TEXT


def written(folder: Path, documents: Sequence[Document]) -> list[str]:
    paths = [folder / f"{place}.json" for place in range(len(documents))]
    for path, made in zip(paths, documents, strict=True):
        save(made, path)
    return list(map(str, paths))


def test_report_writes_one_file_of_several_results(tmp_path: Path) -> None:
    files = written(tmp_path, [failing_check(), good_run()])
    place = tmp_path / "junit.xml"
    assert main(["report", *files, "--junit", str(place)]) == 0
    root = ET.parse(place).getroot()
    assert [suite.get("name") for suite in root] == ["faulty.py:Branch", "lenet5"]


def test_report_writes_to_stdout_in_any_encoding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", *written(tmp_path, [hostile("é")]), "--junit", "-"]) == 0
    assert capsys.readouterr().out == EXPORTERS["junit"](hostile("é"))


def test_a_place_that_cannot_be_written_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = written(tmp_path, [good_run()])
    assert main(["report", *files, "--junit", str(tmp_path)]) == 3
    assert "cannot write" in capsys.readouterr().err


def test_check_refuses_a_place_for_it_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["check", "lenet5", "--junit", str(tmp_path), "--json"]) == 3
    told = json.loads(capsys.readouterr().out)["error"]
    assert "--junit FILE" in told["hint"]


def test_a_file_that_is_no_xml_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    network = tmp_path / "net.py"
    network.write_text("class Net: ...\n", encoding="utf-8")
    assert main(["check", "lenet5", "--junit", "net.py"]) == 3
    assert "it is not overwritten" in capsys.readouterr().err
    assert network.read_text(encoding="utf-8") == "class Net: ...\n"


def test_a_command_that_is_stopped_leaves_no_earlier_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "junit.xml"
    place.write_text(format_junit(good_run()), encoding="ascii")
    assert main(["check", "lenet6", "--junit", str(place)]) == 2
    root = ET.parse(place).getroot()
    require_schema(root)
    assert verdicts(root) == [("toolkit", "check", "error")]


def test_what_became_of_a_saved_run_s_cases_is_told_case_by_case() -> None:
    then = run(table())
    slower = table({**USUAL, "onnx": 30.0}, seed=1, rows=changed("onnx"))
    now = run(slower, checks=[])
    for limit, tag, code in ((0.05, "failure", 1), (None, "pass", 0)):
        against = judged(then, now, "main", limit)
        root = parsed(now.model_copy(update={"against": against, "exit_code": code}))
        told = {name: tag for _, name, tag in verdicts(root)}
        assert told["onnx, cpu, float32, threads 1, batch 1 against main"] == tag
        assert told["trace, cpu, float32, threads 1, batch 1 against main"] == "pass"
        assert "bench" not in told
    message = only(
        parsed(now.model_copy(update={"against": judged(then, now, "main", 0.05)})), "failure"
    )
    assert "over the limit of 5 %" in str(message.get("message"))

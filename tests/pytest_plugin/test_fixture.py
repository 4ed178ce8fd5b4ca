"""The fixture `parity`: one item a test, one failure with the command's report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.pytest_plugin.projects import IN_WORDS, NETWORKS, QUICK, run

pytest_plugins = ("pytester",)


def test_a_right_network_passes_as_one_item_and_gives_its_rows(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        f"""
def test_net(parity):
    rows = parity.check(Net(), inputs={{"x": torch.randn(2, 8)}}, dynamic={{"x": ["batch"]}},
                        formats=["onnx", "script"], {QUICK})
    assert [(row.format, row.status) for row in rows] == [("onnx", "pass"), ("script", "pass")]
""",
    )
    result.assert_outcomes(passed=1)
    assert "parity" not in result.stdout.str()  # nothing to tell


def test_every_format_is_judged_before_the_one_failure_that_shows_the_commands_report(
    pytester: pytest.Pytester,
) -> None:
    result = run(
        pytester,
        f"""
def test_net(parity):
    parity.check(Frozen(), inputs={IN_WORDS}, formats=["trace", "script"], {QUICK})
    assert False, "reached"
""",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            ">       parity.check(Frozen(), *",
            "E       toolkit.pytest_plugin.ParityError: Frozen: trace fail",
            "E       model   form    runtime * status * score *",
            "E       Frozen  trace * fail *",
            "E       Frozen  script * pass *",
            "E       error baked-dimension (trace*): dimension batch does not vary as in eager*",
            "E         reproduce: pytest test_net.py::test_net --parity-formats trace "
            "--parity-inputs *.npz",
            "E       2 checks: 1 passed, 1 failed · exit*1: a check said no",
            "test_net.py:*: ParityError",
        ]
    )
    text = result.stdout.str()
    assert "checking.py" not in text  # no traceback of the toolkit's own
    assert "Captured" not in text  # and nothing of what torch logs
    assert "reached" not in text.replace('"reached"', "")
    assert "FAILED test_net.py::test_net - Frozen: trace fail" in text


def test_the_command_of_a_report_repeats_the_failure_on_the_saved_case(
    pytester: pytest.Pytester,
) -> None:
    tests = f"""
def test_net(parity):
    parity.check(Frozen(), inputs={IN_WORDS}, formats=["trace", "script"], {QUICK})
"""
    first = run(pytester, tests, "--basetemp=kept", "--parity-seed=3").stdout.str()
    command = first.split("reproduce: pytest ")[1].splitlines()[0].split()
    assert command[:3] == ["test_net.py::test_net", "--parity-seed", "3"]
    saved = Path(command[-1])
    with np.load(saved) as arrays:
        assert arrays["x"].shape[0] > 2
    assert saved.is_relative_to(pytester.path / "kept")
    again = run(pytester, tests, *command)
    again.assert_outcomes(failed=1)
    assert cases_of_trace(again.stdout.str()) == cases_of_trace(first) + 1


def cases_of_trace(report: str) -> int:
    """How many cases the row of the trace counts."""
    _, _, _, _, cases, *_ = report.split("Frozen  trace ")[1].split()
    return int(cases)


@pytest.mark.parametrize(
    ("said", "objection"),
    [
        ("formats='onnyx'", "pytest.UsageError: unknown format onnyx (did you mean onnx?)"),
        ("format='onnx'", "there is no keyword format"),
        ("budgit=3", "did you mean budget?"),
        ("budget='long'", "budget: long is no number"),
        ("atol='y'", "--atol y: expected"),
        ("device='gpu'", "no device is called gpu"),
        ("inputs_file='a.npz'", "only one of them can be run"),
        ("dynamic={'y': ['batch']}", "dynamic: no input is called y"),
        ("dynamic={'x': {5: 'batch'}}", "dynamic: x has no axis 5: it has 2"),
    ],
)
def test_an_error_in_use_is_told_plainly(
    pytester: pytest.Pytester, said: str, objection: str
) -> None:
    result = run(
        pytester,
        f"def test_net(parity):\n    parity.check(Net(), inputs={{'x': torch.ones(2, 8)}}, {said})",
    )
    result.assert_outcomes(failed=1)
    assert objection in result.stdout.str()
    assert "checking.py" not in result.stdout.str()


def test_what_cannot_be_judged_fails_and_says_why(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        f"""
class Raising(Net):
    def forward(self, x):
        raise ValueError("the width is wrong")

def test_raising(parity):
    parity.check(Raising(), inputs={IN_WORDS}, formats="trace", {QUICK})

def test_no_script(parity):
    parity.check(NoScript(), inputs={IN_WORDS}, formats="script", {QUICK})

def test_refused(parity, tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"")
    parity.check(str(tmp_path / "net.onnx"), formats="pt2", {QUICK})
""",
    )
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        ["*raised ValueError: the width is wrong*", "*NoScript: script error*"]
    )
    assert "checking.py" not in result.stdout.str()


def test_a_failure_is_an_assertion_error_that_has_the_rows(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        f"""
from toolkit.pytest_plugin import Parity, ParityError

def test_net(parity: Parity):
    with pytest.raises(AssertionError, match="Frozen: trace fail") as caught:
        parity.check(Frozen(), inputs={IN_WORDS}, formats=["trace", "script"], {QUICK})
    assert isinstance(caught.value, ParityError)
    assert [row.status for row in caught.value.rows] == ["fail", "pass"]
""",
    )
    result.assert_outcomes(passed=1)


def test_a_known_limit_is_an_expected_failure_with_its_reason(pytester: pytest.Pytester) -> None:
    tests = f"""
from toolkit import ModelSpec, Port

SPEC = ModelSpec("mine", Net, (Port("x", ("batch", 8)),), limits={{"pt2": "no such operator"}})

def test_asked(parity):
    parity.check(SPEC, formats=["trace", "pt2"], {QUICK})
    assert False, "reached"

def test_unasked(parity):
    rows = parity.check(NoScript(), inputs={IN_WORDS}, {QUICK})
    assert {{row.format: row.status for row in rows}}["script"] == "limit"

@pytest.mark.parity(inputs={IN_WORDS}, {QUICK})
def test_marked():
    return NoScript()
"""
    result = run(pytester, tests, "-rx")
    result.assert_outcomes(passed=4, xfailed=2)
    result.stdout.fnmatch_lines(
        [
            "XFAIL *::test_asked - *pt2: no such operator",
            "XFAIL *::test_marked[[]script] - *script: *",
        ]
    )
    unmasked = run(pytester, tests, "--runxfail", "-k", "test_asked")
    unmasked.assert_outcomes(failed=1)


def test_failing_cases_go_where_they_are_wanted(pytester: pytest.Pytester) -> None:
    tests = f"""
def test_net(parity):
    parity.check(Frozen(), inputs={IN_WORDS}, formats="trace", {QUICK})
"""
    run(pytester, tests, "--parity-failures", "kept").assert_outcomes(failed=1)
    (saved,) = (pytester.path / "kept").rglob("*.npz")
    assert saved.parent.parent.name == "test_net.py-test_net"
    assert not (pytester.path / "exported").exists()


def test_a_second_check_of_a_test_tells_its_case_and_no_command_that_reaches_the_first(
    pytester: pytest.Pytester,
) -> None:
    tests = f"""
def test_net(parity):
    parity.check(Net(), inputs={IN_WORDS}, formats="trace", {QUICK})
    parity.check(Frozen(), inputs={IN_WORDS}, formats="trace", {QUICK})
"""
    text = run(pytester, tests).stdout.str()
    assert "--parity-inputs" not in text
    assert "reproduce: pytest test_net.py::test_net (the case: " in text


def test_the_word_of_a_model_keeps_the_command_of_the_toolkit(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(nets=NETWORKS)
    tests = f"""
def test_net(parity):
    parity.check("nets.py:Frozen", inputs={IN_WORDS}, formats="trace", {QUICK})
"""
    text = run(pytester, tests).stdout.str()
    assert "reproduce: toolkit check nets.py:Frozen --input x=batch,8 -f trace --inputs " in text

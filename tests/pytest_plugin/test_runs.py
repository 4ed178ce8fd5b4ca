"""What a run tells at its end, across workers, and what every run loads."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.pytest_plugin.projects import IN_WORDS, NETWORKS, QUICK, run

pytest_plugins = ("pytester",)


def test_the_table_of_a_run_stands_at_its_end_when_asked_or_when_something_failed(
    pytester: pytest.Pytester,
) -> None:
    right = f"""
def test_net(parity):
    parity.check(Net(), inputs={IN_WORDS}, formats=["trace", "script"], {QUICK})
"""
    quiet = run(pytester, right)
    assert "test_net.py::test_net" not in quiet.stdout.str()
    expected = ["*= parity =*", "test * model * form * status * score * cases"]
    rows = ["test_net.py::test_net  Net * trace *", "test_net.py::test_net  Net * script *"]
    run(pytester, right, "-v").stdout.fnmatch_lines([*expected, "---*", *rows, "*score: *"])
    failing = run(pytester, right.replace("Net()", "Frozen()"))
    failing.stdout.fnmatch_lines([*expected, "---*", "*::test_net  Frozen  trace * fail *"])


def test_junit_has_score_and_cases_of_every_form(pytester: pytest.Pytester) -> None:
    run(
        pytester,
        f"""
def test_net(parity):
    parity.check(Frozen(), inputs={IN_WORDS}, formats=["trace", "script"], {QUICK})
""",
        "--junit-xml=junit.xml",
    )
    case = ElementTree.parse(pytester.path / "junit.xml").find(".//testcase")
    assert case is not None
    found = {each.get("name"): each.get("value") for each in case.iter("property")}
    assert found["parity.Frozen.trace.status"] == "fail"
    assert float(found["parity.Frozen.script.score"] or "nan") < 30
    assert int(found["parity.Frozen.script.cases"] or 0) >= 8
    failure = case.find("failure")
    assert failure is not None
    assert str(failure.get("message")).startswith("Frozen: trace fail")
    assert "baked-dimension" in (failure.text or "")


@pytest.mark.slow
def test_workers_of_xdist_send_rows_and_reports(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_net=NETWORKS
        + f"""
@pytest.mark.parity(inputs={IN_WORDS}, formats=["trace", "script"], {QUICK})
def test_net():
    return Frozen()

def test_fixture(parity):
    parity.check(Frozen(), inputs={IN_WORDS}, formats=["trace"], {QUICK})
"""
    )
    result = pytester.runpytest_subprocess("-n", "1", "-p", "no:benchmark")
    result.assert_outcomes(passed=1, failed=2)
    text = result.stdout.str()
    assert text.count("error baked-dimension (trace") == 2
    table = text.partition("= parity =")[2]
    for row in ("test_net[trace]", "test_net[script]", "test_fixture"):
        assert re.search(rf"test_net.py::{re.escape(row)} +Frozen", table)


def test_the_report_stands_once_and_a_line_in_the_summary_where_ci_is_set(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    pytester.makepyfile(
        test_net=NETWORKS
        + f"""
@pytest.mark.parity(inputs={IN_WORDS}, formats=["trace"], {QUICK})
def test_net():
    return Frozen()

def test_fixture(parity):
    parity.check(Frozen(), inputs={IN_WORDS}, formats=["trace"], {QUICK})
"""
    )
    result = pytester.runpytest_subprocess("-p", "no:benchmark", "-p", "no:xdist")
    text, _, summary = result.stdout.str().partition("short test summary info")
    assert text.count("error baked-dimension (trace") == 2
    lines = [line for line in summary.splitlines() if line.startswith("FAILED")]
    assert lines == [
        "FAILED test_net.py::test_net[trace] - Frozen: trace fail",
        "FAILED test_net.py::test_fixture - Frozen: trace fail",
    ]
    assert "error baked-dimension" not in summary


def test_what_every_run_loads_imports_pytest_and_nothing_heavy() -> None:
    code = """
import sys, pytest
before = set(sys.modules)
import toolkit.pytest_plugin
known = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*sorted(known - set(sys.stdlib_module_names)))
"""
    assert _python("-c", code).stdout.split() == ["toolkit"]


def test_a_run_without_checks_does_not_load_torch(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text(
        "import sys\ndef test_other():\n    assert 'torch' not in sys.modules\n"
    )
    done = _python("-m", "pytest", "-q", "-p", "toolkit", str(tmp_path))
    assert done.returncode == 0, done.stdout


def _python(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

"""The pytest plugin: the fixture `parity`, the mark `parity`, and their ini options and flags.

    def test_net(parity):
        parity.check(Net(), inputs={"x": torch.randn(2, 8)}, dynamic={"x": ["batch"]})

Every run of pytest loads this module where the toolkit is installed: torch and what reports need
are imported by the first check. Checks run in pytest's own process, as tests do: a module at hand,
with its hooks and its code in a test, crosses no border, and a debugger reaches it.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from toolkit.pytest_plugin import choices, marked
from toolkit.pytest_plugin.checking import ROWS, Parity, ParityError

__all__ = ["Parity", "ParityError"]

ParityError.__module__ = __name__  # as users import it, and as pytest shows it

LOG_WIDTH = 120
"""Columns of the table where no terminal has a width."""
REPORTED = "toolkit_parity"
"""The attribute of a report that carries rows, as plain data: from a worker of pytest-xdist too."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Flags and ini options."""
    choices.register(parser)


def pytest_configure(config: pytest.Config) -> None:
    """The mark, and what was chosen for the run."""
    config.addinivalue_line("markers", marked.USAGE)
    choices.read(config)
    config.pluginmanager.register(_Reports(config), "toolkit-parity-reports")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One item a format of a function with the mark."""
    marked.parametrise(metafunc)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Nothing with the mark runs without being checked."""
    __tracebackhide__ = True
    marked.refuse_unmarkable(item)


@pytest.fixture
def parity(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Parity:
    """Check that exported forms are as accurate as their models: `parity.check(Net(), ...)`."""
    return Parity(request.node, _scratch(tmp_path_factory))


def _scratch(factory: pytest.TempPathFactory) -> Path:
    return factory.getbasetemp() / choices.PREFIX


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Check what a function with the mark returns."""
    __tracebackhide__ = True
    if marked.form_of(pyfuncitem) is None:
        return None
    factory = pyfuncitem._request.getfixturevalue("tmp_path_factory")
    marked.call(pyfuncitem, Parity(pyfuncitem, _scratch(factory)))
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Rows travel with the report of the phase that found them."""
    report = yield
    rows = item.stash.get(ROWS, [])
    if rows:
        setattr(report, REPORTED, [row.model_dump(mode="json") for row in rows])
        item.stash[ROWS] = []
    if call.excinfo is not None and isinstance(call.excinfo.value, ParityError):
        _tell(report, item, call.excinfo)
    return report


def _tell(report: pytest.TestReport, item: pytest.Item, raised: pytest.ExceptionInfo[Any]) -> None:
    """The report of the command in place of a traceback, its headline in pytest's summary."""
    of_mark = marked.form_of(item) is not None
    if of_mark:
        # No line of the test raised it: the function only returned the model.
        report.longrepr = raised.getrepr(style="value")
    crash: Any = getattr(report.longrepr, "reprcrash", None)
    if crash is None:
        return
    # One line: where CI is set, pytest's summary has all of it.
    crash.message = str(raised.value).partition("\n")[0]
    if of_mark:
        path, line, _ = item.location
        crash.path, crash.lineno = path, (line or 0) + 1


class _Reports:
    """The rows of a run, and the table of them at its end."""

    def __init__(self, config: pytest.Config) -> None:
        self._verbose = config.get_verbosity() > 0
        self._rows: list[tuple[str, dict[str, Any]]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the rows that a report carries."""
        self._rows += [(report.nodeid, row) for row in getattr(report, REPORTED, ())]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """The table of all rows, in a verbose run and where a row is no pass."""
        passed = all(row["status"] == "pass" for _, row in self._rows)
        if not self._rows or (passed and not self._verbose):
            return
        from toolkit.pytest_plugin.telling import table
        from toolkit.results import CheckResult

        rows = [(test, CheckResult.model_validate(row)) for test, row in self._rows]
        width = shutil.get_terminal_size().columns if terminalreporter.isatty else LOG_WIDTH
        terminalreporter.section(choices.PREFIX)
        for line in table(rows, width):
            terminalreporter.write_line(line)

"""What a test tells: the command's report where a check says no, and the table of a whole run."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from rich.console import Console

from toolkit._version import __version__
from toolkit.cli.session import environment
from toolkit.outcome import Outcome
from toolkit.report.check import check_sheet, score_line
from toolkit.report.sheet import Column, Section, Sheet, words
from toolkit.report.terminal import format_document, section_items, show
from toolkit.results import CheckResult, Document

WIDTH = 96
"""Columns of a report: pytest puts four before it."""
SHOWN = ("model", "form", "device", "status", "score", "cases")
"""Columns of the table of a run: the reports have them all."""


def report(rows: Sequence[CheckResult], command: str) -> str:
    """What `toolkit check` would tell of these rows, headed by one line that says which failed."""
    document = Document(
        command="check",
        toolkit=__version__,
        environment=environment(None),
        exit_code=Outcome(checked=list(rows)).exit_code(),
        command_line=command,
        results=list(rows),
    )
    return f"{headline(rows)}\n\n{format_document(document, WIDTH)}".rstrip()


def headline(rows: Sequence[CheckResult]) -> str:
    """`Net: onnx fail, pt2 error`: which forms are not as accurate as their model."""
    said = ", ".join(f"{row.format or 'the model'} {row.status}" for row in rows if bad(row))
    models = ", ".join(dict.fromkeys(row.model for row in rows))
    return f"{models}: {said or 'nothing passed'}"


def bad(row: CheckResult) -> bool:
    """Whether a test with this row must fail: what was not judged is no pass."""
    return row.status not in ("pass", "limit")


def limit_line(rows: Iterable[CheckResult]) -> str:
    """Why forms cannot be had: `script: its reason`."""
    reasons = {
        str(row.format): next((found.message for found in row.findings), "a known limit")
        for row in rows
    }
    return "; ".join(f"{name}: {reason}" for name, reason in reasons.items())


def table(rows: Sequence[tuple[str, CheckResult]], width: int) -> list[str]:
    """Every form that was judged in a run, each with the test that asked for it."""
    found = [row for _, row in rows]
    inner = check_sheet(found)
    kept = [place for place, column in enumerate(inner.columns) if column.heading in SHOWN]
    cells = [
        [words(test), *(row[place] for place in kept)]
        for (test, _), row in zip(rows, inner.rows, strict=True)
    ]
    sheet = Sheet([Column("test"), *(inner.columns[place] for place in kept)], cells)
    caption = [line for line in [score_line(found)] if line]
    console = Console(file=io.StringIO(), width=width, color_system=None, highlight=False)
    with console.capture() as capture:
        show(section_items(Section(sheet=sheet, caption=caption)), console)
    return [line.rstrip() for line in capture.get().splitlines()]

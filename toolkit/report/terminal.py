"""A document on a terminal: readable at 80 columns, without colour and in any encoding."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Iterator
from typing import IO

from rich.console import Console, RenderableType

from toolkit.report.grid import Grid, Line, Note, Words
from toolkit.report.sections import sections
from toolkit.report.sheet import STYLES, Remark, Section, whole, words
from toolkit.results import Document

INDENT = "  "
LOG_WIDTH = 120


class _Pipe(Console):
    """A console whose reader may leave: the exit code stays the command's own."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())


def console_for(file: IO[str] | None = None, *, stderr: bool = False) -> Console:
    """A console on a stream; NO_COLOR, COLUMNS and the stream's encoding are respected.

    What is no terminal has no width of its own: logs and pipes get `LOG_WIDTH` columns.
    """
    console = _Pipe(file=file, stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = LOG_WIDTH
    return console


def display(document: Document, console: Console) -> None:
    """Print everything that a document has to show."""
    show(renderables(document), console)


def show(items: Iterable[RenderableType], console: Console) -> None:
    """Print renderables one under the other."""
    for item in items:
        # The width stays that of the console; only what may be longer is not wrapped.
        soft = isinstance(item, Line) and not isinstance(item, Note)
        console.print(item, soft_wrap=soft, crop=False)


def format_document(document: Document, width: int = 100) -> str:
    """The document as plain text, tables folded to `width` columns."""
    console = Console(file=io.StringIO(), width=width, color_system=None, highlight=False)
    with console.capture() as capture:
        display(document, console)
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def renderables(document: Document) -> Iterator[RenderableType]:
    """The sections of a document, with an empty line between them."""
    for index, section in enumerate(sections(document)):
        if index:
            yield Line(whole(" "))
        yield from section_items(section)


def section_items(section: Section) -> Iterator[RenderableType]:
    """Heading, table, remarks, caption and summary of one section."""
    if section.heading:
        yield Words(words(section.heading, "bold"), INDENT)
    if section.sheet is not None:
        yield Grid(section.sheet)
    for remark in section.remarks:
        yield from remark_items(remark)
    for line in section.caption:
        yield Words(words(line, "dim"), INDENT)
    if section.command:
        yield Line(whole(f"command: {section.command}", "dim"))
    if section.summary:
        yield Words(words(section.summary, "bold"), INDENT)


def remark_items(remark: Remark) -> Iterator[RenderableType]:
    """A finding: a note in one line; else the whole message and how to reproduce it."""
    where = f" ({'; '.join(remark.where)})" if remark.where else ""
    head = remark.level if remark.level == remark.name else f"{remark.level} {remark.name}"
    text = f"{head}{where}: {remark.message}".strip()
    if remark.level == "note":
        yield Note(words(" ".join(text.split()), "dim"))
    else:
        yield from _whole_message(text, STYLES.get(remark.level, ""))
    if remark.reproduce:
        yield Line(whole(f"{INDENT}reproduce: {remark.reproduce}"))
    if remark.script:
        yield Line(whole(f"{INDENT}bug report: {remark.script}"))


def _whole_message(text: str, style: str) -> Iterator[RenderableType]:
    first, *others = text.splitlines()
    yield Words(words(first, style), INDENT)
    for line in others:
        yield Words(words(line.strip(), style), INDENT, first=INDENT)

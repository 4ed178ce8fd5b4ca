"""Cells, lines and tables as rich shows them: folded, never cut, in the console's encoding."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.box import Box
from rich.cells import cell_len, chop_cells, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from toolkit.report.sheet import Cell, Column, Sheet, words
from toolkit.report.symbols import printable

# Only a rule of hyphens under the heading: it needs no box-drawing characters, and a row that is
# copied from the terminal stays clean.
HEAD = Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
NO_BREAK = "\N{NO-BREAK SPACE}"
GAP = 2
"""Spaces between two columns."""
LEAST_TEXT = 9
"""A column of text is never narrower, unless all of it is."""

_JOINTS = re.compile(r"(?<=[:/_.,;=·-])")


def folded(parts: Sequence[str], width: int) -> list[str]:
    """Lines of at most `width` cells: broken between parts, inside one only if it is too wide."""
    lines: list[str] = []
    for part in parts:
        joined = f"{lines[-1]} {part}" if lines else part
        if lines and cell_len(joined) <= width:
            lines[-1] = joined
        else:
            lines.extend(_pieces(part, width))
    return lines


def _pieces(part: str, width: int) -> list[str]:
    """A part that is too wide, broken after punctuation where that helps, as in long names."""
    if cell_len(part) <= width:
        return [part]
    lines = [""]
    for piece in _JOINTS.split(part):
        if cell_len(lines[-1] + piece) <= width:
            lines[-1] += piece
        else:
            lines.extend(chop_cells(piece, width))
    return [line for line in lines if line]


class Words:
    """A cell that rich never reads as markup and that keeps its parts whole where it can.

    `first` stands before its first line, `indent` before the others.
    """

    def __init__(self, cell: Cell, indent: str = "", first: str = "") -> None:
        self._cell = cell
        self._indent = indent
        self._first = first

    def parts(self, encoding: str) -> list[str]:
        """The parts as the encoding can carry them; a newline starts a part of its own.

        No-break spaces have done their work by now: what is shown can be searched for.
        """
        held = [printable(part, encoding).replace(NO_BREAK, " ") for part in self._cell.parts]
        return [line for part in held for line in part.splitlines()]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = max(1, options.max_width - max(len(self._indent), len(self._first)))
        lines = folded(self.parts(options.encoding), width)
        text = self._first + f"\n{self._indent}".join(lines)
        yield Text(text, style=self._cell.style, overflow="fold")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        parts = self.parts(options.encoding)
        widest = max(map(cell_len, parts), default=0)
        return Measurement(widest, max(widest, cell_len(" ".join(parts))))


class Line(Words):
    """One line that is left to the terminal to wrap, so that what is copied from it is whole."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        text = " ".join(self.parts(options.encoding))
        yield Text(text, style=self._cell.style, no_wrap=True, overflow="ignore")


class Note(Line):
    """One line that a terminal cuts at its edge; a file gets all of it."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        text = " ".join(self.parts(options.encoding))
        if options.is_terminal and cell_len(text) > options.max_width:
            dots = printable("…", options.encoding)
            text = set_cell_size(text, options.max_width - len(dots)) + dots
        yield Text(text, style=self._cell.style, no_wrap=True, overflow="ignore")


class Grid:
    """A sheet as a table that fits the console by folding cells, never by cutting them.

    On a console too narrow for it spare columns go, and are named; where that is not enough every
    row becomes a paragraph.
    """

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._headings = [Words(words(column.heading, "bold")) for column in sheet.columns]
        self._rows = [[Words(cell) for cell in row] for row in sheet.rows]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        widths = self._widths(console, options)
        if widths is not None:
            yield self._table(widths)
            return
        for sheet, left_out in self._sheet.narrower():
            grid = Grid(sheet)
            if grid._widths(console, options) is not None:
                yield grid
                yield Words(words(f"not shown at this width: {', '.join(left_out)}", "dim"), "  ")
                return
        yield from self._paragraphs()

    def _widths(self, console: Console, options: ConsoleOptions) -> list[int] | None:
        room = options.max_width - GAP * (len(self._headings) - 1)
        return column_widths(self._wants(console, options), room)

    def _table(self, widths: Sequence[int]) -> Table:
        table = Table(box=HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        columns = zip(self._headings, self._sheet.columns, widths, strict=True)
        for heading, column, width in columns:
            table.add_column(heading, justify=column.justify, width=width)
        for row in self._rows:
            table.add_row(*row)
        return table

    def _paragraphs(self) -> Iterator[Words]:
        headings = [column.heading for column in self._sheet.columns]
        for first, *others in self._sheet.rows:
            yield Words(Cell(first.parts, "bold"))
            for heading, cell in zip(headings[1:], others, strict=True):
                yield Words(Cell((f"{heading}:", *cell.parts), cell.style), "    ", first="  ")

    def _wants(self, console: Console, options: ConsoleOptions) -> list[Want]:
        columns = zip(
            self._sheet.columns, zip(self._headings, *self._rows, strict=True), strict=True
        )
        return [_want(column, cells, console, options) for column, cells in columns]


@dataclass(frozen=True)
class Want:
    """The widths of a column: in one line, with its parts whole, and the least it can live with."""

    full: int
    whole: int
    least: int


def _want(
    column: Column, cells: Sequence[Words], console: Console, options: ConsoleOptions
) -> Want:
    measured = [cell.__rich_measure__(console, options) for cell in cells]
    widest = max(1, *(found.minimum for found in measured))
    full = max(widest, *(found.maximum for found in measured))
    # A number that is broken in two is misread; a name is not.
    least = widest if column.justify == "right" else min(widest, LEAST_TEXT)
    return Want(full, widest, least)


def column_widths(wants: Sequence[Want], room: int) -> list[int] | None:
    """Widths that take at most `room` cells in all; None where there is not enough.

    Every column first gets its widest part; what is left goes to the columns that lack least,
    so that as few as possible fold. Where not even the parts fit, the widest texts give way.
    """
    if sum(want.least for want in wants) > room:
        return None
    widths = [want.whole for want in wants]
    while sum(widths) > room:
        yielding = [i for i, want in enumerate(wants) if widths[i] > want.least]
        widths[max(yielding, key=lambda i: widths[i])] -= 1
    left = room - sum(widths)
    for lack, index in sorted((want.full - widths[i], i) for i, want in enumerate(wants)):
        given = min(lack, left)
        widths[index] += given
        left -= given
    return widths

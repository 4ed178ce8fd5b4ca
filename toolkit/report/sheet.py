"""What a report shows, before any form of output: sheets, remarks and sections of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Justify = Literal["left", "right"]

STYLES = {
    "pass": "green",
    "ok": "green",
    "faster": "green",
    "met": "green",
    "fail": "bold red",
    "error": "bold red",
    "timeout": "bold red",
    "crash": "bold red",
    "out-of-memory": "bold red",
    "missed": "bold red",
    "refused": "magenta",
    "limit": "yellow",
    "slower": "yellow",
    "noisy": "yellow",
    "unstable": "yellow",
    "not timed": "yellow",
}
"""Colours of status words; the word itself always stands there too."""


@dataclass(frozen=True)
class Cell:
    """Pieces of text that are kept whole as far as the width allows; a line break goes between."""

    parts: tuple[str, ...]
    style: str = ""

    @property
    def text(self) -> str:
        """The cell in one line."""
        return " ".join(self.parts)


def words(text: str, style: str = "") -> Cell:
    """A cell that may break at every space."""
    return Cell(tuple(text.split(" ")), style)


def whole(text: str, style: str = "") -> Cell:
    """A cell that is kept on one line as far as the width allows."""
    return Cell((text,), style)


def listed(items: Iterable[str]) -> Cell:
    """Items with commas between, broken only after a comma."""
    names = list(items)
    return Cell(tuple(f"{name}," for name in names[:-1]) + tuple(names[-1:]))


def verdict(*states: str) -> Cell:
    """Status words in one cell, in the colour of the first."""
    shown = [state for state in states if state]
    parts = tuple(f"{state} ·" for state in shown[:-1]) + tuple(shown[-1:])
    return Cell(parts, STYLES.get(shown[0], "") if shown else "")


@dataclass(frozen=True)
class Column:
    """A heading, the side that its cells stand on, and when the column may go.

    An `optional` one goes when it is empty. Where there is no room for the table those with the
    largest `spare` go first; 0 never goes.
    """

    heading: str
    justify: Justify = "left"
    optional: bool = False
    spare: int = 0


@dataclass(frozen=True)
class Sheet:
    """A table: every row has one cell a column."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]

    def without_empty_columns(self, empty: str) -> Sheet:
        """The sheet without optional columns in which every cell shows `empty`."""
        kept = [
            index
            for index, column in enumerate(self.columns)
            if not column.optional or any(row[index].text not in (empty, "") for row in self.rows)
        ]
        return self._only(kept)

    def narrower(self) -> Iterator[tuple[Sheet, list[str]]]:
        """The sheet with ever fewer columns, and the headings of those that went."""
        for level in sorted({column.spare for column in self.columns} - {0}, reverse=True):
            kept = [i for i, column in enumerate(self.columns) if column.spare < level]
            gone = [column.heading for column in self.columns if column.spare >= level]
            yield self._only(kept), gone

    def _only(self, kept: Sequence[int]) -> Sheet:
        return Sheet(
            [self.columns[index] for index in kept],
            [[row[index] for index in kept] for row in self.rows],
        )


@dataclass(frozen=True)
class Remark:
    """A line under a table: `level` (`error`, `limit`, `note`), what it is about and its words."""

    level: str
    name: str
    where: tuple[str, ...]
    message: str
    reproduce: str | None = None
    script: str | None = None


@dataclass(frozen=True)
class Section:
    """One table with its heading, the remarks under it and the caption that dates it."""

    heading: str = ""
    sheet: Sheet | None = None
    remarks: Sequence[Remark] = ()
    caption: Sequence[str] = ()
    command: str = ""
    summary: str = ""

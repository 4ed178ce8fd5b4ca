"""Tables whose rows are plain mappings: `doctor`, `show`, `predict`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.report.numbers import NOTHING, format_number
from toolkit.report.sheet import STYLES, Cell, Column, Sheet, words


def facts_sheet(rows: Sequence[Mapping[str, Any]]) -> Sheet:
    """One column a key, in order of appearance."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[_cell(row.get(name)) for name in names] for row in rows]
    return Sheet([Column(name.replace("_", " ")) for name in names], cells)


def _cell(value: Any) -> Cell:
    text = format_fact(value)
    return words(text, STYLES.get(text, ""))


def format_fact(value: Any) -> str:
    """A value in words: lists with commas, yes and no, three digits of a fraction."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return format_number(value)
    if isinstance(value, (list, tuple)):
        return ", ".join(map(format_fact, value)) or NOTHING
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {format_fact(held)}" for name, held in value.items()) or NOTHING
    return str(value)

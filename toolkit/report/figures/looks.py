"""The colour, mark and line of each variant: the same in every picture and every run."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from toolkit.report.tables import Timed
from toolkit.results import Variant

# Okabe and Ito's colours, told apart with any kind of colour vision; their yellow is darkened,
# because it is too pale for a thin line.
BLACK, BLUE, VERMILION, GREEN = "#000000", "#0072B2", "#D55E00", "#009E73"
PURPLE, SKY, ORANGE, YELLOW = "#CC79A7", "#56B4E9", "#E69F00", "#B8A200"
PALETTE = (BLACK, BLUE, VERMILION, GREEN, PURPLE, SKY, ORANGE, YELLOW)

# A family of variants shares its colour; its members have marks and lines of their own.
FAMILIES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "eager": (BLACK, "o"),
        "onnx": (BLUE, "s"),
        "pt2": (ORANGE, "v"),
        "trace": (GREEN, "D"),
        "script": (VERMILION, "^"),
        "compile": (PURPLE, "P"),
        "aoti": (SKY, "X"),
        "openvino": (YELLOW, "p"),
        "cuda": (SKY, "<"),
    }
)
MARKS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p")
MEMBER_MARKS = ("h", "<", ">", "d", "H", "8", "*", "X", "P", "p")
"""Beside `LINES`: the first is nobody's."""

Dashes = tuple[float, tuple[float, ...]]
Line = str | Dashes
LINES: tuple[Line, ...] = (
    *("-", "--", "-.", ":"),
    *((0.0, (7.0, 1.0)), (0.0, (1.0, 3.0)), (0.0, (5.0, 1.0, 1.0, 1.0, 1.0, 1.0))),
    *((0.0, (10.0, 3.0)), (0.0, (3.0, 3.0)), (0.0, (8.0, 2.0, 2.0, 2.0))),
)
_MEMBERS: Mapping[str, int] = MappingProxyType(
    {
        "basic": 1,
        "frozen": 1,
        "max": 1,
        "graph": 1,
        "extended": 2,
        "none": 3,
        "iobinding": 4,
        "spin": 5,
        "legacy": 6,
    }
)
_FREE = max(_MEMBERS.values()) + 1
"""The first of the lines for names that are not in the table."""


@dataclass(frozen=True)
class Look:
    """How one row is drawn: mark or line differ too, so that grey prints can be read."""

    colour: str
    mark: str
    line: Line = LINES[0]


def look_of(variant: Variant) -> Look:
    """By the name alone: `onnx`, `onnx-basic` and `onnx+threads=2` are of one family."""
    name = variant.variant
    family, _, member = name.partition("+")[0].partition("-")
    number = _number(family)
    made_up = (PALETTE[number % len(PALETTE)], MARKS[number % len(MARKS)])
    colour, mark = FAMILIES.get(family, made_up)
    if name == family:
        return Look(colour, mark)
    free = _FREE + _number(name) % (len(LINES) - _FREE)
    index = free if "+" in name else _MEMBERS.get(member, free)
    return Look(colour, MEMBER_MARKS[index], LINES[index])


def looks(rows: Sequence[Timed], models: Sequence[str]) -> list[Look]:
    """The look of each row; where several models are compared, the colour is the model's.

    Mark and line are those of the variant's place among all of its comparisons, so that pictures
    of other rows of theirs agree.
    """
    if len(models) == 1:
        return [look_of(row.variant) for row in rows]
    names = {held.variant for row in rows for held in row.comparison.variants}
    kinds = sorted(names, key=_place)
    return [
        Look(
            PALETTE[models.index(row.variant.model) % len(PALETTE)],
            MARKS[kinds.index(row.variant.variant) % len(MARKS)],
            LINES[kinds.index(row.variant.variant) % len(LINES)],
        )
        for row in rows
    ]


def _place(name: str) -> tuple[int, str]:
    """Families in the order of their table, then by name."""
    family = name.partition("+")[0].partition("-")[0]
    known = list(FAMILIES)
    return (known.index(family) if family in known else len(known)), name


def _number(name: str) -> int:
    """A number of a name's own that no run changes."""
    return zlib.crc32(name.encode("utf-8"))

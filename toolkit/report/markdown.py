"""A document in Markdown, for a README or a step summary."""

from __future__ import annotations

import re
from collections.abc import Iterable

from toolkit.report.sections import sections
from toolkit.report.sheet import Remark, Section, Sheet
from toolkit.report.symbols import without_controls
from toolkit.results import Document

_SPECIAL = frozenset("\\`*_[]<>|#~&$")
_MENTION = re.compile(r"(?<!\w)@(?=\w)")
_AT = "@&#8203;"
"""A sign that calls nobody: hosts look for names after a bare one, whatever is escaped."""


def format_markdown(document: Document) -> str:
    """Every section with its heading, table, findings and caption."""
    return format_sections(sections(document))


def format_sections(shown: Iterable[Section]) -> str:
    """Sections with an empty line between their blocks."""
    blocks = [block for section in shown for block in _blocks(section)]
    return "\n\n".join(blocks) + "\n"


def _blocks(section: Section) -> list[str]:
    heading = [f"### {escape(section.heading)}"] if section.heading else []
    table = [format_sheet(section.sheet)] if section.sheet and section.sheet.rows else []
    remarks = ["\n".join(map(_bullet, section.remarks))] if section.remarks else []
    lines = [*map(escape, section.caption), *([_code(section.command)] if section.command else [])]
    caption = [f"<sub>{'<br>'.join(lines)}</sub>"] if lines else []
    summary = [f"**{escape(section.summary)}**"] if section.summary else []
    return [*heading, *table, *remarks, *caption, *summary]


def format_sheet(sheet: Sheet) -> str:
    """A table of pipes; every cell in one line."""
    head = _row([escape(column.heading) for column in sheet.columns])
    rule = _row(["---:" if column.justify == "right" else "---" for column in sheet.columns])
    body = [_row([escape(cell.text) for cell in row]) for row in sheet.rows]
    return "\n".join([head, rule, *body])


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _bullet(remark: Remark) -> str:
    where = f" ({escape('; '.join(remark.where))})" if remark.where else ""
    command = f" — {_code(remark.reproduce)}" if remark.reproduce else ""
    head = remark.level if remark.level == remark.name else f"{remark.level} {remark.name}"
    script = f" — {_code(remark.script)}" if remark.script else ""
    return f"- **{escape(head)}**{where}: {escape(remark.message)}{command}{script}"


def escape(text: str) -> str:
    """Text that Markdown shows as it is, on one line: no table, link, name or HTML in it."""
    line = " ".join(without_controls(text).split())
    safe = "".join(f"\\{character}" if character in _SPECIAL else character for character in line)
    return _MENTION.sub(_AT, safe)


def _code(text: str) -> str:
    """A code span that may hold backticks: its fence is one longer than any run in it."""
    line = " ".join(without_controls(text).split())
    longest = run = 0
    for character in line:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    fence = "`" * (longest + 1)
    pad = " " if longest else ""
    return f"{fence}{pad}{line}{pad}{fence}"

"""A document as a part of GitHub's step summary, within what that takes."""

from __future__ import annotations

from dataclasses import replace

from toolkit.report.github import LONGEST_MESSAGE_BYTES, cut
from toolkit.report.markdown import escape, format_sections
from toolkit.report.numbers import counted
from toolkit.report.sections import sections
from toolkit.report.sheet import Cell, Remark, Section, Sheet, whole
from toolkit.results import Document

LARGEST_SUMMARY_BYTES = 1 << 20
"""A step whose file is larger gets no summary at all."""


def format_summary(document: Document, room_bytes: int = LARGEST_SUMMARY_BYTES) -> str:
    """The report in Markdown, cut at a row where `room_bytes` end; empty where none fits."""
    shown = format_sections(map(_shortened, sections(document)))
    if len(shown.encode()) <= room_bytes:
        return shown
    lines = shown.rstrip("\n").split("\n")
    ending = _ending(document, len(lines))
    room_bytes -= len(ending.encode())
    kept = 0
    for line in lines:
        room_bytes -= len(line.encode()) + 1
        if room_bytes < 0:
            break
        kept += 1
    if not kept:
        return ""
    return "\n".join([*lines[:kept], _ending(document, len(lines) - kept)])


def _ending(document: Document, left_out: int) -> str:
    """What stands at the end of a summary that was cut: how much is missing, and the outcome."""
    limit = f"a step summary holds {LARGEST_SUMMARY_BYTES >> 20} MiB"
    note = f"\n**{counted(left_out, 'line')} left out: {limit}; `toolkit report` shows all.**\n"
    outcome = sections(document)[-1].summary
    return f"{note}\n**{escape(outcome)}**\n" if outcome else note


def _shortened(section: Section) -> Section:
    """A section without endless texts: one line of Markdown is never worth a whole summary."""
    return replace(
        section,
        heading=_short(section.heading),
        sheet=None if section.sheet is None else _short_sheet(section.sheet),
        remarks=[_short_remark(remark) for remark in section.remarks],
        caption=[_short(line) for line in section.caption],
        command=_short(section.command),
    )


def _short_sheet(sheet: Sheet) -> Sheet:
    return Sheet(sheet.columns, [[_short_cell(cell) for cell in row] for row in sheet.rows])


def _short_cell(cell: Cell) -> Cell:
    return cell if len(cell.text) <= LONGEST_MESSAGE_BYTES else whole(_short(cell.text), cell.style)


def _short_remark(remark: Remark) -> Remark:
    return replace(
        remark,
        where=tuple(_short(part) for part in remark.where),
        message=_short(remark.message),
        reproduce=None if remark.reproduce is None else _short(remark.reproduce),
        script=None if remark.script is None else _short(remark.script),
    )


def _short(text: str) -> str:
    return cut(text, LONGEST_MESSAGE_BYTES)

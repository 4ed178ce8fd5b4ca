"""What a table of timings shows, cell by cell and in words."""

from __future__ import annotations

from toolkit.report.bench import bench_sheet
from toolkit.report.sheet import Sheet
from toolkit.report.tables import tables
from toolkit.report.terminal import format_document
from toolkit.results import Document

WIDE = 250


def sheet_of(shown: Document) -> Sheet:
    (table,) = tables(shown.all_comparisons)
    return bench_sheet(table)


def column(sheet: Sheet, heading: str) -> list[str]:
    headings = [one.heading for one in sheet.columns]
    return [row[headings.index(heading)].text for row in sheet.rows]


def headings(sheet: Sheet) -> list[str]:
    return [one.heading for one in sheet.columns]


def words(shown: Document) -> str:
    return " ".join(format_document(shown, WIDE).split())

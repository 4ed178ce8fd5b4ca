"""The table of `export`."""

from __future__ import annotations

from toolkit.report.caption import short_hash
from toolkit.report.numbers import NOTHING, format_count, format_duration, format_size
from toolkit.report.sheet import Cell, Column, Sheet, verdict, whole
from toolkit.results import ExportedModel, Form

COLUMNS = (
    Column("form"),
    Column("file"),
    Column("size", "right"),
    Column("opset", "right", optional=True),
    Column("sha256"),
    Column("time", "right"),
    Column("status"),
)


def export_sheet(model: ExportedModel) -> Sheet:
    """One row a form: its file, size, opset, hash, the time it took and its status."""
    return Sheet(COLUMNS, [_row(form) for form in model.forms]).without_empty_columns(NOTHING)


def _row(form: Form) -> list[Cell]:
    return [
        whole(form.format),
        whole(form.path or NOTHING),
        whole(format_size(form.size_bytes)),
        whole(format_count(form.opset)),
        whole(short_hash(form.sha256) or NOTHING),
        whole(format_duration(form.seconds if form.path else None)),
        verdict(form.status),
    ]

"""One row a form and variant, for spreadsheets and scripts.

Columns stay as they are; new ones are added at the end. Numbers are plain: a point, no
thousands separators, times and sizes in the unit that the column names. An empty cell is a value
that was not measured.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

from toolkit.report.rows import Row, joined_rows
from toolkit.report.symbols import without_controls
from toolkit.results import Document, Speedup

Value = str | int | float | None

DIGITS = 6
"""Significant digits of a fraction."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _form(name: str) -> Callable[[Row], Value]:
    return lambda row: getattr(row.form, name, None)


def _check(name: str) -> Callable[[Row], Value]:
    return lambda row: getattr(row.check, name, None)


def _timing(name: str) -> Callable[[Row], Value]:
    return lambda row: getattr(row.variant, name, None)


def _speedup(name: str) -> Callable[[Row], Value]:
    def read(row: Row) -> Value:
        speedup: Speedup | None = row.variant.speedup if row.variant else None
        return getattr(speedup, name, None)

    return read


def _part(part: str, name: str) -> Callable[[Row], Value]:
    """A figure of a part of the timing: of its work or of its clean rounds."""
    return lambda row: getattr(getattr(row.variant, part, None), name, None)


def _comparison(name: str) -> Callable[[Row], Value]:
    return lambda row: getattr(row.comparison, name, None)


def _size(row: Row) -> Value:
    """Of the exported file, or of what was timed where nothing was exported."""
    held = row.form if row.form and row.form.size_bytes is not None else row.variant
    return held.size_bytes if held else None


def _settings(row: Row) -> Value:
    held = row.variant.settings if row.variant else {}
    return " ".join(f"{key}={value}" for key, value in held.items()) or None


def _sizes(row: Row) -> Value:
    held = (row.variant.sizes if row.variant else None) or {}
    return " ".join(f"{name}={size}" for name, size in held.items()) or None


def _clean_speedup(row: Row) -> Value:
    clean = row.variant.clean if row.variant else None
    return clean.speedup.estimate if clean and clean.speedup else None


def _errors(row: Row) -> str:
    findings = row.check.findings if row.check else []
    return " ".join(sorted({found.name for found in findings if found.severity == "error"}))


COLUMNS: dict[str, Callable[[Row], Value]] = {
    "model": lambda row: row.model,
    "format": lambda row: row.format,
    "variant": _timing("variant"),
    "runtime": lambda row: row.runtime,
    "device": lambda row: row.device,
    "dtype": _timing("dtype"),
    "threads": _timing("threads"),
    "batch": _timing("batch"),
    "export_status": _form("status"),
    "export_s": _form("seconds"),
    "opset": _form("opset"),
    "size_bytes": _size,
    "sha256": _form("sha256"),
    "parity_status": _check("status"),
    "parity_score": lambda row: row.score,
    "cases": _check("cases"),
    "noise_source": _check("noise_source"),
    "findings": _errors,
    "p50_us": _timing("p50_us"),
    "p50_low_us": _timing("p50_low_us"),
    "p50_high_us": _timing("p50_high_us"),
    "p90_us": _timing("p90_us"),
    "p99_us": _timing("p99_us"),
    "calls": _timing("calls"),
    "items_per_s": _timing("items_per_s"),
    "speedup": _speedup("estimate"),
    "speedup_low": _speedup("low"),
    "speedup_high": _speedup("high"),
    "verdict": _timing("verdict"),
    "aa_band": _comparison("aa_band"),
    "baseline": _comparison("baseline"),
    "p95_us": _timing("p95_us"),
    "rank": _timing("rank"),
    "settings": _settings,
    "device_p50_us": _timing("device_p50_us"),
    "placed": _timing("placed"),
    "roof_percent": _timing("roof_percent"),
    "bound": _timing("bound"),
    "flops": _part("work", "flops"),
    "bytes": _part("work", "bytes"),
    "load_s": _timing("load_s"),
    "first_call_us": _timing("first_call_us"),
    "first_result_s": _timing("first_result_s"),
    "peak_rss_bytes": _timing("peak_rss_bytes"),
    "minima_ratio": _timing("minima_ratio"),
    "alone": _timing("alone"),
    "clean_rounds": _part("clean", "rounds"),
    "clean_p50_us": _part("clean", "p50_us"),
    "clean_speedup": _clean_speedup,
    "clean_flagged": _part("clean", "flagged"),
    "preset": _comparison("preset"),
    "rounds": _comparison("rounds"),
    "sets": _comparison("sets"),
    "family": _comparison("family"),
    "seed": _comparison("seed"),
    "device_peak_bytes": _timing("device_peak_bytes"),
    "sizes": _sizes,
    "import_s": _timing("import_s"),
}
"""Every column, in order, and where its value stands."""


def format_csv(*documents: Document) -> str:
    """The joined rows of all documents under one heading line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for document in documents:
        for row in joined_rows(document):
            writer.writerow([_cell(read(row)) for read in COLUMNS.values()])
    return text.getvalue()


def _cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return str(float(f"{value:.{DIGITS}g}"))
    return guarded(value) if isinstance(value, str) else str(value)


def guarded(text: str) -> str:
    """Text that a spreadsheet does not take for a formula: a quote before = + - @."""
    line = without_controls(text)
    return f"'{line}" if text.startswith(_FORMULA) else line

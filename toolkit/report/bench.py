"""The latency table of one comparison."""

from __future__ import annotations

from toolkit.report.check import format_score
from toolkit.report.forms import MICROSECOND_S
from toolkit.report.numbers import (
    INTERVAL,
    NOTHING,
    duration_parts,
    format_count,
    format_duration,
    format_number,
    format_size,
    speedup_parts,
)
from toolkit.report.rows import is_baseline
from toolkit.report.sheet import Cell, Column, Sheet, verdict, whole, words
from toolkit.results import Comparison, Variant

COLUMNS = (
    Column("model"),
    Column("variant"),
    Column("device"),
    Column("dtype"),
    Column("threads", "right"),
    Column("batch", "right"),
    Column(f"p50 {INTERVAL}", "right"),
    Column("p90", "right", optional=True, spare=True),
    Column("p99", "right", optional=True),
    Column(f"speed-up {INTERVAL}", "right"),
    Column("items/s", "right"),
    Column("roof %", "right", optional=True),
    Column("load", "right", optional=True),
    Column("first call", "right", optional=True),
    Column("peak RSS", "right", optional=True),
    Column("size", "right", optional=True, spare=True),
    Column("score", "right", optional=True, spare=True),
    Column("verdict"),
)

_OF_ALL = ("model", "device", "dtype", "threads", "batch")
"""Columns that go to the caption when every row has the same value."""


def bench_sheet(comparison: Comparison) -> Sheet:
    """One row a variant; what all rows share is left to `shared_line`."""
    constant = _shared(comparison)
    rows = [_row(variant, comparison) for variant in comparison.variants]
    kept = [index for index, column in enumerate(COLUMNS) if column.heading not in constant]
    sheet = Sheet([COLUMNS[i] for i in kept], [[row[i] for i in kept] for row in rows])
    return sheet.without_empty_columns(NOTHING)


def shared_line(comparison: Comparison) -> str:
    """What all variants share: `lenet5 · cpu · float32 · 1 thread · batch 1`."""
    shared = _shared(comparison)
    threads = shared.pop("threads", None)
    batch = shared.pop("batch", None)
    parts = list(shared.values())
    parts += [f"{threads} thread" if threads == "1" else f"{threads} threads"] if threads else []
    parts += [f"batch {batch}"] if batch and batch != NOTHING else []
    return " · ".join(parts)


def _shared(comparison: Comparison) -> dict[str, str]:
    found = {}
    for name in _OF_ALL:
        values = {getattr(variant, name) for variant in comparison.variants}
        if len(values) == 1:
            value = values.pop()
            found[name] = NOTHING if value is None else str(value)
    return found


def _micro(value_us: float | None) -> float | None:
    return None if value_us is None else value_us * MICROSECOND_S


def _row(variant: Variant, comparison: Comparison) -> list[Cell]:
    baseline = is_baseline(variant, comparison)
    p50 = duration_parts(
        _micro(variant.p50_us), _micro(variant.p50_low_us), _micro(variant.p50_high_us)
    )
    speedup = ("1",) if baseline else speedup_parts(variant.speedup, variant.verdict)
    return [
        words(variant.model),
        words(variant.variant),
        whole(variant.device),
        whole(variant.dtype),
        whole(format_count(variant.threads)),
        whole(format_count(variant.batch)),
        Cell(p50),
        whole(format_duration(_micro(variant.p90_us))),
        whole(format_duration(_micro(variant.p99_us))),
        Cell(speedup),
        whole(format_number(variant.items_per_s)),
        whole(format_number(variant.roof_percent)),
        whole(format_duration(variant.load_s)),
        whole(format_duration(_micro(variant.first_call_us))),
        whole(format_size(variant.peak_rss_bytes)),
        whole(format_size(variant.size_bytes)),
        whole(format_score(variant.parity_score)),
        verdict("baseline" if baseline else variant.verdict),
    ]

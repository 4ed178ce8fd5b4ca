"""The table of `run`: one model, one row a form, everything that is known about it."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.report.check import format_score
from toolkit.report.numbers import (
    INTERVAL,
    NOTHING,
    duration_parts,
    format_duration,
    format_number,
    format_size,
    of_us,
    speedup_parts,
)
from toolkit.report.rows import Row
from toolkit.report.sheet import Cell, Column, Sheet, verdict, whole

COLUMNS = (
    Column("form"),
    Column("size", "right"),
    Column("export", "right"),
    Column("score", "right"),
    Column(f"p50 {INTERVAL}", "right"),
    Column(f"speed-up {INTERVAL}", "right"),
    Column("items/s", "right"),
    Column("verdict"),
)


def forms_sheet(rows: Sequence[Row]) -> Sheet:
    """One row a form: size, export time, parity score, p50, speed-up, items/s and verdict."""
    return Sheet(COLUMNS, [_cells(row, rows) for row in rows])


def _cells(row: Row, rows: Sequence[Row]) -> list[Cell]:
    form, variant = row.form, row.variant
    size = form.size_bytes if form else variant.size_bytes if variant else None
    return [
        _label(row, rows),
        whole(format_size(size)),
        whole(format_duration(form.seconds if form and form.path else None)),
        whole(format_score(row.check.score if row.check else None)),
        Cell(_p50(row)),
        Cell(_speedup(row)),
        whole(format_number(variant.items_per_s if variant else None)),
        verdict(*row_states(row)),
    ]


def _label(row: Row, rows: Sequence[Row]) -> Cell:
    """The form, and what tells it from its neighbours: device, runtime or batch."""
    form = row.variant.variant if row.variant else row.format or NOTHING
    twins = [other for other in rows if other.format == row.format]
    several = {
        "device": len({other.device for other in rows if other.device}) > 1,
        "runtime": len({other.runtime for other in twins if other.runtime}) > 1,
    }
    parts = [form]
    parts += [row.runtime] if several["runtime"] and row.runtime else []
    parts += [row.device] if several["device"] and row.device else []
    batches = {other.variant.batch for other in rows if other.variant}
    if len(batches) > 1 and row.variant and row.variant.batch is not None:
        parts.append(f"batch {row.variant.batch}")
    return Cell(tuple(parts))


def _p50(row: Row) -> tuple[str, ...]:
    if row.variant is None:
        return (NOTHING,)
    micro = (row.variant.p50_us, row.variant.p50_low_us, row.variant.p50_high_us)
    return duration_parts(*map(of_us, micro))


def _speedup(row: Row) -> tuple[str, ...]:
    if row.variant is None:
        return (NOTHING,)
    if row.is_baseline:
        return ("1",)
    return speedup_parts(row.variant.speedup, row.variant.verdict)


def row_states(row: Row) -> list[str]:
    """The words of the verdict: of the export if it failed, of parity, of latency."""
    states: list[str] = []
    if row.form and row.form.status != "ok" and row.check is None:
        states.append(row.form.status)
    if row.check:
        states.append(row.check.status)
    if row.variant and not row.is_baseline:
        states.append(row.variant.verdict)
    if row.is_baseline:
        states.append("baseline")
    return states or [row.form.status if row.form else NOTHING]

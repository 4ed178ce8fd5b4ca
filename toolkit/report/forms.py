"""The table of `run`: one model, one row a form, everything that is known about it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from toolkit.report.check import format_score
from toolkit.report.numbers import (
    INTERVAL,
    NOTHING,
    counted,
    duration_parts,
    format_duration,
    format_number,
    format_size,
    of_us,
    speedup_parts,
)
from toolkit.report.rows import Row
from toolkit.report.sheet import Cell, Column, Sheet, verdict, whole
from toolkit.report.timing_cells import COLD, ROOF, cold_cells, roof_cell
from toolkit.results import Variant

COLUMNS = (
    Column("form"),
    Column("size", "right"),
    Column("export", "right"),
    Column("score", "right"),
    Column(f"p50 {INTERVAL}", "right"),
    Column("p90", "right", optional=True, spare=2),
    Column("p99", "right", optional=True, spare=1),
    Column(f"speed-up {INTERVAL}", "right"),
    Column("items/s", "right"),
    ROOF,
    *COLD,
    Column("verdict"),
)
BRIEF = (None, "quick")
"""Presets whose table is kept to one glance; the others show every figure that they measured."""

_CELL = ("dtype", "threads", "batch")
"""What tells rows of one form apart where it differs, besides runtime and device."""


def forms_sheet(rows: Sequence[Row]) -> Sheet:
    """One row a form: size, export time, parity score, p50, speed-up, items/s and verdict.

    Of a full protocol also p90, p99, the roof and cold starts, as far as they were measured.
    """
    return Sheet(COLUMNS, [_cells(row, rows) for row in rows]).without_empty_columns(NOTHING)


def _cells(row: Row, rows: Sequence[Row]) -> list[Cell]:
    form, variant = row.form, row.variant
    tail, rest = _of_full(row)
    size = form.size_bytes if form else variant.size_bytes if variant else None
    return [
        _label(row, rows),
        whole(format_size(size)),
        whole(format_duration(form.seconds if form and form.path else None)),
        whole(format_score(row.score)),
        Cell(_p50(row)),
        *tail,
        Cell(_speedup(row)),
        whole(format_number(variant.items_per_s if variant else None)),
        *rest,
        verdict(*row_states(row)),
    ]


def _label(row: Row, rows: Sequence[Row]) -> Cell:
    """The form, and what tells it from its neighbours: runtime, device, dtype, threads, batch."""
    form = row.variant.variant if row.variant else row.format or NOTHING
    twins = [other for other in rows if other.format == row.format]
    several = {
        "device": len({other.device for other in rows if other.device}) > 1,
        "runtime": len({other.runtime for other in twins if other.runtime}) > 1,
    }
    parts = [form]
    parts += [row.runtime] if several["runtime"] and row.runtime else []
    parts += [row.device] if several["device"] and row.device else []
    timed = [other.variant for other in rows if other.variant]
    differing = {name for name in _CELL if len({getattr(one, name) for one in timed}) > 1}
    return Cell((*parts, *(_of_cell(row.variant, differing) if row.variant else ())))


def _of_cell(variant: Variant, differing: Collection[str]) -> list[str]:
    """Dtype, threads and batch in words, those of them that differ."""
    parts = [variant.dtype] if "dtype" in differing else []
    parts += [counted(variant.threads, "thread")] if "threads" in differing else []
    batched = "batch" in differing and variant.batch is not None
    return [*parts, f"batch {variant.batch}"] if batched else parts


def _of_full(row: Row) -> tuple[list[Cell], list[Cell]]:
    """p90 and p99; the roof and cold starts: dashes unless the full protocol was asked for."""
    variant, held = row.variant, row.comparison
    if variant is None or held is None or held.preset in BRIEF:
        return [whole(NOTHING)] * 2, [whole(NOTHING)] * (1 + len(COLD))
    tail = [whole(format_duration(of_us(value))) for value in (variant.p90_us, variant.p99_us)]
    return tail, [roof_cell(variant), *cold_cells(variant)]


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

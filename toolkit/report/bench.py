"""The latency table: one comparison, or those of a sweep in one sheet."""

from __future__ import annotations

from toolkit.report.check import format_score
from toolkit.report.numbers import (
    INTERVAL,
    NOTHING,
    duration_parts,
    format_count,
    format_duration,
    format_number,
    format_percent,
    format_size,
    of_us,
    speedup_parts,
)
from toolkit.report.sheet import Cell, Column, Sheet, verdict, whole, words
from toolkit.report.tables import SHARED, Table, Timed, models_of, named_settings, told_of
from toolkit.report.timing_cells import COLD, ROOF, cold_cells, roof_cell
from toolkit.results import Variant

COLUMNS = (
    Column("rank", "right", optional=True),
    Column("model"),
    Column("variant"),
    Column("options", optional=True),
    Column("device"),
    Column("dtype"),
    Column("threads", "right"),
    Column("batch", "right"),
    Column("sizes", optional=True),
    Column(f"p50 {INTERVAL}", "right"),
    Column("device p50", "right", optional=True, spare=3),
    Column("p90", "right", optional=True, spare=2),
    Column("p95", "right", optional=True, spare=3),
    Column("p99", "right", optional=True),
    Column(f"speed-up {INTERVAL}", "right"),
    Column("A/A band", "right", optional=True, spare=3),
    Column("items/s", "right"),
    ROOF,
    *COLD,
    Column("device peak", "right", optional=True, spare=3),
    Column("size", "right", optional=True, spare=3),
    Column("score", "right", optional=True, spare=3),
    Column("verdict"),
)


def bench_sheet(table: Table) -> Sheet:
    """One row a variant of each comparison; what all rows share is left to `shared_line`."""
    constant = table.shared
    rows = [_row(row, table) for row in table.rows]
    kept = [index for index, column in enumerate(COLUMNS) if column.heading not in constant]
    sheet = Sheet([COLUMNS[i] for i in kept], [[row[i] for i in kept] for row in rows])
    return sheet.without_empty_columns(NOTHING)


def _row(row: Timed, table: Table) -> list[Cell]:
    variant = row.variant
    return [
        whole(_rank(row)),
        words(variant.model),
        words(variant.variant),
        words(_options(variant)),
        *(whole(_shown(told_of(variant, name))) for name in SHARED if name != "model"),
        *_times(variant),
        Cell(("1",) if row.is_baseline else speedup_parts(variant.speedup, variant.verdict)),
        whole(_band(row, table)),
        whole(format_number(variant.items_per_s)),
        roof_cell(variant),
        *cold_cells(variant),
        whole(format_size(variant.device_peak_bytes)),
        whole(format_size(variant.size_bytes)),
        whole(format_score(variant.parity_score)),
        verdict("baseline" if row.is_baseline else variant.verdict),
    ]


def _times(variant: Variant) -> list[Cell]:
    micro = (variant.p50_us, variant.p50_low_us, variant.p50_high_us)
    others = (variant.device_p50_us, variant.p90_us, variant.p95_us, variant.p99_us)
    p50 = Cell(duration_parts(*map(of_us, micro)))
    return [p50, *(whole(format_duration(of_us(value))) for value in others)]


def _shown(value: str | int | None) -> str:
    return value if isinstance(value, str) else format_count(value)


def _rank(row: Timed) -> str:
    """The place among several models; `1=` where it is shared."""
    rank = row.variant.rank
    if rank is None or len(models_of([row.comparison])) == 1:
        return NOTHING
    sharing = sum(other.rank == rank for other in row.comparison.variants)
    return f"{rank}=" if sharing > 1 else str(rank)


def _options(variant: Variant) -> str:
    """The variant's own settings that its name does not tell."""
    said = [
        f"{key} {value}"
        for key, value in variant.settings.items()
        if key not in named_settings(variant)
    ]
    return ", ".join(said) or NOTHING


def _band(row: Timed, table: Table) -> str:
    """The band of the row's own comparison, where there are several."""
    several = len(table.comparisons) > 1 and row.comparison.aa_band is not None
    return f"±{format_percent(row.comparison.aa_band)}" if several else NOTHING

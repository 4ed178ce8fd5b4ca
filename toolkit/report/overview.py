"""Many models in one sheet: a line each, a column for the speed-up of every variant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from toolkit.report.means import LEAST_MODELS
from toolkit.report.numbers import (
    INTERVAL,
    NOTHING,
    format_duration,
    format_percent,
    of_us,
    speedup_parts,
)
from toolkit.report.sheet import Cell, Column, Section, Sheet, whole, words
from toolkit.report.tables import Table, models_of, shared_line, told_sizes
from toolkit.results import Comparison, Variant

_CELL = ("device", "dtype", "threads", "batch")


def overview_sections(comparisons: Iterable[Comparison]) -> list[Section]:
    """A sheet for each device, dtype, thread count and batch at which several models were timed.

    Only comparisons of one model each stand here, and those against one baseline together.
    """
    groups: dict[tuple[object, ...], list[Comparison]] = {}
    for held in comparisons:
        cells = {tuple(getattr(variant, name) for name in _CELL) for variant in held.variants}
        if len(models_of([held])) == len(cells) == 1:
            groups.setdefault((held.baseline, *cells.pop()), []).append(held)
    return [
        _section(together)
        for together in groups.values()
        if len(models_of(together)) >= LEAST_MODELS
    ]


def _section(together: Sequence[Comparison]) -> Section:
    table = Table(tuple(together))
    baseline = together[0].baseline
    names = [row.variant.variant for row in table.rows if not row.is_baseline]
    variants = list(dict.fromkeys(names))
    columns = [Column("model"), Column("sizes", optional=True), Column(f"{baseline} p50", "right")]
    columns += [Column(f"{name} {INTERVAL}", "right") for name in variants]
    columns.append(Column("A/A band", "right"))
    shared, alike = shared_line(table), "sizes" in table.shared
    sheet = Sheet(columns, [_row(held, variants, alike=alike) for held in together])
    return Section(
        f"speed-up over {baseline}, by model" + (f": {shared}" if shared else ""),
        sheet.without_empty_columns(NOTHING),
    )


def _row(held: Comparison, variants: Sequence[str], *, alike: bool) -> list[Cell]:
    own = {variant.variant: variant for variant in held.variants}
    band = NOTHING if held.aa_band is None else f"±{format_percent(held.aa_band)}"
    baseline = held.baseline_row
    return [
        words(held.variants[0].model),
        words(NOTHING if alike else told_sizes(held.variants[0]) or NOTHING),
        whole(format_duration(of_us(baseline.p50_us if baseline else None))),
        *(_speedup(own.get(name)) for name in variants),
        whole(band),
    ]


def _speedup(variant: Variant | None) -> Cell:
    """The ratio where one may be claimed; what is in doubt says so."""
    if variant is None:
        return whole(NOTHING)
    doubt = (variant.verdict,) if variant.verdict in ("unstable", "noisy", "not timed") else ()
    shown = speedup_parts(variant.speedup, variant.verdict)
    return Cell(doubt if variant.verdict == "not timed" else (*shown, *doubt))

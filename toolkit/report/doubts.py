"""What is to be doubted in a latency table, row by row."""

from __future__ import annotations

from collections.abc import Iterator

from toolkit.report.forms import MICROSECOND_S
from toolkit.report.numbers import (
    counted,
    format_duration,
    format_number,
    format_percent,
    speedup_parts,
)
from toolkit.report.sheet import Remark
from toolkit.report.symbols import TIMES
from toolkit.report.tables import Table, Timed
from toolkit.results import Clean, Variant

WHOLE_ROOF = 100.0
COUNTS_DIFFER = 0.05
"""Operations counted from the graph and by torch: a larger difference is said."""


def doubts(table: Table) -> list[Remark]:
    """The notes under a table: what was not timed, and which figures to be careful with.

    What holds for several rows stands once, with all of them.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for held in table.comparisons:
        if any(variant.verdict == "noisy" for variant in held.variants):
            where = " · ".join(table.cell(held.variants[0]))
            found.setdefault(("noisy", _noisy(held.aa_band)), []).append(where)
    for row in table.rows:
        for name, message in _of_row(row):
            found.setdefault((name, message), []).append(table.label(row.variant))
    return [
        Remark("note", name, (", ".join(where),) if any(where) else (), message)
        for (name, message), where in found.items()
    ]


def _of_row(row: Timed) -> Iterator[tuple[str, str]]:
    variant = row.variant
    if variant.note:
        yield "not timed" if variant.verdict == "not timed" else "timing", variant.note
    if variant.verdict == "unstable" and variant.minima_ratio is not None:
        told = f"{format_number(variant.minima_ratio)}{TIMES}"
        yield "unstable", f"its fastest rounds say {told}: that contradicts the medians"
    if variant.alone:
        yield "alone", "timed in a process of its own, so it is compared by its fastest rounds"
    if variant.clean and variant.clean.flagged:
        yield "clean rounds", _clean(variant, variant.clean)
    if variant.placed is not None and variant.placed < 1:
        yield "placed", f"{format_percent(variant.placed)} of its nodes ran on {variant.device}"
    if variant.roof_percent is not None and variant.roof_percent > WHOLE_ROOF:
        yield "roof", "over 100 %: the rates of the machine itself were measured too low here"
    yield from _counts(variant)


def _noisy(band: float | None) -> str:
    if band is None:
        return "there is no A/A row: no difference can be claimed"
    return f"identical code lay up to {format_percent(band)} apart: no difference can be claimed"


def _clean(variant: Variant, clean: Clean) -> str:
    """Both figures side by side: nothing is dropped for the disturbed rounds."""
    pairs = [("p50", _duration(clean.p50_us), _duration(variant.p50_us))]
    if clean.speedup:
        parts = (speedup_parts(clean.speedup, ""), speedup_parts(variant.speedup, ""))
        pairs.append(("speed-up", " ".join(parts[0]), " ".join(parts[1])))
    differing = [pair for pair in pairs if pair[1] != pair[2]] or pairs
    told = [f"{what} {own} (all rounds: {every})" for what, own, every in differing]
    rounds = counted(clean.rounds, "round")
    return f"{rounds} in which the machine was left alone: {', '.join(told)}"


def _duration(value_us: float | None) -> str:
    return format_duration(None if value_us is None else value_us * MICROSECOND_S)


def _counts(variant: Variant) -> Iterator[tuple[str, str]]:
    work = variant.work
    if work is None or not work.torch_flops or not work.flops:
        return
    if abs(work.flops / work.torch_flops - 1) > COUNTS_DIFFER:
        counts = (format_number(float(count)) for count in (work.flops, work.torch_flops))
        yield "operations", "{} in the graph, {} by torch's own counter".format(*counts)

"""What is to be doubted in a latency table, row by row."""

from __future__ import annotations

from collections.abc import Iterator

from toolkit.report.numbers import (
    counted,
    duration_parts,
    format_duration,
    format_number,
    format_percent,
    of_us,
    speedup_parts,
)
from toolkit.report.sheet import Remark
from toolkit.report.symbols import TIMES
from toolkit.report.tables import Table, Timed
from toolkit.results import Clean, Comparison, Preset, Variant
from toolkit.timing.roofline import AGREEMENT, BY_TORCH, NOT_COUNTED

WHOLE_ROOF = 100.0
_OVER = (
    "over 100 %: its data stays in a cache whose rate was not measured, or the rates of the"
    " machine itself were measured too low here"
)
_MAY_TELL: dict[Preset, str] = {
    "quick": "toolkit bench without --quick",
    "usual": "a quieter machine, or a longer --budget,",
    "rigorous": "a quieter machine",
}
"""What is left to do about a machine that was too noisy."""


def doubts(table: Table) -> list[Remark]:
    """The notes under a table: what was not timed, and which figures to be careful with.

    What holds for several rows stands once, with all of them; what holds for every row, alone.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for held in table.comparisons:
        if any(variant.verdict == "noisy" for variant in held.variants):
            where = " · ".join(table.cell(held.variants[0]))
            found.setdefault(("noisy", _noisy(held)), []).append(where)
        for again in held.remeasured:
            found.setdefault(("timed again", _saved(again)), []).append(table.label(again))
    for row in table.rows:
        for name, message in _of_row(row):
            found.setdefault((name, message), []).append(table.label(row.variant))
    every = [table.label(row.variant) for row in table.rows]
    return [
        Remark("note", name, (", ".join(where),) if any(where) and where != every else (), message)
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
        yield "roof", _OVER
    yield from _counts(variant)


def _saved(again: Variant) -> str:
    """What a saved run's own file takes in the rounds of this one."""
    if again.p50_us is None:
        return again.note or "the saved run's file could not be timed"
    p50 = duration_parts(*map(of_us, (again.p50_us, again.p50_low_us, again.p50_high_us)))
    return f"the saved run's own file, in the same rounds: p50 {' '.join(p50)}"


def _noisy(held: Comparison) -> str:
    if held.aa_band is None:
        return "there is no A/A row: no difference can be claimed"
    apart = f"identical code lay up to {format_percent(held.aa_band)} apart"
    mending = _MAY_TELL[held.preset or "rigorous"]
    return f"{apart}: no difference can be claimed; {mending} may tell"


def _clean(variant: Variant, clean: Clean) -> str:
    """Both figures side by side: nothing is dropped for the disturbed rounds."""
    pairs = [("p50", format_duration(of_us(clean.p50_us)), format_duration(of_us(variant.p50_us)))]
    if clean.speedup:
        parts = (speedup_parts(clean.speedup, ""), speedup_parts(variant.speedup, ""))
        pairs.append(("speed-up", " ".join(parts[0]), " ".join(parts[1])))
    differing = [pair for pair in pairs if pair[1] != pair[2]] or pairs
    told = [f"{what} {own} (all rounds: {every})" for what, own, every in differing]
    rounds = counted(clean.rounds, "round")
    return f"{rounds} in which the machine was left alone: {', '.join(told)}"


def _counts(variant: Variant) -> Iterator[tuple[str, str]]:
    """Where the operations were counted in one way alone, in part, or in two ways that differ."""
    work = variant.work
    if work is None:
        return
    if work.source.startswith(BY_TORCH):
        yield "operations", f"counted by {BY_TORCH} alone{work.source.removeprefix(BY_TORCH)}"
    elif NOT_COUNTED in work.source:
        yield "operations", f"counted in part: {work.source}"
    if not work.torch_flops or not work.flops:
        return
    apart = abs(work.flops - work.torch_flops) / max(work.flops, work.torch_flops)
    if apart > AGREEMENT:
        counts = (format_number(float(count)) for count in (work.flops, work.torch_flops))
        yield "operations", "{} in the graph, {} by torch's own counter".format(*counts)

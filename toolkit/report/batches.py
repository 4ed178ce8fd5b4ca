"""Throughput by batch, and the batch at which more stops helping."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from toolkit.report.numbers import format_count, format_number, format_percent
from toolkit.report.sheet import Cell, Column, Section, Sheet, whole, words
from toolkit.report.tables import Table
from toolkit.results import Comparison, Variant
from toolkit.timing.statistics import NOISY_BAND

LEAST_GAIN = 0.05
"""A larger batch that gains less is not worth its memory and its waiting, however well resolved."""

_OWN = ("model", "variant", "device", "dtype", "threads")


@dataclass(frozen=True)
class Curve:
    """Measured items per second of one variant by batch, ascending.

    `gain` is the fraction by which two of them must differ to count: the widest A/A band among
    the comparisons, and `LEAST_GAIN` at least. Where `is_noisy` nothing can be claimed.

    `machine` is the matrix rate that each batch's comparison saw, empty unless all of them did.
    Batches are timed one after the other, on a machine that may be quicker at one than at the
    next: items per second then count relative to what the machine could do in the same rounds.
    """

    variant: Variant
    points: tuple[tuple[int, float], ...]
    gain: float
    is_noisy: bool = False
    machine: tuple[float, ...] = ()

    @property
    def enough(self) -> int:
        """The smallest batch whose items per second are within `gain` of the best."""
        machine = self.machine or (1.0,) * len(self.points)
        rates = [
            (batch, rate / own) for (batch, rate), own in zip(self.points, machine, strict=True)
        ]
        best = max(rate for _, rate in rates)
        return min(batch for batch, rate in rates if rate * (1 + self.gain) >= best)

    @property
    def is_rising(self) -> bool:
        """Whether the largest batch is the first that is enough: more may still help."""
        return self.enough == self.points[-1][0]


def curves(comparisons: Iterable[Comparison]) -> list[Curve]:
    """The variants that were timed at two batches or more."""
    found: dict[tuple[object, ...], dict[int, tuple[Variant, Comparison]]] = {}
    for held in comparisons:
        for variant in held.variants:
            if variant.batch is None or not variant.items_per_s:
                continue
            key = tuple(getattr(variant, name) for name in _OWN)
            found.setdefault(key, {})[variant.batch] = (variant, held)
    return [_curve(rows) for rows in found.values() if len(rows) > 1]


def _curve(rows: dict[int, tuple[Variant, Comparison]]) -> Curve:
    points = tuple((batch, rows[batch][0].items_per_s or 0.0) for batch in sorted(rows))
    held = [rows[batch] for batch in sorted(rows)]
    gain = max(LEAST_GAIN, *(comparison.aa_band or 0.0 for _, comparison in held))
    is_noisy = any((comparison.aa_band or math.inf) > NOISY_BAND for _, comparison in held)
    machine = [_matrix_rate(*one) for one in held]
    known = tuple(rate for rate in machine if rate)
    return Curve(held[0][0], points, gain, is_noisy, known if len(known) == len(held) else ())


def _matrix_rate(variant: Variant, held: Comparison) -> float | None:
    """Operations per second that the machine was seen to reach in the rounds of a row."""
    rates = (one.flops_per_s for one in held.ceilings if one.device == variant.device)
    return next(rates, None)


def batch_section(table: Table) -> Section | None:
    """Items per second by batch and the batch that is enough; None where no batch varies."""
    drawn = curves(table.comparisons)
    if not drawn:
        return None
    batches = sorted({batch for curve in drawn for batch, _ in curve.points})
    columns = [Column(name) for name in _varying(table)]
    columns += [Column(f"batch {format_count(batch)}", "right") for batch in batches]
    columns.append(Column("enough", "right"))
    rows = [_row(curve, batches, [column.heading for column in columns]) for curve in drawn]
    return Section("items/s by batch", Sheet(columns, rows), caption=[_meaning(drawn)])


def _varying(table: Table) -> list[str]:
    shared = table.shared
    return [name for name in _OWN if name == "variant" or name not in shared]


def _row(curve: Curve, batches: list[int], headings: list[str]) -> list[Cell]:
    rates = dict(curve.points)
    own = [words(str(getattr(curve.variant, name))) for name in headings if name in _OWN]
    shown = [whole(format_number(rates.get(batch))) for batch in batches]
    return [*own, *shown, whole(enough_words(curve))]


def enough_words(curve: Curve) -> str:
    """The batch at which more stops helping; `> 32` where 32, the largest, still helped.

    `noisy` where the machine could not tell identical code apart at one of the batches.
    """
    if curve.is_noisy:
        return "noisy"
    if curve.is_rising:
        return f">\N{NO-BREAK SPACE}{format_count(curve.enough)}"
    return format_count(curve.enough)


def _meaning(drawn: list[Curve]) -> str:
    parts = [f"enough: the smallest batch within {gain_words(drawn)} of the best items/s"]
    claimed = [curve for curve in drawn if not curve.is_noisy]
    if any(curve.is_rising for curve in claimed):
        parts.append("> where the largest batch still helped")
    if len(claimed) < len(drawn):
        parts.append("noisy where identical code lay too far apart to say")
    return "; ".join([*parts, turns_words(drawn)])


def turns_words(drawn: list[Curve]) -> str:
    """How batches came to be compared, which did not take turns with one another."""
    apart = "batches were timed one after the other, not in turns"
    if all(curve.machine for curve in drawn):
        return f"{apart}: compared relative to the machine's matrix rate at each"
    return apart


def gain_words(drawn: list[Curve]) -> str:
    """The gain that counts, of the curves of which something can be claimed."""
    gains = [curve.gain for curve in drawn if not curve.is_noisy] or [LEAST_GAIN]
    return format_percent(max(gains))

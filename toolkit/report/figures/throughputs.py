"""Items per second by batch, and the batch at which more stops helping."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.report.batches import Curve, curves, enough_words, gain_words, turns_words
from toolkit.report.figures import style
from toolkit.report.figures.captions import caption
from toolkit.report.figures.looks import looks
from toolkit.report.figures.scales import batch_axis, number_axis
from toolkit.report.tables import Table, Timed, shared_line
from toolkit.results import Comparison, Document

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SAYS = (
    "Measured items per second. Rings mark the batch that is enough: larger ones gain less than"
    " {gain}. No ring: the largest batch still helped, or it is too noisy to say. {turns}."
)


def throughput(document: Document, table: Table) -> Figure | None:
    """A curve a variant; None where no batch varies."""
    drawn = curves(table.comparisons)
    if not drawn:
        return None
    turns = turns_words(drawn)
    says = _SAYS.format(gain=gain_words(drawn), turns=turns[0].upper() + turns[1:])
    lines = caption(document, table.comparisons, says)
    title = f"Throughput by batch: {shared_line(table)}"
    picture, axes = style.figure(3.6, lines, title)
    first = table.comparisons[0]
    rows = [Timed(first, curve.variant) for curve in drawn]
    for curve, look in zip(drawn, looks(rows, table.models), strict=True):
        batches, rates = zip(*curve.points, strict=True)
        label = f"{style.label(_name(table, curve))}: {_told(curve)}"
        (line,) = axes.plot(batches, rates, markersize=6, label=label)
        line.set(linewidth=2.8 if _is_baseline(curve, first) else 1.6)
        line.set(color=look.colour, linestyle=look.line, marker=look.mark)
        _ring(axes, curve, look.colour)
    _axes(axes, drawn)
    return picture


def _is_baseline(curve: Curve, comparison: Comparison) -> bool:
    """Whether the speed-ups refer to it, whatever comparison of the sweep its row is of."""
    held, own = comparison.baseline_row, curve.variant
    return held is not None and (held.model, held.variant) == (own.model, own.variant)


def _name(table: Table, curve: Curve) -> str:
    """The row without its batch, which the axis tells."""
    return table.label(curve.variant.model_copy(update={"batch": None}))


def _told(curve: Curve) -> str:
    return "noisy" if curve.is_noisy else f"enough {enough_words(curve)}"


def _ring(axes: Axes, curve: Curve, colour: str) -> None:
    if not (curve.is_rising or curve.is_noisy):
        rate = dict(curve.points)[curve.enough]
        (ring,) = axes.plot([curve.enough], [rate], "o", markersize=14, markerfacecolor="none")
        ring.set(markeredgecolor=colour, markeredgewidth=1.4)


def _axes(axes: Axes, drawn: list[Curve]) -> None:
    rates = [rate for curve in drawn for _, rate in curve.points]
    low, high = min(rates) / 1.3, max(rates) * 1.3
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    number_axis(axes.yaxis, low, high)
    batch_axis(axes, sorted({batch for curve in drawn for batch, _ in curve.points}))
    axes.set_ylabel("items per second")
    axes.grid()
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=9)

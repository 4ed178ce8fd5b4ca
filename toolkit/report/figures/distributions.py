"""Distributions of single calls: every call that was timed, from the raw samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from toolkit.report.figures import style
from toolkit.report.figures.captions import caption
from toolkit.report.figures.looks import looks
from toolkit.report.figures.scales import duration_axis
from toolkit.report.numbers import format_duration, of_us
from toolkit.report.tables import Table, Timed, shared_line
from toolkit.results import Comparison, Document

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

NS_PER_S = 1e9
TWIN = "#b0b0b0"
POINTS = 500
"""Points of a curve: more of them cannot be seen."""

TAIL = 0.999
"""The axis ends where every variant has made so much of its calls: one late call is not shown."""

LEAST_ROOM = 1.15
"""Calls that all take as long still need an axis."""

_AXES_IN, _LINE_IN = 3.0, 0.19
"""Inches: of the axes with their labels, and of a line of the legend under them."""

_HALF = 48
"""Characters that fit into half of the width."""

_SAYS = (
    "Share of calls that took no longer. Steep is steady; what runs on to the right is the tail."
    " Dots are p50, ticks p90 and p99."
)

_TWIN_SAYS = " Thin and grey: a second copy of the baseline (A/A)."


def distributions(document: Document, comparison: Comparison) -> Figure | None:
    """The share of calls by their duration; None where no samples are kept."""
    own = Table((comparison,))
    rows = [row for row in own.rows if any(len(block) for block in row.variant.samples_ns)]
    if not rows:
        return None
    title = f"Latency of single calls: {shared_line(own)}"
    twin = [block for block in comparison.aa_samples_ns if len(block)]
    says = _SAYS + (_TWIN_SAYS if twin else "")
    labels = [_label(own, row) for row in rows]
    columns = 2 if max(map(len, labels)) <= _HALF else 1
    height = _AXES_IN + _LINE_IN * math.ceil((len(rows) + bool(twin)) / columns)
    picture, axes = style.figure(height, caption(document, [comparison], says), title)
    drawn = [_seconds(row.variant.samples_ns) for row in rows]
    if twin:
        _curve(axes, _seconds(twin), color=TWIN, linewidth=1.0, zorder=5, label="A/A twin")
    shown = zip(rows, looks(rows, own.models), drawn, labels, strict=True)
    for row, look, calls, label in shown:
        _curve(
            axes,
            calls,
            color=look.colour,
            linestyle=look.line,
            linewidth=2.6 if row.is_baseline else 1.6,
            label=label,
        )
        _percentiles(axes, row, calls, look.colour)
    _axes(axes, drawn, columns)
    return picture


def _seconds(blocks: Sequence[NDArray[Any]]) -> Floats:
    """Every call, ascending; a clock that saw no time pass saw less than a nanosecond of it."""
    calls: Floats = np.maximum(np.sort(np.concatenate(blocks)), 1) / NS_PER_S
    return calls


def _curve(axes: Axes, calls: Floats, **look: Any) -> None:
    shares = np.linspace(0, 1, min(POINTS, calls.size))
    axes.plot(np.quantile(calls, shares, method="higher"), 100 * shares, **look)


def _percentiles(axes: Axes, row: Timed, calls: Floats, colour: str) -> None:
    """The figures of the table: a percentile that it does not claim has no tick."""
    axes.plot([np.median(calls)], [50], "o", color=colour, markersize=6)
    claimed = ((90, row.variant.p90_us), (99, row.variant.p99_us))
    shown = [percent for percent, value in claimed if value is not None]
    at = [float(np.quantile(calls, percent / 100)) for percent in shown]
    axes.plot(at, shown, "|", color=colour, markersize=9, markeredgewidth=1.8)


def _label(table: Table, row: Timed) -> str:
    p50 = format_duration(of_us(row.variant.p50_us))
    return f"{style.label(table.label(row.variant))}: p50 {p50}, {row.variant.calls:,} calls"


def _axes(axes: Axes, drawn: Sequence[Floats], columns: int) -> None:
    low = min(float(calls[0]) for calls in drawn)
    high = max(float(np.quantile(calls, TAIL)) for calls in drawn)
    room = max((high / low) ** 0.03, LEAST_ROOM)
    axes.set_xscale("log")
    axes.set_xlim(low / room, high * room)
    duration_axis(axes.xaxis, low / room, high * room)
    axes.set_ylim(0, 101)
    axes.set_xlabel("duration of a call (logarithmic)")
    axes.set_ylabel("calls (%)")
    axes.grid()
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.16), ncols=columns, fontsize=8.5)

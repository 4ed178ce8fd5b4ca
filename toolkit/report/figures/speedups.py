"""Speed-ups with their intervals against the A/A band."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from toolkit.report.figures import style
from toolkit.report.figures.captions import caption
from toolkit.report.figures.looks import Look, look_of, looks
from toolkit.report.figures.scales import ratio_axis
from toolkit.report.numbers import speedup_parts
from toolkit.report.protocol import baseline_words
from toolkit.report.tables import Table, Timed, shared_line
from toolkit.results import Document, Speedup

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_IN = 0.36
TALL_IN = 6.0
"""From this height on the axis is told above the rows too."""

MARK, SMALL_MARK = 5.5, 4.5
"""Points; an interval may be narrower, so its ends are taller."""

CLAIMED = ("faster", "slower")
"""Verdicts whose mark is filled: the interval clears the band."""

_SAYS = (
    "Times faster than {baseline}, with 95 % intervals. Filled: clear of the A/A band (grey), in"
    " which identical code lies; hollow: no difference can be claimed."
)


def speedups(document: Document, table: Table) -> Figure | None:
    """One line a row; None where nothing has a ratio."""
    rows = [row for row in table.rows if _ratio(row) is not None and not row.is_baseline]
    if not rows:
        return None
    held = table.comparisons
    says = _SAYS.format(baseline=baseline_words(held))
    title = f"Speed-up over {held[0].baseline}: {shared_line(table)}"
    picture, axes = style.figure(ROW_IN * len(rows) + 0.7, caption(document, held, says), title)
    drawn = looks(rows, table.models)
    for place, (row, look) in enumerate(zip(rows, drawn, strict=True)):
        _band(axes, row, place)
        _mark(axes, row, place, look)
        _words(axes, row, place)
    _rows_axis(axes, [table.label(row.variant) for row in rows])
    ratio_axis(axes, [end for row in rows for end in _ends(row)])
    return picture


def _ratio(row: Timed) -> Speedup | None:
    found = row.variant.speedup
    return found if found is not None and found.estimate else None


def _ends(row: Timed) -> list[float]:
    """The ends of the interval and of the band: all of them are to be seen."""
    found = row.variant.speedup
    band = row.comparison.aa_band or 0.0
    known = (found.low, found.estimate, found.high) if found else ()
    return [*(value for value in known if value), 1 + band, 1 / (1 + band)]


def _band(axes: Axes, row: Timed, place: int) -> None:
    band = row.comparison.aa_band
    if band:
        edges = (1 / (1 + band), 1 + band)
        axes.fill_betweenx([place - 0.5, place + 0.5], *edges, color=style.SHADE, linewidth=0)


def _mark(axes: Axes, row: Timed, place: float, look: Look, size: float = MARK) -> None:
    found = _ratio(row)
    if found is None or found.estimate is None:
        return
    colour = look.colour
    low, high = found.low or found.estimate, found.high or found.estimate
    axes.plot([low, high], [place, place], color=colour, linewidth=2, solid_capstyle="butt")
    axes.plot(
        [low, high], [place, place], "|", color=colour, markersize=2.1 * size, markeredgewidth=1.6
    )
    face = colour if row.variant.verdict in CLAIMED else "white"
    (shown,) = axes.plot(
        [found.estimate], [place], look.mark, markersize=size, markerfacecolor=face
    )
    shown.set(markeredgecolor=colour, markeredgewidth=1.4)


def _words(axes: Axes, row: Timed, place: int) -> None:
    """The figures themselves, to the right of the axes."""
    verdict = row.variant.verdict
    told = "  ".join([" ".join(speedup_parts(row.variant.speedup, verdict)), verdict])
    axes.annotate(
        told,
        (1.0, place),
        xycoords=("axes fraction", "data"),
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
        fontsize=8.5,
        annotation_clip=False,
    )


def _rows_axis(axes: Axes, labels: Sequence[str]) -> None:
    axes.set_yticks(range(len(labels)), [style.label(name) for name in labels])
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.axvline(1, color=style.FAINT, linewidth=1)


def over_models(document: Document, held: Sequence[Table]) -> Figure | None:
    """A line a model with the variants on it, where several models have comparisons of their own.

    Of a sweep the first comparison stands here.
    """
    firsts = [Table(table.comparisons[:1]) for table in held if len(table.models) == 1]
    rows = [[row for row in table.rows if _ratio(row) and not row.is_baseline] for table in firsts]
    shown = [(table, own) for table, own in zip(firsts, rows, strict=True) if own]
    baselines = {table.comparisons[0].baseline for table, _ in shown}
    if len(shown) < 2 or len(baselines) > 1:  # noqa: PLR2004 - one model has its own picture
        return None
    comparisons = [table.comparisons[0] for table, _ in shown]
    baseline = baselines.pop()
    lines = caption(document, comparisons, _SAYS.format(baseline=baseline))
    most = max(len(own) for _, own in shown)
    height = (0.12 + 0.09 * most) * len(shown) + 1.1
    shared = shared_line(Table(tuple(comparisons)))
    title = f"Speed-up over {baseline}, by model" + (f": {shared}" if shared else "")
    picture, axes = style.figure(height, lines, title)
    for place, (_, own) in enumerate(shown):
        _models_row(axes, own, place)
    _rows_axis(axes, [table.models[0] for table, _ in shown])
    _legend(axes, [row for _, own in shown for row in own])
    axes.tick_params(axis="x", top=height > TALL_IN, labeltop=height > TALL_IN)
    ratio_axis(axes, [end for _, own in shown for row in own for end in _ends(row)])
    return picture


def _models_row(axes: Axes, rows: Sequence[Timed], place: int) -> None:
    """The variants of one model, one under the other within its line."""
    _band(axes, rows[0], place)
    step = 0.72 / len(rows)
    for index, row in enumerate(rows):
        look = look_of(row.variant)
        _mark(axes, row, place + step * (index - (len(rows) - 1) / 2), look, SMALL_MARK)
    axes.axhline(place + 0.5, color="white", linewidth=1.5)


def _legend(axes: Axes, rows: Sequence[Timed]) -> None:
    for variant in {row.variant.variant: row.variant for row in rows}.values():
        look = look_of(variant)
        label = style.label(variant.variant)
        axes.plot([], [], look.mark, color=look.colour, markersize=7, label=label)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=9)

"""The roofline: how many operations a second, of those that the machine can do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from toolkit.folders import slug
from toolkit.report.figures import style
from toolkit.report.figures.captions import caption
from toolkit.report.figures.looks import Look, looks
from toolkit.report.figures.scales import number_axis, si
from toolkit.report.numbers import counted
from toolkit.report.tables import Timed, models_of
from toolkit.results import Ceiling, Comparison, Document
from toolkit.timing.roofline import US_PER_S, intensity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LABELS = 24
"""So many points have room for a name each."""

_SAYS = (
    "Operations per second against operations per byte moved; a multiply-add is two. The roof is"
    " what the machine reached in the same rounds: the slope is its copy rate (dashed: within the"
    " second-level caches), the flat its matrix rate."
)


@dataclass(frozen=True)
class Roof:
    """Operations and bytes a second that a device reached at a number of threads.

    `cache_bytes_per_s` is the rate of what stays in the second-level caches, where it is known.
    """

    flops_per_s: float
    bytes_per_s: float
    cache_bytes_per_s: float | None = None

    def at(self, intensity: float) -> float:
        """The most operations a second at so many operations per byte from memory."""
        return min(self.flops_per_s, self.bytes_per_s * intensity)

    def in_cache(self, intensity: float) -> float:
        """The same of what fits into the cache, which is no slower than memory."""
        rate = max(self.bytes_per_s, self.cache_bytes_per_s or 0)
        return min(self.flops_per_s, rate * intensity)


@dataclass(frozen=True)
class Point:
    """One row: operations per byte and per second."""

    row: Timed
    intensity: float
    flops_per_s: float


def rooflines(document: Document) -> Iterator[tuple[str, Figure]]:
    """A picture for each device and number of threads with known roofs."""
    groups: dict[tuple[str, int], list[Point]] = {}
    for held in document.all_comparisons:
        for variant in held.variants:
            point = _point(Timed(held, variant))
            if point is not None:
                groups.setdefault((variant.device, variant.threads), []).append(point)
    made = [(key, points, roof_of(points, key[0])) for key, points in groups.items()]
    roofed = [(key, points, roof) for key, points, roof in made if roof is not None]
    for (device, threads), points, roof in roofed:
        own = "" if len(roofed) == 1 else f"-{slug(device)}-threads-{threads}"
        yield f"roofline{own}", _drawn(document, points, roof, device, threads)


def _point(row: Timed) -> Point | None:
    """None without a roof, as for threads or a dtype that the ceilings were not measured at."""
    if row.variant.roof_percent is None:
        return None
    work, p50_us = row.variant.work, row.variant.p50_us
    if work is None or not p50_us or not work.flops:
        return None
    per_byte = intensity(work)
    return Point(row, per_byte, work.flops * US_PER_S / p50_us) if per_byte else None


def roof_of(points: Sequence[Point], device: str) -> Roof | None:
    """The roofs that the comparisons of some points saw: the median over them."""
    held = {id(point.row.comparison): point.row.comparison for point in points}.values()
    found = [one for own in held for one in own.ceilings if one.device == device and _known(one)]
    if not found:
        return None
    cached = [one.cache_bytes_per_s for one in found if one.cache_bytes_per_s]
    return Roof(
        median(one.flops_per_s or 0 for one in found),
        median(one.bytes_per_s or 0 for one in found),
        median(cached) if cached else None,
    )


def _known(ceiling: Ceiling) -> bool:
    return bool(ceiling.flops_per_s and ceiling.bytes_per_s)


def _drawn(
    document: Document, points: Sequence[Point], roof: Roof, device: str, threads: int
) -> Figure:
    held: list[Comparison] = list({id(p.row.comparison): p.row.comparison for p in points}.values())
    models = models_of(held)
    of = models[0] if len(models) == 1 else counted(len(models), "model")
    title = f"Roofline: {of} · {device} · {counted(threads, 'thread')}"
    picture, axes = style.figure(4.2, caption(document, held, _SAYS), title)
    _roof(axes, points, roof)
    single = len(models) == 1 or all(len(models_of([one])) == 1 for one in held)
    drawn = looks([point.row for point in points], models[:1] if single else models)
    for point, look in zip(points, drawn, strict=True):
        axes.plot(
            [point.intensity], [point.flops_per_s], look.mark, color=look.colour, markersize=7
        )
    _legend(axes, points, drawn, with_model=not single)
    _names(axes, points, with_model=single)
    return picture


def _roof(axes: Axes, points: Sequence[Point], roof: Roof) -> None:
    ridge = roof.flops_per_s / roof.bytes_per_s
    cached = roof.flops_per_s / max(roof.bytes_per_s, roof.cache_bytes_per_s or 0)
    known = [*(point.intensity for point in points), ridge, cached]
    low, high = min(known) / 3, max(known) * 3
    reached = [point.flops_per_s for point in points]
    least, most = min(*reached, roof.at(low)) / 2, max(*reached, roof.flops_per_s) * 3
    at = np.geomspace(low, high, 200)
    axes.plot(at, [roof.at(one) for one in at], color=style.INK, linewidth=2)
    outer = [roof.in_cache(one) for one in at]
    if roof.cache_bytes_per_s:
        axes.plot(at, outer, color=style.INK, linewidth=1.2, linestyle="--")
    axes.fill_between(at, outer, most, color=style.SHADE, linewidth=0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(least, most)
    number_axis(axes.xaxis, low, high)
    number_axis(axes.yaxis, least, most)
    axes.set_xlabel("operations per byte")
    axes.set_ylabel("operations per second")
    axes.grid()
    _roof_words(axes, roof)


def _roof_words(axes: Axes, roof: Roof) -> None:
    """The rates, in the corner that points hardly reach."""
    told = f"matrix rate {si(roof.flops_per_s)}FLOP/s\ncopy rate {si(roof.bytes_per_s)}B/s"
    if roof.cache_bytes_per_s:
        told += f"\n{si(roof.cache_bytes_per_s)}B/s within the cache"
    axes.text(0.015, 0.97, told, transform=axes.transAxes, va="top", fontsize=9)


def _legend(
    axes: Axes, points: Sequence[Point], drawn: Sequence[Look], *, with_model: bool
) -> None:
    told: dict[str, Look] = {}
    for point, look in zip(points, drawn, strict=True):
        variant = point.row.variant
        name = f"{variant.model} {variant.variant}" if with_model else variant.variant
        told.setdefault(name, look)
    for name, look in told.items():
        axes.plot([], [], look.mark, color=look.colour, markersize=7, label=style.label(name))
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=9)


def _names(axes: Axes, points: Sequence[Point], *, with_model: bool) -> None:
    """The models and batches, each at the fastest of its points."""
    from matplotlib.patheffects import withStroke

    best: dict[str, Point] = {}
    for point in points:
        name = _name(point, points, with_model=with_model)
        if name not in best or point.flops_per_s > best[name].flops_per_s:
            best[name] = point
    if not any(best) or len(best) > LABELS:
        return
    for name, point in best.items():
        text = axes.annotate(
            style.label(name),
            (point.intensity, point.flops_per_s),
            xytext=(0, 7),
            textcoords="offset points",
            ha="center",
            fontsize=7.5,
        )
        text.set_path_effects([withStroke(linewidth=2.5, foreground="white")])


def _name(point: Point, points: Sequence[Point], *, with_model: bool) -> str:
    """What the legend does not tell of a point."""
    variants = [other.row.variant for other in points]
    own = point.row.variant
    models = {variant.model for variant in variants}
    batches = {variant.batch for variant in variants if variant.model == own.model}
    parts = [own.model] if with_model and len(models) > 1 else []
    parts += [f"batch {own.batch}"] if len(batches) > 1 else []
    return ", ".join(parts)

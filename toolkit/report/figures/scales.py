"""Axes with ticks that can be read: ratios, durations, counts by powers of two."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from toolkit.report.numbers import format_count
from toolkit.report.symbols import TIMES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

LOG_FROM = 2.0
"""Ratios that span less are shown on a linear axis, where an interval's width can be compared."""

_MARGIN = 0.06
_STEPS: tuple[tuple[float, ...], ...] = (
    *((1.0,), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)),
    tuple(step / 10 for step in range(10, 100)),
)
"""What a decade is divided into, from coarse to fine."""

_LEAST, _MOST = 4, 9
"""Ticks of an axis."""

_SECONDS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_HAIR = 1e-9
_SI = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def ratio_axis(axes: Axes, values: Iterable[float]) -> None:
    """The horizontal axis of ratios, around everything that is to be seen."""
    known = [*values, 1.0]
    low, high = min(known), max(known)
    axes.set_xlabel(f"speed-up ({TIMES})")
    axes.grid(axis="x")
    if high / low < LOG_FROM:
        room = (high - low) * _MARGIN or _MARGIN
        axes.set_xlim(low - room, high + room)
        return
    axes.set_xscale("log")
    room = (high / low) ** _MARGIN
    axes.set_xlim(low / room, high * room)
    ticks = log_ticks(low / room, high * room)
    _set_ticks(axes.xaxis, ticks, [f"{value:g}{TIMES}" for value in ticks])


def duration_axis(axis: Axis, low_s: float, high_s: float) -> None:
    """A logarithmic axis of durations, in units that suit them."""
    ticks = log_ticks(low_s, high_s)
    _set_ticks(axis, ticks, [_with_unit(value, _SECONDS, "s") for value in ticks])


def number_axis(axis: Axis, low: float, high: float) -> None:
    """A logarithmic axis of counts or rates: `20 k`, `5 G`."""
    ticks = log_ticks(low, high)
    _set_ticks(axis, ticks, [si(value) for value in ticks])


def batch_axis(axes: Axes, batches: Sequence[int]) -> None:
    """The batches that were timed, evenly where each is twice the one before."""
    axes.set_xscale("log", base=2)
    _set_ticks(axes.xaxis, [float(batch) for batch in batches], list(map(format_count, batches)))
    axes.set_xlabel("batch")


def _set_ticks(axis: Axis, ticks: Sequence[float], labels: Sequence[str]) -> None:
    axis.set_ticks(ticks, labels)
    axis.set_ticks([], minor=True)


def log_ticks(low: float, high: float) -> list[float]:
    """Ticks between two positive ends: as few steps of a decade as show that it is logarithmic."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for steps in _STEPS:
        found = _between([step * 10.0**power for power in decades for step in steps], low, high)
        if len(found) >= _LEAST:
            break
    return found[:: math.ceil(len(found) / _MOST)] if found else []


def _between(values: Iterable[float], low: float, high: float) -> list[float]:
    return [value for value in values if low <= value <= high]


def si(value: float) -> str:
    """A number with the prefix of its size: `44.3 k`."""
    return _with_unit(value, _SI, "")


def _with_unit(value: float, units: Sequence[tuple[float, str]], least: str) -> str:
    """The value in the largest unit in which it is at least 1, without zeros at its end."""
    # A tick of 5e-05 may lie a hair under it.
    fitting = ((scale, name) for scale, name in units if value * (1 + _HAIR) >= scale)
    scale, name = next(fitting, (1.0, least))
    return f"{value / scale:.3g} {name}".rstrip()

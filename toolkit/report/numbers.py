"""Numbers in words: three significant digits, the unit that suits the size."""

from __future__ import annotations

import math

from toolkit.report.symbols import DASH, TIMES
from toolkit.results import Speedup

NOTHING = DASH
"""What a cell without a value shows."""

_TIME_UNITS = ((1e-6, "µs"), (1e-3, "ms"), (1.0, "s"))
_SIZE_UNITS = ((1, "B"), (10**3, "kB"), (10**6, "MB"), (10**9, "GB"))
INTERVAL = "[95\N{NO-BREAK SPACE}%]"
"""Stands in the heading of a column whose values have an interval."""

SIZE_BASE = "1 kB = 1,000 bytes"
_MINUTES_FROM_S = 100.0
DIGITS = 3
_SCIENTIFIC_BELOW = -3  # powers of ten: 0.001 is still written out


def format_number(value: float | None) -> str:
    """Three significant digits; thousands separated; a dash for what is missing or NaN."""
    if value is None or not math.isfinite(value):
        return NOTHING
    rounded = float(f"{value:.{DIGITS}g}") if abs(value) < 10**DIGITS else round(value)
    if rounded == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(rounded)))
    if magnitude < _SCIENTIFIC_BELOW:
        return f"{value:.{DIGITS - 1}e}"
    return f"{rounded:,.{max(0, DIGITS - 1 - magnitude)}f}"


def format_count(value: int | None) -> str:
    """An integer with thousands separators."""
    return NOTHING if value is None else f"{value:,}"


def format_duration(seconds: float | None) -> str:
    """A duration in µs, ms, s or minutes, by its size."""
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    if seconds >= _MINUTES_FROM_S:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes:,} min {rest:02d} s"
    scale, unit = _unit(seconds, _TIME_UNITS)
    return f"{format_number(seconds / scale)} {unit}"


def of_us(value_us: float | None) -> float | None:
    """Seconds of microseconds."""
    return None if value_us is None else value_us * 1e-6


def format_interval(low: float | None, high: float | None, scale: float = 1.0) -> str:
    """An interval in the unit of `scale`: `[21.9, 22.4]`; nothing when an end is missing."""
    if low is None or high is None:
        return ""
    return f"[{format_number(low / scale)}, {format_number(high / scale)}]"


def duration_parts(
    seconds: float | None, low: float | None = None, high: float | None = None
) -> tuple[str, ...]:
    """A duration and its interval in the same unit, apart: `22.1 µs` and `[21.9, 22.4]`."""
    if seconds is None or not math.isfinite(seconds):
        return (NOTHING,)
    scale, _ = _unit(seconds, _TIME_UNITS) if seconds < _MINUTES_FROM_S else (1.0, "s")
    interval = format_interval(low, high, scale)
    return (format_duration(seconds), interval) if interval else (format_duration(seconds),)


def format_size(size_bytes: int | None) -> str:
    """A size in B, kB, MB or GB of 1,000."""
    if size_bytes is None:
        return NOTHING
    scale, unit = _unit(size_bytes, _SIZE_UNITS)
    return f"{format_number(size_bytes / scale)} {unit}"


def _unit(value: float, units: tuple[tuple[float, str], ...]) -> tuple[float, str]:
    """The largest unit in which the value, rounded as it will be shown, is at least 1."""
    rounded = float(f"{value:.{DIGITS}g}")
    fitting = [unit for unit in units if rounded >= unit[0]]
    return fitting[-1] if fitting else units[0]


def format_percent(fraction: float | None) -> str:
    """A fraction as a percentage."""
    return NOTHING if fraction is None else f"{format_number(100 * fraction)} %"


def speedup_parts(speedup: Speedup | None, verdict: str) -> tuple[str, ...]:
    """A speed-up and its interval, apart; `≈1` where it is not clear of the A/A band.

    On a machine too noisy to claim anything the interval stands alone.
    """
    if speedup is None or speedup.estimate is None:
        return (NOTHING,)
    claims = {"same": "≈1", "noisy": NOTHING}
    value = claims.get(verdict, f"{format_number(speedup.estimate)}{TIMES}")
    interval = format_interval(speedup.low, speedup.high)
    return (value, interval) if interval else (value,)


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """`1 form`, `4 forms`, `12,000 calls`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"

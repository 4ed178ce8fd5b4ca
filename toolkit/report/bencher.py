"""Timings in Bencher's Metric Format: benchmark → measure → value with its bounds.

`latency` and `throughput` are Bencher's own measures, in nanoseconds and items per second, and
`file-size` is in bytes as Bencher has it. The others are made when they first arrive.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from toolkit.report.entries import Entry, entries
from toolkit.results import Document

Metric = dict[str, float]

NS_PER_US = 1_000


def format_bencher(documents: Sequence[Document]) -> str:
    """The measures of every row that has times."""
    found = {entry.name: dict(_measures(entry)) for entry in entries(documents)}
    return json.dumps(found, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def _measures(entry: Entry) -> Iterator[tuple[str, Metric]]:
    held = entry.variant
    bounds = (held.p50_low_us, held.p50_high_us)
    speedup = None if entry.row.is_baseline else held.speedup
    found = {
        "latency": _metric(held.p50_us, *bounds, scale=NS_PER_US),
        "latency-p99": _metric(held.p99_us, scale=NS_PER_US),
        "throughput": _metric(held.items_per_s),
        "speed-up": _metric(speedup.estimate, speedup.low, speedup.high) if speedup else {},
        "first-result": _metric(held.first_result_s),
        "peak-memory": _metric(held.peak_rss_bytes),
        "file-size": _metric(held.size_bytes),
        "parity-score": _metric(held.parity_score),
    }
    yield from ((name, metric) for name, metric in found.items() if metric)


def _metric(
    value: float | None, low: float | None = None, high: float | None = None, scale: float = 1.0
) -> Metric:
    """Nothing where there is no value; a bound that is missing is left out."""
    if value is None:
        return {}
    named = {"value": value, "lower_value": low, "upper_value": high}
    return {name: number * scale for name, number in named.items() if number is not None}

"""Timings for github-action-benchmark, as its tools `custom…IsBetter` read them.

Times are smaller-is-better. Between two machines times say little: the ratios to the baseline,
bigger-is-better, are what holds across the runners of a CI service.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from toolkit.report.entries import Entry, entries
from toolkit.report.numbers import format_percent
from toolkit.report.protocol import rounds_words
from toolkit.report.symbols import TIMES
from toolkit.results import Document

Result = dict[str, str | float]


def format_github_times(documents: Sequence[Document]) -> str:
    """The p50 of every row in µs (`customSmallerIsBetter`)."""
    return _json([_time(entry) for entry in entries(documents)])


def format_github_ratios(documents: Sequence[Document]) -> str:
    """The speed-up of every row that has one, baselines aside (`customBiggerIsBetter`)."""
    found = [entry for entry in entries(documents) if not entry.row.is_baseline]
    return _json([ratio for entry in found if (ratio := _ratio(entry)) is not None])


def _time(entry: Entry) -> Result:
    held = entry.variant
    return _result(entry, held.p50_us, held.p50_low_us, held.p50_high_us, "µs")


def _ratio(entry: Entry) -> Result | None:
    speedup = entry.variant.speedup
    if speedup is None or speedup.estimate is None:
        return None
    return _result(entry, speedup.estimate, speedup.low, speedup.high, TIMES)


def _result(
    entry: Entry, value: float | None, low: float | None, high: float | None, unit: str
) -> Result:
    found: Result = {"name": entry.name, "value": float(value or 0), "unit": unit}
    if value is not None and low is not None and high is not None:
        # The reader knows one half-width: the wider side of an interval claims no more than it.
        found["range"] = f"± {max(high - value, value - low):.3g}"
    found["extra"] = "\n".join(_extra(entry))
    return found


def _extra(entry: Entry) -> list[str]:
    """Lines that the page shows where the pointer rests."""
    variant, held = entry.variant, entry.row.comparison
    verdict = "baseline" if entry.row.is_baseline else f"{variant.verdict} than {held.baseline}"
    if variant.verdict not in ("faster", "slower") and not entry.row.is_baseline:
        verdict = f"{variant.verdict} (against {held.baseline})"
    band = [] if held.aa_band is None else [f"A/A band ±{format_percent(held.aa_band)}"]
    score = [] if variant.parity_score is None else [f"parity score {variant.parity_score:.3g}"]
    return [verdict, *band, *score, rounds_words([held])]


def _json(found: list[Any]) -> str:
    return json.dumps(found, indent=1, ensure_ascii=True, allow_nan=False) + "\n"

"""The parity table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from toolkit.report.numbers import NOTHING, format_count
from toolkit.report.sheet import Cell, Column, Sheet, verdict, whole, words
from toolkit.results import CheckResult

COLUMNS = (
    Column("model"),
    Column("form"),
    Column("runtime"),
    Column("device"),
    Column("status"),
    Column("score", "right"),
    Column("cases", "right"),
    Column("noise source"),
    Column("weights"),
)


_WHOLE_FROM = 100
_LEAST = 0.1


def format_score(score: float | None) -> str:
    """A score with one decimal: `3.2`; no decimals from 100 on."""
    if score is None:
        return NOTHING
    if score == 0 or score >= _WHOLE_FROM:
        return f"{score:,.0f}"
    return f"{score:.1f}" if score >= _LEAST else f"<{_LEAST}"


def score_line(results: Iterable[CheckResult]) -> str:
    """What a score is, and up to which one a form passes."""
    limits = sorted({f"{found.max_score:g}" for found in results if found.max_score is not None})
    passing = f"; passes up to {' or '.join(limits)}" if limits else ""
    scored = any(found.score is not None for found in results)
    return f"score: largest error, in units of eager's own{passing}" if scored else ""


def check_sheet(results: Sequence[CheckResult]) -> Sheet:
    """One row a form: what was judged, the verdict and the evidence behind it.

    Weights that all share are left to the caption.
    """
    shared = len({result.weights for result in results}) == 1
    rows = [_row(result) for result in results]
    if shared:
        return Sheet(COLUMNS[:-1], [row[:-1] for row in rows])
    return Sheet(COLUMNS, rows)


def _row(result: CheckResult) -> list[Cell]:
    return [
        words(result.model),
        whole(result.format or NOTHING),
        whole(result.runtime or NOTHING),
        whole(result.device),
        verdict(result.status),
        whole(format_score(result.score)),
        whole(format_count(result.cases)),
        whole(result.noise_source or NOTHING),
        words(result.weights or NOTHING),
    ]

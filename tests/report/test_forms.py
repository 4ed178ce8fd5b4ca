"""The table of `run`: rows told apart, and the figures of a full protocol."""

from __future__ import annotations

import pytest

from tests.report.examples import comparison, document, variant
from toolkit.report.terminal import format_document
from toolkit.results import Benched, Comparison

WIDE = 200


def shown(*held: Comparison) -> str:
    return format_document(document("run", bench=Benched(comparisons=list(held))), WIDE)


def test_rows_of_two_thread_counts_and_dtypes_are_told_apart() -> None:
    half = variant("onnx", 15.0, 1.0, threads=2, dtype="float16")
    told = shown(comparison(variant("onnx", 20.0, 1.0)), comparison(half))
    assert "onnx float32 1 thread " in told
    assert "onnx float16 2 threads " in told


@pytest.mark.parametrize(("preset", "is_shown"), [("usual", True), ("quick", False)])
def test_a_full_protocol_shows_tails_roof_and_cold_starts(preset: str, is_shown: bool) -> None:
    row = variant(
        *("onnx", 20.0, 1.0),
        roof_percent=43.21,
        bound="memory",
        import_s=1.25,
        load_s=0.12,
        first_call_us=950.0,
        peak_rss_bytes=91_000_000,
    )
    told = shown(comparison(row, preset=preset))
    for part in ("24.0 µs", "38.0 µs", "43.2 memory", "1.25 s", "120 ms", "950 µs", "91.0 MB"):
        assert (part in told) is is_shown

"""Numbers in words."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.report.check import format_score
from toolkit.report.numbers import (
    counted,
    duration_parts,
    format_count,
    format_duration,
    format_interval,
    format_number,
    format_percent,
    format_size,
    speedup_parts,
)
from toolkit.results import Speedup

DASH = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"


def shown_speedup(speedup: Speedup | None, verdict: str) -> str:
    return " ".join(speedup_parts(speedup, verdict))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0 µs"),
        (2.213e-5, "22.1 µs"),
        (9.994e-4, "999 µs"),
        (9.996e-4, "1.00 ms"),
        (0.0412, "41.2 ms"),
        (0.9999, "1.00 s"),
        (14.23, "14.2 s"),
        (200.4, "3 min 20 s"),
        (None, DASH),
        (math.nan, DASH),
    ],
)
def test_a_duration_has_the_unit_of_its_size(seconds: float | None, words: str) -> None:
    assert format_duration(seconds) == words


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (254_371, "254 kB"), (999_600, "1.00 MB")],
)
def test_a_size_counts_in_thousands(size: int, words: str) -> None:
    assert format_size(size) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (4.3149, "4.31"),
        (99.96, "100"),
        (999.6, "1,000"),
        (45_249.4, "45,249"),
        (0.0123, "0.0123"),
        (0.00012, "1.20e-04"),
        (-2.5, "-2.50"),
        (0, "0"),
        (math.inf, DASH),
    ],
)
def test_a_number_keeps_three_significant_digits(value: float, words: str) -> None:
    assert format_number(value) == words


@given(st.floats(min_value=1e-9, max_value=1e9))
def test_what_is_shown_is_within_half_a_percent(value: float) -> None:
    shown = float(format_number(value).replace(",", ""))
    assert shown == pytest.approx(value, rel=0.0051)


def test_an_interval_is_in_the_unit_of_its_estimate() -> None:
    assert duration_parts(0.00102, 0.00098, 0.00105) == ("1.02 ms", "[0.980, 1.05]")
    assert duration_parts(0.00102, None, 0.00105) == ("1.02 ms",)
    assert format_interval(None, 1.0) == ""


def test_a_speedup_within_the_band_is_about_one() -> None:
    ratio = Speedup(estimate=1.012, low=0.99, high=1.03)
    assert speedup_parts(ratio, "same") == ("≈1", "[0.990, 1.03]")
    assert shown_speedup(ratio, "faster") == f"1.01{TIMES} [0.990, 1.03]"


def test_a_noisy_speedup_is_not_claimed_but_its_interval_stands() -> None:
    assert (
        shown_speedup(Speedup(estimate=8.1, low=7.9, high=8.3), "noisy") == f"{DASH} [7.90, 8.30]"
    )


def test_a_speedup_that_was_not_measured_is_a_dash() -> None:
    assert shown_speedup(None, "not timed") == DASH
    assert shown_speedup(Speedup(estimate=math.nan, low=None, high=None), "same") == DASH


@pytest.mark.parametrize(
    ("score", "words"),
    [(3.24, "3.2"), (0.0, "0"), (0.02, "<0.1"), (881.6, "882"), (1882.4, "1,882"), (None, DASH)],
)
def test_a_score_has_one_decimal(score: float | None, words: str) -> None:
    assert format_score(score) == words


def test_counts_and_nouns_agree() -> None:
    assert counted(1, "form") == "1 form"
    assert counted(12_000, "call") == "12,000 calls"
    assert format_count(61_706) == "61,706"
    assert format_percent(0.0124) == "1.24 %"

"""The batch at which more stops helping."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report.examples import comparison, document, variant
from tests.report.timings import sweep, timed
from toolkit.report.batches import LEAST_GAIN, batch_section, curves, enough_words
from toolkit.report.tables import tables
from toolkit.report.terminal import format_document
from toolkit.results import Ceiling, Comparison


def held(rates: dict[int, float], aa_band: float | None = 0.01) -> list[Comparison]:
    rows = [
        timed("onnx", 9.0, 2.0, batch=batch, items_per_s=rate, samples_ns=[])
        for batch, rate in rates.items()
    ]
    return [comparison(row, aa_band=aa_band) for row in rows]


@pytest.mark.parametrize(
    ("rates", "enough", "rising"),
    [
        ({1: 100.0, 8: 400.0, 32: 410.0}, 8, False),
        ({1: 100.0, 8: 400.0, 32: 421.0}, 32, True),
        ({1: 100.0, 8: 90.0, 32: 50.0}, 1, False),
        ({32: 410.0, 1: 100.0, 8: 400.0}, 8, False),
        ({1: 100.0, 8: 400.0, 32: 420.0}, 8, False),
    ],
)
def test_enough_is_the_smallest_batch_near_the_best(
    rates: dict[int, float], enough: int, rising: bool
) -> None:
    (curve,) = curves(held(rates))
    assert (curve.enough, curve.is_rising) == (enough, rising)


def test_what_the_machine_cannot_tell_apart_is_no_gain() -> None:
    rates = {1: 100.0, 8: 400.0, 32: 480.0}
    assert curves(held(rates, aa_band=0.02))[0].enough == 32
    assert curves(held(rates, aa_band=0.25))[0].enough == 8
    assert curves(held(rates, aa_band=None))[0].gain == LEAST_GAIN


def test_a_machine_too_noisy_at_one_batch_claims_nothing() -> None:
    rows = held({1: 100.0, 8: 400.0, 32: 401.0})
    noisy = [one.model_copy(update={"verdict": "noisy"}) for one in rows[2].variants]
    rows[2] = rows[2].model_copy(update={"variants": noisy, "aa_band": 4.95})
    (curve,) = curves(rows)
    assert enough_words(curve) == "noisy"
    shown = format_document(document("bench", comparisons=rows), 120)
    assert "within 5.00 % of the best items/s; noisy where identical code" in shown
    assert "495 % of the best" not in shown


def seen(rows: list[Comparison], *rates: float | None, device: str = "cpu") -> list[Comparison]:
    ceilings = [Ceiling(device=device, flops_per_s=rate, bytes_per_s=1e10) for rate in rates]
    return [
        row.model_copy(update={"ceilings": [own]}) for row, own in zip(rows, ceilings, strict=True)
    ]


def test_a_machine_that_was_quicker_at_one_batch_does_not_make_it_the_better_one() -> None:
    rows = held({1: 100.0, 8: 400.0, 32: 480.0})
    assert curves(rows)[0].enough == 32
    assert curves(seen(rows, 1e11, 1e11, 1.2e11))[0].enough == 8


def test_a_machine_that_was_slower_at_the_largest_batch_does_not_hide_its_gain() -> None:
    rows = held({1: 100.0, 8: 400.0, 32: 400.0})
    assert curves(rows)[0].enough == 8
    assert curves(seen(rows, 1e11, 1e11, 0.8e11))[0].is_rising


def test_rates_that_are_not_known_at_every_batch_on_the_device_are_left_out() -> None:
    rows = held({1: 100.0, 8: 400.0, 32: 480.0})
    assert curves(seen(rows, 1e11, None, 1.2e11))[0].enough == 32
    assert curves(seen(rows, 1e11, 1e11, 1.2e11, device="cuda"))[0].enough == 32


@pytest.mark.parametrize(("rates", "is_told"), [((1e11, 1e11), True), ((1e11, None), False)])
def test_the_caption_says_that_batches_did_not_take_turns(
    rates: tuple[float | None, ...], is_told: bool
) -> None:
    rows = seen(held({1: 100.0, 8: 400.0}), *rates)
    shown = " ".join(format_document(document("bench", comparisons=rows), 200).split())
    assert "; batches were timed one after the other, not in turns" in shown
    assert ("compared relative to the machine's matrix rate at each" in shown) is is_told


@given(st.dictionaries(st.integers(1, 512), st.floats(1.0, 1e6), min_size=2, max_size=6))
def test_no_larger_batch_gains_more_than_the_band_over_the_one_that_is_enough(
    rates: dict[int, float],
) -> None:
    (curve,) = curves(held(rates))
    best = max(rates.values())
    assert rates[curve.enough] * (1 + curve.gain) >= best
    assert all(rate * (1 + curve.gain) < best for b, rate in rates.items() if b < curve.enough)


def test_variants_devices_and_threads_have_curves_of_their_own() -> None:
    rows = [
        comparison(*(timed("onnx", 9.0, 2.0, batch=batch, threads=count) for count in (1, 2)))
        for batch in (1, 8)
    ]
    assert [curve.variant.threads for curve in curves(rows)] == [1, 2]


def test_one_batch_and_rows_without_times_make_no_curve() -> None:
    rows = held({8: 100.0})
    failed = variant("onnx", None, None, batch=16, verdict="not timed", calls=0)
    rows.append(comparison(failed))
    assert curves(rows) == []
    assert batch_section(tables(rows)[0]) is None


def test_the_table_shows_items_by_batch_and_the_batch_that_is_enough() -> None:
    shown = format_document(sweep(), 120)
    assert "items/s by batch" in shown
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "onnx 44,344 64,793 65,333 8" in lines
    assert "eager 4,224 18,667 22,561 > 32" in lines
    assert "enough: the smallest batch within 5.00 % of the best items/s" in shown


def test_a_batch_that_one_variant_was_not_timed_at_is_a_dash() -> None:
    rows = [
        comparison(timed("eager", 9.0, 1.0, batch=1), timed("onnx", 9.0, 2.0, batch=1)),
        comparison(timed("eager", 9.0, 1.0, batch=8), timed("onnx", 9.0, 2.0, batch=8)),
        comparison(timed("eager", 9.0, 1.0, batch=32)),
    ]
    section = batch_section(tables(rows)[0])
    assert section
    assert section.sheet
    assert section.sheet.rows[1][-2].text == "\N{EN DASH}"
    assert "batch 32" in format_document(document("bench", comparisons=rows), 120)

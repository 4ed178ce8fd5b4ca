"""Pictures of timings: what they show, and how."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from tests.report.examples import comparison, document
from tests.report.timings import TIMED, cell, doubtful, networks, rivals, sweep, timed
from toolkit.report.figures import draw, style
from toolkit.report.figures.distributions import distributions
from toolkit.report.figures.looks import FAMILIES, look_of, looks
from toolkit.report.figures.rooflines import Point, Roof, roof_of, rooflines
from toolkit.report.figures.scales import log_ticks, si
from toolkit.report.figures.speedups import over_models, speedups
from toolkit.report.figures.throughputs import throughput
from toolkit.report.tables import Table, Timed, tables
from toolkit.results import Ceiling, Document, Speedup

TIMES = "\N{MULTIPLICATION SIGN}"


def table_of(shown: Document) -> Table:
    (found,) = tables(shown.all_comparisons)
    return found


def axes_of(picture: Figure | None) -> Any:
    assert picture is not None
    (axes,) = picture.axes
    return axes


def texts(picture: Figure | None) -> str:
    """Everything that is written on a picture."""
    assert picture is not None
    found = [text.get_text() for text in picture.texts]
    for axes in picture.axes:
        found += [text.get_text() for text in axes.texts]
        found += [label.get_text() for label in (*axes.get_xticklabels(), *axes.get_yticklabels())]
        legend = axes.get_legend()
        found += [text.get_text() for text in legend.get_texts()] if legend else []
    return "\n".join(found)


def marks(picture: Figure | None) -> list[tuple[float, str]]:
    """Where single marks stand, left to right, and what fills them."""
    lines = [line for line in axes_of(picture).lines if len(line.get_xdata()) == 1]
    return sorted((float(line.get_xdata()[0]), str(line.get_markerfacecolor())) for line in lines)


def test_a_speed_up_stands_at_its_estimate_within_its_interval() -> None:
    shown = sweep([8])
    picture = speedups(shown, table_of(shown))
    assert [round(at, 3) for at, _ in marks(picture)] == [1.01, 3.471]
    intervals = [line.get_xdata() for line in axes_of(picture).lines if line.get_linewidth() == 2]
    assert np.allclose(intervals, [[3.4017, 3.5405], [0.9898, 1.0302]], atol=1e-4)
    assert f"3.47{TIMES} [3.40, 3.54]  faster" in texts(picture)


def test_only_a_claim_is_a_filled_mark() -> None:
    shown = sweep([8])
    assert [face for _, face in marks(speedups(shown, table_of(shown)))] == ["white", "#0072B2"]


def test_the_band_of_each_comparison_is_shaded_behind_its_own_rows() -> None:
    shown = document("bench", comparisons=[cell(1, aa_band=0.02), cell(8, aa_band=0.2)])
    shades = axes_of(speedups(shown, table_of(shown))).collections
    spans = [shade.get_paths()[0].get_extents() for shade in shades]
    assert [(round(span.x0, 3), round(span.x1, 3)) for span in spans] == [
        *[(0.98, 1.02)] * 2,
        *[(0.833, 1.2)] * 2,
    ]
    assert [(span.y0, span.y1) for span in spans] == [(at - 0.5, at + 0.5) for at in range(4)]


@pytest.mark.parametrize(("ratios", "scale"), [((1.02, 0.97), "linear"), ((1.02, 9.0), "log")])
def test_ratios_that_span_much_stand_on_a_logarithmic_axis(
    ratios: Sequence[float], scale: str
) -> None:
    rows = [timed(f"v{ratio}", 9.0, ratio) for ratio in ratios]
    shown = document("bench", comparisons=[comparison(timed("eager", 9.0, 1.0), *rows)])
    assert axes_of(speedups(shown, table_of(shown))).get_xscale() == scale


def test_everything_of_a_row_lies_within_the_axes() -> None:
    wide = Speedup(estimate=1.3, low=0.4, high=4.0)
    rows = [timed("eager", 9.0, 1.0), timed("onnx", 9.0, None, verdict="noisy")]
    rows[1] = rows[1].model_copy(update={"speedup": wide})
    shown = document("bench", comparisons=[comparison(*rows, aa_band=0.9)])
    low, high = axes_of(speedups(shown, table_of(shown))).get_xlim()
    assert low < 0.4
    assert high > 4.0


def test_many_models_stand_in_one_picture_with_a_line_each() -> None:
    shown = networks()
    picture = over_models(shown, tables(shown.all_comparisons))
    said = texts(picture).splitlines()
    assert [name for name in said if name in ("lenet5", "alexnet", "lstm")] == [
        "lenet5",
        "alexnet",
        "lstm",
    ]
    assert over_models(sweep(), tables(sweep().all_comparisons)) is None


def test_a_curve_of_calls_is_their_distribution() -> None:
    calls = np.arange(1_000, 2_000, dtype=np.int64)
    rows = [timed("eager", 1.5, 1.0, samples_ns=[calls[::2], calls[1::2]], p99_us=None)]
    shown = document("bench", comparisons=[comparison(*rows)])
    picture = distributions(shown, shown.all_comparisons[0])
    curve, median, ticks = axes_of(picture).lines
    at = np.interp([25.0, 50.0, 100.0], curve.get_ydata(), curve.get_xdata())
    assert np.allclose(at, [1.25e-6, 1.5e-6, 1.999e-6], rtol=2e-3)
    assert median.get_xdata()[0] == pytest.approx(1.4995e-6)
    assert list(ticks.get_ydata()) == [90]


def test_the_twin_is_drawn_beside_its_baseline() -> None:
    shown = sweep([8])
    labels = [line.get_label() for line in axes_of(_first_distribution(shown)).lines]
    assert "A/A twin" in labels
    assert "a second copy of the baseline" in " ".join(texts(_first_distribution(shown)).split())
    assert "a second copy" not in " ".join(texts(_first_distribution(rivals())).split())


def _first_distribution(shown: Document) -> Figure | None:
    return distributions(shown, shown.all_comparisons[0])


def test_one_late_call_does_not_squeeze_the_axis() -> None:
    calls = np.full(5_000, 20_000, dtype=np.int64)
    calls[0] = 10**10
    shown = document("bench", comparisons=[comparison(timed("eager", 20, 1.0, samples_ns=[calls]))])
    assert axes_of(_first_distribution(shown)).get_xlim()[1] < 1e-4


@pytest.mark.parametrize("calls", [[0, 0, 0], [7], [5, 5, 5]])
def test_calls_too_short_for_the_clock_can_be_drawn(calls: list[int], tmp_path: Path) -> None:
    rows = [timed("eager", 0.1, 1.0, samples_ns=[np.array(calls, dtype=np.int64)])]
    assert draw([document("bench", comparisons=[comparison(*rows)])], tmp_path)


def test_ratios_of_a_sweep_are_over_the_baseline_of_the_same_batch() -> None:
    picture = speedups(sweep(), table_of(sweep()))
    assert "Times faster than eager of the same batch, with" in " ".join(texts(picture).split())


def test_throughput_marks_the_batch_that_is_enough() -> None:
    shown = sweep()
    picture = throughput(shown, table_of(shown))
    rings = [line for line in axes_of(picture).lines if line.get_markerfacecolor() == "none"]
    assert [line.get_xdata()[0] for line in rings] == [8]
    assert "onnx: enough 8" in texts(picture)
    assert "one after the other, not in turns" in " ".join(texts(picture).split())
    assert throughput(sweep([8]), table_of(sweep([8]))) is None


def test_a_roof_is_the_lower_of_the_two_rates() -> None:
    roof = Roof(flops_per_s=100.0, bytes_per_s=10.0)
    assert [roof.at(intensity) for intensity in (1.0, 10.0, 50.0)] == [10.0, 100.0, 100.0]
    assert roof.in_cache(1.0) == 10.0
    assert [Roof(100.0, 10.0, 40.0).in_cache(one) for one in (1.0, 5.0)] == [40.0, 100.0]
    assert Roof(100.0, 10.0, 4.0).in_cache(1.0) == 10.0


def test_roofs_are_the_median_over_comparisons_of_the_device() -> None:
    held = [cell(1, ceilings=[_ceiling(rate), _ceiling(1e15, "cuda")]) for rate in (1e9, 3e9, 2e9)]
    points = [Point(Timed(one, one.variants[0]), 1.0, 1.0) for one in held]
    assert roof_of(points, "cpu") == Roof(2e9, 1e9)
    assert roof_of(points, "cuda:1") is None


def _ceiling(rate: float, device: str = "cpu") -> Ceiling:
    return Ceiling(device=device, flops_per_s=rate, bytes_per_s=1e9)


def test_a_point_of_the_roofline_is_operations_per_byte_and_per_second() -> None:
    ((name, picture),) = rooflines(sweep([1]))
    assert name == "roofline"
    points = sorted(
        (line.get_xdata()[0], line.get_ydata()[0])
        for line in axes_of(picture).lines
        if len(line.get_xdata()) == 1
    )
    assert points[-1] == pytest.approx((834_000 / 255_000, 834_000 / 22.1e-6))


def test_points_over_a_roof_that_was_measured_too_low_are_seen() -> None:
    low = [Ceiling(device="cpu", flops_per_s=1e9, bytes_per_s=1e9, cache_bytes_per_s=5e9)]
    ((_, picture),) = rooflines(document("bench", comparisons=[cell(1, ceilings=low)]))
    assert axes_of(picture).get_ylim()[1] > 834_000 / 22.1e-6
    assert "5 GB/s within the cache" in texts(picture)


def test_without_ceilings_there_is_no_roofline() -> None:
    assert list(rooflines(networks())) == []


def test_threads_have_rooflines_of_their_own() -> None:
    one, two = cell(1), cell(1)
    rows = [row.model_copy(update={"threads": 2}) for row in two.variants]
    shown = document("bench", comparisons=[one, two.model_copy(update={"variants": rows})])
    assert [name for name, _ in rooflines(shown)] == [
        "roofline-cpu-threads-1",
        "roofline-cpu-threads-2",
    ]


def test_a_row_at_other_threads_than_the_roof_has_no_picture_under_it() -> None:
    held = cell(1)
    other = timed("onnx+threads=2", 9.0, 2.0, threads=2, roof_percent=None, bound=None)
    rows = [*held.variants, other]
    shown = document("bench", comparisons=[held.model_copy(update={"variants": rows})])
    ((name, picture),) = rooflines(shown)
    assert name == "roofline"
    assert "threads=2" not in texts(picture)


def test_a_variant_looks_the_same_in_every_picture() -> None:
    rows = table_of(doubtful()).rows
    alone = [look_of(row.variant) for row in rows]
    assert looks(rows, ["lenet5"]) == alone
    assert looks(rows[2:], ["lenet5"]) == alone[2:]


def test_members_of_a_family_share_its_colour_and_differ_in_their_lines() -> None:
    names = ("onnx", "onnx-basic", "onnx-extended", "onnx-none", "onnx-iobinding", "onnx-spin")
    found = [look_of(timed(name, 9.0, 2.0)) for name in names]
    assert {look.colour for look in found} == {FAMILIES["onnx"][0]}
    assert len({look.line for look in found}) == len({look.mark for look in found}) == len(names)


def test_families_are_told_apart_without_colour() -> None:
    assert len({mark for _, mark in FAMILIES.values()}) == len(FAMILIES)


def test_models_of_one_comparison_have_colours_of_their_own() -> None:
    table = table_of(rivals())
    assert len({look.colour for look in looks(table.rows, table.models)}) == 4


@given(st.floats(1e-9, 1e3), st.floats(1.25, 1e12))
def test_a_logarithmic_axis_has_a_few_ticks_within_it(low: float, span: float) -> None:
    found = log_ticks(low, low * span)
    assert 1 <= len(found) <= 9
    assert all(low <= tick <= low * span for tick in found)
    assert found == sorted(set(found))


def test_ticks_have_the_prefix_of_their_size() -> None:
    assert [si(value) for value in (5.0, 2e4, 9.1e10, 3e12)] == ["5", "20 k", "91 G", "3 T"]


@pytest.mark.parametrize("made", TIMED.values(), ids=TIMED.keys())
def test_a_caption_dates_every_picture(made: Any) -> None:
    shown = made()
    with style.styled():
        pictures = [distributions(shown, held) for held in shown.all_comparisons]
        pictures += [speedups(shown, table) for table in tables(shown.all_comparisons)]
        pictures += [picture for _, picture in rooflines(shown)]
    for picture in pictures:
        said = texts(picture)
        for part in (
            "Xeon(R)",
            "2 cores present",
            "torch 2.13.0",
            "A/A band ±",
            "toolkit bench",
            "seed 0",
        ):
            assert part in " ".join(said.split())


def test_a_picture_over_models_says_where_they_were_timed() -> None:
    shown = networks()
    picture = over_models(shown, tables(shown.all_comparisons))
    assert "by model: cpu · float32 · 1\N{NO-BREAK SPACE}thread" in texts(picture)


def test_the_curve_of_the_baseline_is_the_thick_one_among_several_models() -> None:
    held = [
        comparison(
            *(timed("eager", 9.0 * size, 1.0, model=name, batch=size) for name in ("a", "b")),
            baseline="b eager",
        )
        for size in (1, 8)
    ]
    shown = document("bench", comparisons=held)
    lines = axes_of(throughput(shown, table_of(shown))).lines
    widths = {line.get_label().partition(" ")[0]: line.get_linewidth() for line in lines}
    assert widths["b"] > widths["a"]


def test_a_variant_has_the_same_mark_in_pictures_of_other_rows_of_its_comparison() -> None:
    rows = [
        timed(name, 9.0, 1.0, model=model) for model in ("a", "b") for name in ("eager", "onnx")
    ]
    held = comparison(*rows, baseline="a eager")
    shown = [Timed(held, row) for row in rows]
    every = dict(zip(map(id, shown), looks(shown, ["a", "b"]), strict=True))
    some = shown[:0:-1]
    assert looks(some, ["a", "b"]) == [every[id(row)] for row in some]


def test_a_roofline_does_not_tell_twice_what_its_legend_tells() -> None:
    rows = [timed("eager", 9.0, 1.0, model=name) for name in ("net.py:Net", "other.py:Net")]
    ceilings = [Ceiling(device="cpu", flops_per_s=9.1e10, bytes_per_s=1.1e10)]
    held = comparison(*rows, baseline="net.py:Net eager", ceilings=ceilings)
    ((_, picture),) = rooflines(document("bench", comparisons=[held]))
    assert texts(picture).splitlines().count("net.py:Net eager") == 1
    assert "net.py:Net" not in texts(picture).splitlines()

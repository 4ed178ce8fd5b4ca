"""The latency table: sweeps in one sheet, ranks, doubts, and what dates it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from tests.report.examples import comparison, document, variant
from tests.report.sheets import column, headings, sheet_of, words
from tests.report.timings import TIMED, cell, doubtful, networks, rivals, sweep, timed
from toolkit.report.bench import bench_sheet
from toolkit.report.markdown import escape, format_markdown
from toolkit.report.means import means
from toolkit.report.overview import overview_sections
from toolkit.report.tables import tables
from toolkit.report.terminal import display, format_document
from toolkit.results import Benched

WIDE = 250
DASH = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"


def test_comparisons_that_differ_in_batch_are_one_sheet_each_with_its_own_baseline() -> None:
    sheet = sheet_of(sweep())
    assert column(sheet, "batch") == [*["1"] * 3, *["8"] * 3, *["32"] * 3]
    assert column(sheet, "verdict") == ["baseline", "faster", "same"] * 3
    assert column(sheet, "A/A band") == [
        *["±1.01 %"] * 3,
        *["±1.08 %"] * 3,
        *["±1.32 %"] * 3,
    ]


@pytest.mark.parametrize(("key", "values"), [("threads", (1, 2)), ("device", ("cpu", "cuda"))])
def test_threads_and_devices_are_sheets_like_batches(key: str, values: tuple[Any, Any]) -> None:
    held = [comparison(timed("eager", 9.0, 1.0, **{key: value})) for value in values]
    sheet = sheet_of(document("bench", comparisons=held))
    assert column(sheet, key) == [str(value) for value in values]


SIZED = {"sizes": {"height": 224, "width": 200}}


def test_sizes_that_all_rows_share_stand_in_the_heading() -> None:
    held = comparison(timed("eager", 9.0, 1.0, **SIZED), timed("onnx", 3.0, 3.0, **SIZED))
    shown = document("bench", comparisons=[held])
    assert "batch 1 \N{MIDDLE DOT} height 224, width 200" in words(shown)
    assert "sizes" not in headings(sheet_of(shown))


def test_sizes_that_differ_are_a_column_and_tell_models_apart() -> None:
    rows = [
        timed("eager", 9.0, 1.0, model="a", **SIZED),
        timed("eager", 9.0, 1.0, model="b", sizes={}),
    ]
    shown = document("bench", comparisons=[comparison(*rows, baseline="a eager")])
    assert column(sheet_of(shown), "sizes") == ["height 224, width 200", DASH]


def test_many_models_in_one_sheet_tell_the_sizes_of_each() -> None:
    held = [
        comparison(*(timed(name, 9.0, 1.0, model=model, sizes=sizes) for name in ("eager", "onnx")))
        for model, sizes in (("a", {"time": 128}), ("b", {}), ("c", {}))
    ]
    (section,) = overview_sections(held)
    assert section.sheet is not None
    assert column(section.sheet, "sizes") == ["time 128", DASH, DASH]


def test_comparisons_of_other_models_or_against_other_baselines_stand_apart() -> None:
    held = [cell(1), *networks().all_comparisons, cell(1, baseline="onnx")]
    found = [(table.models, len(table.comparisons)) for table in tables(held)]
    assert found == [(["lenet5"], 2), (["alexnet"], 1), (["lstm"], 1), (["lenet5"], 1)]


def test_a_single_comparison_has_no_column_for_its_band() -> None:
    assert "A/A band" not in headings(sheet_of(sweep([8])))


def test_models_of_one_comparison_are_ranked_and_ties_told_as_ties() -> None:
    sheet = sheet_of(rivals())
    assert column(sheet, "rank") == ["1=", "1=", "3", "4"]
    assert column(sheet, "model") == ["b.py:Candidate", "c.py:Other", "a.py:Base", "d.py:Late"]
    assert column(sheet, "verdict") == ["faster", "faster", "baseline", "slower"]


def test_what_was_not_timed_stands_behind_the_last_rank() -> None:
    rows = [
        variant("eager", None, None, model="a.py:A", verdict="not timed", calls=0),
        timed("eager", 9.0, 1.0, model="b.py:B", rank=1),
    ]
    sheet = sheet_of(document("bench", comparisons=[comparison(*rows, baseline="b.py:B eager")]))
    assert column(sheet, "rank") == ["1", DASH]


def test_forms_of_one_model_are_not_ranked() -> None:
    rows = [timed("eager", 9.0, 1.0, rank=2), timed("onnx", 5.0, 1.8, rank=1)]
    sheet = sheet_of(document("bench", comparisons=[comparison(*rows)]))
    assert "rank" not in headings(sheet)
    assert column(sheet, "variant") == ["eager", "onnx"]


def test_settings_that_a_name_tells_are_not_told_again() -> None:
    sheet = sheet_of(doubtful())
    assert column(sheet, "options") == [*[DASH] * 5, "cudnn v9", DASH]


def test_the_roof_stands_beside_what_bounds_the_model() -> None:
    rows = [timed("eager", 9.0, 1.0, roof_percent=43.21, bound="memory")]
    sheet = sheet_of(document("bench", comparisons=[comparison(*rows)]))
    assert column(sheet, "roof %") == ["43.2 memory"]


def test_a_narrow_console_gives_up_the_least_important_columns_first() -> None:
    shown = sweep([1, 8])
    at_100, at_80 = format_document(shown, 100), format_document(shown, 80)
    assert "roof %" in at_100.splitlines()[1]
    assert "not shown at this width: p90, p95, A/A band, first result, peak RSS, score" in at_100
    assert "roof %" not in at_80.splitlines()[1]
    assert "speed-up [95" in at_80.splitlines()[1]


def test_many_models_stand_in_one_sheet_with_a_column_for_each_variant() -> None:
    (overview,) = overview_sections(networks().all_comparisons)
    assert overview.heading == "speed-up over eager, by model: cpu · float32 · 1 thread · batch 1"
    assert overview.sheet
    assert [[cell.text for cell in row] for row in overview.sheet.rows] == [
        ["lenet5", "232 µs", f"10.5{TIMES} [10.3, 10.7]", f"1.10{TIMES} [1.08, 1.12]", "±1.20 %"],
        ["alexnet", "14.3 ms", f"1.31{TIMES} [1.28, 1.34]", f"1.10{TIMES} [1.08, 1.12]", "±1.20 %"],
        ["lstm", "910 µs", f"{DASH} [0.784, 0.816] noisy", f"{DASH} [1.08, 1.12] noisy", "±8.30 %"],
    ]


def test_a_variant_that_a_model_lacks_is_a_dash_and_one_that_failed_says_so() -> None:
    failed = variant("onnx", None, None, model="b", verdict="not timed", calls=0)
    held = [
        comparison(timed("eager", 9.0, 1.0, model="a")),
        comparison(timed("eager", 9.0, 1.0, model="b"), failed),
    ]
    (overview,) = overview_sections(held)
    assert overview.sheet
    assert column(overview.sheet, "onnx [95\N{NO-BREAK SPACE}%]") == [DASH, "not timed"]


def test_one_model_and_models_in_one_comparison_need_no_overview() -> None:
    assert overview_sections(sweep().all_comparisons) == []
    assert overview_sections(rivals().all_comparisons) == []


def test_a_geometric_mean_stands_with_the_models_it_is_of() -> None:
    shown = words(networks())
    assert f"onnx 3.71{TIMES} 1.31{TIMES} alexnet 10.5{TIMES} lenet5 2" in shown
    assert "over 2 models: lenet5, alexnet; without a speed-up: lstm" in shown


def test_a_geometric_mean_is_of_ratios_that_cancel() -> None:
    held = [
        comparison(timed("onnx", 9.0, ratio, model=name), timed("eager", 9.0, 1.0, model=name))
        for name, ratio in (("a", 4.0), ("b", 0.25))
    ]
    (mean,) = means(held)
    assert mean.value == pytest.approx(1.0)
    assert mean.speedups == {"a": 4.0, "b": 0.25}


def test_a_ratio_that_its_minima_contradict_is_in_no_geometric_mean() -> None:
    verdicts = {"a": "faster", "b": "faster", "c": "unstable"}
    held = [
        comparison(
            timed("onnx", 9.0, 2.0, model=name, verdict=verdict),
            timed("eager", 9.0, 1.0, model=name),
        )
        for name, verdict in verdicts.items()
    ]
    (mean,) = [one for one in means(held) if one.variant.variant == "onnx"]
    assert (set(mean.speedups), mean.left_out) == ({"a", "b"}, ("c",))


def test_variants_at_other_batches_or_over_one_model_have_no_mean_together() -> None:
    held = [
        comparison(timed("onnx", 9.0, 2.0, model="a", batch=1)),
        comparison(timed("onnx", 9.0, 2.0, model="b", batch=8)),
    ]
    assert means(held) == []
    assert means(rivals().all_comparisons) == []


def test_several_variants_of_one_format_are_told_apart_in_a_run() -> None:
    rows = [timed("eager", 9.0, 1.0), *(_scripted(name) for name in ("script", "script-frozen"))]
    shown = format_document(document("run", bench=Benched(comparisons=[comparison(*rows)])), WIDE)
    assert "script-frozen" in shown


def _scripted(name: str) -> Any:
    return timed(name, 5.0, 1.8, format="script", runtime="torchscript")


@pytest.mark.parametrize("made", TIMED.values(), ids=TIMED.keys())
def test_a_table_of_timings_can_be_shown_at_any_width_in_any_encoding(made: Any) -> None:
    narrow = "".join(format_document(made(), 30).split())
    for table in tables(made().all_comparisons):
        for row in bench_sheet(table).rows:
            assert all("".join(cell.text.split()) in narrow for cell in row)
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", errors="strict", newline="\n")
    display(made(), Console(file=stream, width=80, color_system=None))
    stream.flush()
    assert b"+-" in raw.getvalue()


def test_a_run_over_several_batches_tells_the_one_that_is_enough() -> None:
    run = document("run", bench=Benched(comparisons=list(sweep().all_comparisons)))
    shown = format_document(run, WIDE)
    assert "items/s by batch" in shown
    assert "enough: the smallest batch" in shown


@pytest.mark.parametrize("made", TIMED.values(), ids=TIMED.keys())
def test_markdown_shows_the_same_table_in_one_line_a_row(made: Any) -> None:
    shown = made()
    text = format_markdown(shown)
    for table in tables(shown.all_comparisons):
        for row in bench_sheet(table).rows:
            assert f"| {' | '.join(escape(cell.text) for cell in row)} |" in text.splitlines()

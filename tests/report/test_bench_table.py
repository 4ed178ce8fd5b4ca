"""The latency table: sweeps in one sheet, ranks, doubts, and what dates it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from tests.report.examples import comparison, document, variant
from tests.report.timings import TIMED, cell, doubtful, networks, rivals, sweep, timed
from toolkit.report.bench import bench_sheet
from toolkit.report.caption import environment_lines
from toolkit.report.markdown import escape, format_markdown
from toolkit.report.means import means
from toolkit.report.overview import overview_sections
from toolkit.report.sheet import Sheet
from toolkit.report.tables import tables
from toolkit.report.terminal import display, format_document
from toolkit.results import Benched, Clean, Cold, Comparison, Document, Speedup, Work

WIDE = 250
DASH = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"


def sheet_of(shown: Document) -> Sheet:
    (table,) = tables(shown.all_comparisons)
    return bench_sheet(table)


def column(sheet: Sheet, heading: str) -> list[str]:
    headings = [one.heading for one in sheet.columns]
    return [row[headings.index(heading)].text for row in sheet.rows]


def headings(sheet: Sheet) -> list[str]:
    return [one.heading for one in sheet.columns]


def words(shown: Document) -> str:
    return " ".join(format_document(shown, WIDE).split())


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


def test_the_caption_of_a_sweep_tells_ranges_and_how_it_was_measured() -> None:
    shown = words(sweep())
    for part in (
        "baseline eager of the same batch ·",
        "seed 0",
        f"41 to 72 rounds {TIMES} 5 sets",
        "A/A band ±1.01 to 1.32 %",
        "usual: several processes",
        "stopped when every interval was narrow enough",
        "intervals of one batch hold for 6 claims at once",
        "TF32 off",
        "2 cores present, 1 used, 1 thread",
        "command: toolkit bench lenet5 --batch 1,8,32",
    ):
        assert part in shown


def test_cells_of_batch_threads_and_device_each_have_their_own_baseline_and_claims() -> None:
    held = [
        comparison(
            timed("eager+threads=4", 9.0, 1.0, batch=batch, threads=4, device=device),
            timed("eager", 9.0, 1.0, batch=batch, threads=threads, device=device),
            family=4,
        )
        for batch, threads, device in ((1, 1, "cpu"), (8, 1, "cpu"), (1, 2, "cpu"), (1, 1, "cuda"))
    ]
    cell = "batch, thread count and device"
    shown = words(document("bench", comparisons=held))
    assert f"baseline eager of the same {cell} ·" in shown
    assert f"intervals of one {cell} hold for 4 claims at once" in shown


def test_the_caption_of_one_comparison_names_its_baseline_and_claims_alone() -> None:
    shown = words(sweep([8]))
    assert "baseline eager ·" in shown
    assert "intervals hold for 6 claims at once" in shown


def test_the_caption_of_one_comparison_tells_the_twin() -> None:
    assert f"twin of the baseline 0.998{TIMES} [0.990, 1.01]" in words(sweep([8]))


def test_quick_figures_are_marked_as_of_one_process() -> None:
    assert "quick: within one process" in words(rivals())


def test_threads_that_were_timed_are_told_not_those_of_the_libraries() -> None:
    held = [comparison(timed("eager", 9.0, 1.0, threads=count)) for count in (1, 4)]
    assert "2 cores present, 2 used, 1 and 4 threads" in words(document("bench", comparisons=held))


@pytest.mark.parametrize(("runtime", "shown"), [("onnxruntime", False), ("openvino", True)])
def test_the_version_of_openvino_stands_where_it_was_timed(runtime: str, shown: bool) -> None:
    held = comparison(variant("openvino", 20.0, 2.0, runtime=runtime))
    made = document("bench", comparisons=[held])
    environment = made.environment.model_copy(update={"openvino": "2026.4.1"})
    lines = environment_lines(made.model_copy(update={"environment": environment}))
    assert any("openvino 2026.4.1" in line for line in lines) == shown


def test_commits_stand_beside_the_versions() -> None:
    shown = words(document("bench", comparisons=[cell(1)], commit="ab" * 20 + "+"))
    assert "commit abababababab with changes" in shown
    shown = words(document("bench", comparisons=[cell(1)], toolkit_commit="cd" * 20))
    assert "toolkit 0.1.0 (cdcdcdcdcdcd)" in shown


@pytest.mark.parametrize(
    "note",
    [
        "clean rounds (onnx · cpu): 7 rounds in which the machine was left alone: p50 20.0 µs"
        f" (all rounds: 22.1 µs), speed-up 11.5{TIMES} [11.0, 12.0]",
        "alone (onnx-spin · cpu): timed in a process of its own",
        "roof (onnx-spin · cpu): over 100 %: its data stays in a cache whose rate was not",
        f"unstable (trace · cpu): its fastest rounds say 1.12{TIMES}",
        "placed (onnx-cuda · cuda): 87.5 % of its nodes ran on cuda",
        "operations (eager+channels_last · cpu): 900,000 in the graph, 800,000 by torch's",
        "not timed (pt2 · cpu): fails parity",
    ],
)
def test_every_reason_for_doubt_is_a_note(note: str) -> None:
    assert f"note {note}" in words(doubtful())


def test_a_row_without_doubt_has_no_note() -> None:
    assert "note" not in words(sweep())


def test_a_noisy_machine_is_told_once_for_all_rows() -> None:
    shown = words(networks())
    assert shown.count("note noisy: identical code lay up to 8.30 % apart") == 1
    assert "in part too noisy" not in shown


def test_what_holds_for_several_rows_is_told_once_with_all_of_them() -> None:
    rows = [timed(name, 9.0, 2.0, alone=True, batch=8) for name in ("onnx-spin", "openvino")]
    held = [cell(1), comparison(timed("eager", 18.0, 1.0, batch=8), *rows)]
    assert "note alone (onnx-spin · batch 8, openvino · batch 8):" in words(
        document("bench", comparisons=held)
    )


def test_of_clean_rounds_only_what_differs_is_told() -> None:
    clean = Clean(rounds=7, p50_us=9.0, speedup=Speedup(estimate=2.5, low=2, high=3), flagged=True)
    held = comparison(timed("eager", 18.0, 1.0), timed("onnx", 9.0, 2.0, clean=clean))
    shown = words(document("bench", comparisons=[held]))
    assert "left alone: speed-up 2.50" in shown


def test_a_sweep_that_is_noisy_in_part_says_so() -> None:
    noisy = cell(8, aa_band=0.09)
    rows = [one.model_copy(update={"verdict": "noisy"}) for one in noisy.variants]
    held = [cell(1), noisy.model_copy(update={"variants": rows})]
    shown = words(document("bench", comparisons=held))
    assert "in part too noisy" in shown
    assert "note noisy (batch 8): identical code lay up to 9.00 % apart" in shown


def test_several_variants_of_one_format_are_told_apart_in_a_run() -> None:
    rows = [timed("eager", 9.0, 1.0), *(_scripted(name) for name in ("script", "script-frozen"))]
    shown = format_document(document("run", bench=Benched(comparisons=[comparison(*rows)])), WIDE)
    assert "script-frozen" in shown


def _scripted(name: str) -> Any:
    return timed(name, 5.0, 1.8, format="script", runtime="torchscript")


def test_an_interval_that_was_not_measured_is_left_out() -> None:
    held: Comparison = cell(1, aa=Speedup(estimate=1.002, low=None, high=None))
    shown = words(document("bench", comparisons=[held]))
    assert f"twin of the baseline 1.00{TIMES} ·" in shown


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


@pytest.mark.parametrize(("by_torch", "is_told"), [(1_020_000, False), (1_040_000, True)])
def test_counts_of_operations_that_differ_by_more_than_a_bias_are_told(
    by_torch: int, is_told: bool
) -> None:
    work = Work(flops=1_000_000, bytes=1, torch_flops=by_torch)
    held = comparison(timed("eager", 9.0, 1.0, work=work))
    assert ("by torch's own counter" in words(document("bench", comparisons=[held]))) is is_told


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            "torch's counter over eager: there is no ONNX file",
            "note operations: counted by torch's counter over eager alone: there is no ONNX file",
        ),
        (
            "the exported graph; not counted: Einsum",
            "note operations: counted in part: the exported graph; not counted: Einsum",
        ),
        ("the exported graph; torch's counter agrees", None),
        ("the exported graph; torch's counter could not count", None),
    ],
)
def test_operations_that_one_count_alone_or_a_part_stands_for_are_told_once(
    source: str, told: str | None
) -> None:
    work = Work(flops=1_000_000, bytes=1, source=source)
    rows = [timed(name, 9.0, 1.0, work=work) for name in ("eager", "trace")]
    shown = words(document("bench", comparisons=[comparison(*rows)]))
    assert shown.count("note operations") == int(told is not None)
    assert told is None or told in shown


def test_a_saved_file_that_was_timed_again_is_told_with_its_time() -> None:
    again = timed("onnx", 5.0, None, p50_low_us=4.9, p50_high_us=5.1)
    held = comparison(timed("eager", 9.0, 1.0), timed("onnx", 6.0, 1.5), remeasured=[again])
    shown = words(document("bench", comparisons=[held]))
    assert "timed again (onnx): the saved run's own file" in shown
    assert "p50 5.00 µs [4.90, 5.10]" in shown


def test_cold_starts_say_that_files_had_been_read_before() -> None:
    rows = [timed("eager", 9.0, 1.0), timed("onnx", 5.0, 1.8)]
    cold = {"import_s": 0.34, "cold": [Cold(import_s=0.34)]}
    started = document(
        "bench", comparisons=[comparison(*(one.model_copy(update=cold) for one in rows))]
    )
    assert "page cache" not in words(document("bench", comparisons=[comparison(*rows)]))
    assert "cold: fresh processes, files in the system's page cache" in words(started)
    assert column(sheet_of(started), "import") == ["340 ms", "340 ms"]

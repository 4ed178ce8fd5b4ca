"""What stands under a table of timings: how it was measured, and what is to be doubted."""

from __future__ import annotations

import pytest

from tests.report.examples import comparison, document, variant
from tests.report.sheets import column, sheet_of, words
from tests.report.timings import cell, doubtful, networks, rivals, sweep, timed
from toolkit.report.caption import environment_lines
from toolkit.results import Clean, Cold, Comparison, Preset, Speedup, Work

DASH = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"


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


@pytest.mark.parametrize(
    ("preset", "mending"),
    [
        ("quick", "toolkit bench without --quick"),
        ("usual", "a quieter machine, or a longer --budget,"),
        ("rigorous", "a quieter machine"),
        (None, "a quieter machine"),
    ],
)
def test_a_noisy_machine_is_told_with_what_is_left_to_do(
    preset: Preset | None, mending: str
) -> None:
    held = cell(1, aa_band=0.09, preset=preset)
    rows = [one.model_copy(update={"verdict": "noisy"}) for one in held.variants]
    shown = words(document("bench", comparisons=[held.model_copy(update={"variants": rows})]))
    assert f"no difference can be claimed; {mending} may tell" in shown


def test_an_interval_that_was_not_measured_is_left_out() -> None:
    held: Comparison = cell(1, aa=Speedup(estimate=1.002, low=None, high=None))
    shown = words(document("bench", comparisons=[held]))
    assert f"twin of the baseline 1.00{TIMES} ·" in shown


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

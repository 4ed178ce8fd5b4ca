"""Files for the systems that follow timings: pytest-benchmark, github-action-benchmark, Bencher."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_benchmark import cli
from pytest_benchmark.stats import Stats

from tests.report.examples import comparison, document, failing_check, good_run, variant
from tests.report.timings import TIMED, doubtful, networks, rivals, sweep, timed
from toolkit.cli import main
from toolkit.report.entries import entries
from toolkit.report.exporters import OF_TIMINGS, exported
from toolkit.report.pytest_benchmark import stats
from toolkit.results import Document, save

COMPARE: Any = cli.main
STATS: Any = Stats
OWN = """
import pytest

@pytest.mark.benchmark(group="lenet5")
def test_own(benchmark):
    benchmark.pedantic(sum, args=([1, 2],), rounds=3)
"""


def read(name: str, shown: Document) -> Any:
    return json.loads(exported(name, [shown]), parse_constant=pytest.fail)


def read_by_them(seconds: np.ndarray[Any, Any]) -> dict[str, Any]:
    """The figures of pytest-benchmark itself."""
    reader = STATS()
    for duration in seconds.tolist():
        reader.update(duration)
    return reader.as_dict()


def test_a_name_is_the_same_whatever_else_was_timed() -> None:
    alone, together = sweep([8]), sweep()
    names = [entry.name for entry in entries([alone])]
    assert names == [
        "lenet5 [eager-cpu-float32-threads1-batch8]",
        "lenet5 [onnx-cpu-float32-threads1-batch8]",
        "lenet5 [script-cpu-float32-threads1-batch8]",
    ]
    assert set(names) < {entry.name for entry in entries([together])}


def test_rows_that_nothing_tells_apart_keep_names_of_their_own() -> None:
    names = [entry.name for entry in entries([sweep([8]), sweep([8])])]
    assert len(set(names)) == 6
    assert names[3] == f"{names[0][:-1]}-2]"


def test_settings_that_a_name_does_not_tell_are_part_of_it() -> None:
    names = [entry.param for entry in entries([doubtful()])]
    assert "eager+channels_last-cudnn=v9-cpu-float32-threads1-batch1" in names


def test_sizes_are_part_of_a_name_where_there_are_any() -> None:
    rows = [timed("eager", 9.0, 1.0, sizes=sizes) for sizes in ({"time": 128}, {}, None)]
    found = entries([document("bench", comparisons=[comparison(*rows)])])
    assert [entry.param for entry in found] == [
        "eager-cpu-float32-threads1-batch1-time128",
        "eager-cpu-float32-threads1-batch1",
        "eager-cpu-float32-threads1-batch1-2",
    ]


def test_what_was_not_timed_is_no_entry() -> None:
    assert not [entry for entry in entries([doubtful()]) if entry.variant.variant == "pt2"]


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=60))
def test_figures_are_those_that_pytest_benchmark_computes(calls_ns: list[int]) -> None:
    seconds = np.array(calls_ns) / 1e9
    own, theirs = stats(seconds), read_by_them(seconds)
    words = {"outliers", "stddev_outliers"}  # of equal calls, rounding decides what lies outside
    assert {name: own[name] for name in theirs if name not in words} == pytest.approx(
        {name: value for name, value in theirs.items() if name not in words}
    )


def test_outliers_are_counted_as_pytest_benchmark_does() -> None:
    data = np.array([1.0] * 20 + [1.1] * 20 + [9.0, 0.1])
    assert stats(data)["outliers"] == read_by_them(data)["outliers"] == "1;2"


def test_pytest_benchmark_compares_our_file_with_one_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "test_own.py").write_text(OWN, encoding="utf-8")
    words = ["test_own.py", "-q", "--benchmark-json=theirs.json", "-p", "no:cacheprovider"]
    made = [sys.executable, "-m", "pytest", *words]
    # Within a worker of pytest-xdist it would time nothing.
    alone = {name: value for name, value in os.environ.items() if "XDIST" not in name}
    subprocess.run(made, cwd=tmp_path, check=True, capture_output=True, env=alone)
    (tmp_path / "ours.json").write_text(exported("pytest_benchmark", [sweep()]), encoding="ascii")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["pytest-benchmark", "compare", "ours.json", "theirs.json"])
    COMPARE()
    shown = capsys.readouterr().out
    assert "benchmark 'lenet5': 10 tests" in shown
    assert re.search(r"lenet5 \[onnx-cpu-float32-threads1-batch8\] \(\S*ours\S*\) +\d", shown)
    assert re.search(r"test_own \(\S*theirs\S*\) +\d", shown)


def test_pytest_benchmark_groups_by_our_parameters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ours.json").write_text(exported("pytest_benchmark", [sweep()]), encoding="ascii")
    monkeypatch.chdir(tmp_path)
    words = ["compare", "ours.json", "--group-by", "param:runtime,param:device"]
    monkeypatch.setattr(sys, "argv", ["pytest-benchmark", *words])
    COMPARE()
    assert "benchmark 'runtime=onnxruntime device=cpu': 3 tests" in capsys.readouterr().out


def test_the_parity_score_and_the_verdict_go_with_each_benchmark() -> None:
    benches = {one["name"]: one for one in read("pytest_benchmark", rivals())["benchmarks"]}
    own = benches["b.py:Candidate [eager-cpu-float32-threads1-batch1]"]["extra_info"]
    assert own["parity_score"] == 1.17
    assert own["verdict"] == "faster"
    assert own["speedup"]["estimate"] == 1.15
    assert own["aa_band"] == 0.0124


def test_no_host_is_named() -> None:
    assert read("pytest_benchmark", sweep())["machine_info"]["node"] == ""


def test_a_commit_with_changes_is_dirty() -> None:
    shown = document("bench", comparisons=sweep([1]).comparisons, commit="ab" * 20 + "+")
    found = read("pytest_benchmark", shown)["commit_info"]
    assert (found["id"], found["dirty"]) == ("ab" * 20, True)


def test_rows_without_raw_samples_have_no_figures_for_pytest_benchmark() -> None:
    held = comparison(variant("eager", 9.0, 1.0, samples_ns=[]), timed("onnx", 5.0, 1.8))
    benches = read("pytest_benchmark", document("bench", comparisons=[held]))["benchmarks"]
    assert [one["params"]["variant"] for one in benches] == ["onnx"]


def test_github_action_benchmark_gets_times_with_their_half_width() -> None:
    first, second, *_ = read("github_benchmark", sweep([8]))
    assert first["name"] == "lenet5 [eager-cpu-float32-threads1-batch8]"
    assert (first["value"], first["unit"], first["range"]) == (420.0, "µs", "± 6.3")
    assert second["extra"].startswith("faster than eager\nA/A band ±1.08 %\nparity score 1.17")


def test_github_action_benchmark_gets_ratios_of_all_but_the_baseline() -> None:
    found = read("github_ratios", networks())
    assert len(found) == 6
    assert {one["unit"] for one in found} == {"\N{MULTIPLICATION SIGN}"}
    onnx = next(one for one in found if one["name"].startswith("lenet5 [onnx-"))
    assert (onnx["value"], onnx["range"]) == (10.5, "± 0.21")


def test_the_wider_side_of_an_interval_is_its_half_width() -> None:
    row = timed("eager", 100.0, 1.0, p50_low_us=99.0, p50_high_us=107.0)
    (found,) = read("github_benchmark", document("bench", comparisons=[comparison(row)]))
    assert found["range"] == "± 7"


@pytest.mark.parametrize("name", ["github_benchmark", "github_ratios"])
@pytest.mark.parametrize("made", TIMED.values(), ids=TIMED.keys())
def test_github_action_benchmark_finds_the_types_that_its_schema_asks_for(
    name: str, made: Any
) -> None:
    # `BenchmarkResult` in src/extract.ts; a range is read by src/extractRangeInfo.ts.
    for one in read(name, made()):
        assert set(one) <= {"name", "value", "range", "unit", "extra"}
        assert isinstance(one["value"], float)
        assert re.fullmatch(r"± \d[\d.e+-]*", one["range"])


@pytest.mark.parametrize("made", TIMED.values(), ids=TIMED.keys())
def test_bencher_finds_the_types_that_its_schema_asks_for(made: Any) -> None:
    # The JSON Schema of Bencher Metric Format; slugs are of lower-case words and hyphens.
    found = read("bencher", made())
    assert found
    for measures in found.values():
        for slug, metric in measures.items():
            assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)
            assert {"value"} <= set(metric) <= {"value", "lower_value", "upper_value"}
            assert all(isinstance(value, int | float) for value in metric.values())


def test_bencher_gets_nanoseconds_items_and_bounds() -> None:
    own = read("bencher", sweep([8]))["lenet5 [onnx-cpu-float32-threads1-batch8]"]
    assert own["latency"]["value"] == pytest.approx(121_000)
    assert own["latency"]["lower_value"] == pytest.approx(121_000 * 0.985)
    assert own["throughput"] == {"value": pytest.approx(64_793, rel=1e-4)}
    assert own["speed-up"]["upper_value"] == pytest.approx(420 / 121 * 1.02)
    assert own["peak-memory"] == {"value": 91_000_000}


def test_bencher_gets_no_speed_up_of_a_baseline() -> None:
    own = read("bencher", sweep([8]))["lenet5 [eager-cpu-float32-threads1-batch8]"]
    assert "speed-up" not in own
    assert "parity-score" not in own


@pytest.mark.parametrize("name", OF_TIMINGS)
def test_several_results_are_one_file(name: str) -> None:
    together = json.loads(exported(name, [sweep([8]), networks()]))
    alone = [json.loads(exported(name, [one])) for one in (sweep([8]), networks())]
    if name == "pytest_benchmark":
        together, *alone = (one["benchmarks"] for one in (together, *alone))
    assert len(together) == sum(map(len, alone))


@pytest.mark.parametrize("name", OF_TIMINGS)
def test_a_file_without_timings_is_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(failing_check(), tmp_path / "check.json")
    option = f"--{name.replace('_', '-')}"
    code = main(["report", str(tmp_path / "check.json"), option, str(tmp_path / "out.json")])
    assert code == 3
    assert f"nothing was timed in these results: {option}" in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize("name", OF_TIMINGS)
def test_report_writes_a_file_and_to_stdout(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(good_run(), tmp_path / "run.json")
    option, place = f"--{name.replace('_', '-')}", tmp_path / "out.json"
    assert main(["report", str(tmp_path / "run.json"), option, str(place)]) == 0
    assert main(["report", str(tmp_path / "run.json"), option, "-"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(place.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("platform", "machine", "release"),
    [
        ("Linux-6.8.0-1018-aws-x86_64-with-glibc2.36", "x86_64", "6.8.0-1018-aws"),
        ("macOS-14.1-arm64-arm-64bit", "arm64", "14.1"),
        ("Windows-10-10.0.19041-SP0", "", "10-10.0.19041-SP0"),
    ],
)
def test_the_machine_is_told_as_pytest_benchmark_tells_it(
    platform: str, machine: str, release: str
) -> None:
    made = sweep([8])
    environment = made.environment.model_copy(update={"platform": platform})
    told = read("pytest_benchmark", made.model_copy(update={"environment": environment}))
    held = told["machine_info"]
    assert (held["machine"], held["release"]) == (machine, release)
    assert held["system"] == platform.partition("-")[0]

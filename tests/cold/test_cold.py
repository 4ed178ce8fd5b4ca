"""Cold starts: real fresh processes, what each imports, and what is told of them."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import onnxruntime
import pytest

from tests.cold.starting import NESTED, ONCE, exported, of_user, start
from toolkit import cold, variants
from toolkit.cold import loaders
from toolkit.cold.starter import peak_rss_bytes
from toolkit.inputs import example
from toolkit.results import Cold
from toolkit.runtimes import eager
from toolkit.runtimes.base import RunOptions
from toolkit.runtimes.onnxruntime import LEVELS, session_options
from toolkit.stages.subject import Subject
from toolkit.variants.compiled_modules import CompiledModule
from toolkit.variants.frozen_forms import FrozenForm
from toolkit.variants.onnx_forms import OnnxForm


@pytest.fixture(scope="module")
def started(
    onnx_start: cold.ColdStart, trace_start: cold.ColdStart
) -> Mapping[str, cold.ColdStarts]:
    return cold.measure([onnx_start, trace_start], ONCE)


def test_every_step_of_a_start_takes_time_and_together_they_are_the_first_result(
    started: Mapping[str, cold.ColdStarts],
) -> None:
    for one in started.values():
        (figures,) = one.cold
        steps = [figures.start_s, figures.import_s, figures.load_s]
        times = [*steps, figures.first_call_us, figures.first_result_s]
        assert all(time is not None and 0.0 < time < math.inf for time in times)
        total = sum(step or 0.0 for step in steps) + (figures.first_call_us or 0.0) / 1e6
        assert figures.first_result_s == pytest.approx(total)


def test_an_onnx_file_is_started_without_torch_and_without_the_toolkit(
    started: Mapping[str, cold.ColdStarts],
) -> None:
    modules = started["onnx"].modules
    assert {"onnxruntime", "numpy"} <= set(modules)
    assert not {"torch", "toolkit", "onnx"} & set(modules)


def test_a_trace_is_started_with_torch_and_without_the_toolkit(
    started: Mapping[str, cold.ColdStarts],
) -> None:
    assert "torch" in started["trace"].modules
    assert not {"toolkit", "onnxruntime"} & set(started["trace"].modules)


def test_the_peak_of_memory_is_of_the_fresh_process_and_not_of_its_parent(
    started: Mapping[str, cold.ColdStarts],
) -> None:
    """Linux hands the peak of a process on to the program that it becomes."""
    (figures,) = started["onnx"].cold
    own = peak_rss_bytes()
    assert own is not None
    assert figures.peak_rss_bytes is not None
    assert 0 < figures.peak_rss_bytes < own


def test_a_users_module_is_built_by_its_own_code_with_the_weights_at_hand(tmp_path: Path) -> None:
    ports = ("pair.left=batch,3", "pair.right=batch,3", "scale:=2.0")
    subject = of_user(NESTED, "Nested", tmp_path, *ports)
    expected = eager.load(subject.built, RunOptions()).run(example(subject.built.spec))
    assert set(expected) == {"sum", "scaled"}
    one = cold.measure([start(subject, "eager", expected=expected)], ONCE)["eager"]
    assert one.failure is None
    assert "torch" in one.modules
    assert "onnxruntime" not in one.modules


def test_a_script_whose_inputs_are_nested_is_started_without_the_users_code(
    tmp_path: Path,
) -> None:
    ports = ("pair.left=batch,3", "pair.right=batch,3", "scale:=2.0")
    subject = of_user(NESTED, "Nested", tmp_path, *ports)
    one = cold.measure([exported(subject, "script", tmp_path)], ONCE)["script"]
    assert one.failure is None
    assert "nested" not in one.modules


@pytest.mark.skipif(find_spec("openvino") is None, reason="openvino is not installed")
def test_openvino_is_started_with_the_onnx_file_and_nothing_else(
    onnx_start: cold.ColdStart,
) -> None:
    one = cold.measure([replace(onnx_start, variant="openvino")], ONCE)["onnx"]
    assert one.failure is None
    assert "openvino" in one.modules
    assert not {"torch", "onnxruntime", "toolkit"} & set(one.modules)


@pytest.mark.parametrize("variant", ["onnx-none", "onnx-spin", "onnx-iobinding"])
def test_variants_of_onnxruntime_compute_the_same(onnx_start: cold.ColdStart, variant: str) -> None:
    one = cold.measure([replace(onnx_start, variant=variant)], ONCE)["onnx"]
    assert one.failure is None
    assert len(one.cold) == ONCE


@pytest.mark.parametrize(
    ("level", "name"), [("all", "ORT_ENABLE_ALL"), ("none", "ORT_DISABLE_ALL")]
)
@pytest.mark.parametrize("spin", [False, True])
def test_onnxruntime_is_started_with_the_settings_that_it_is_timed_with(
    level: Literal["all", "none"], name: str, spin: bool
) -> None:
    """They stand twice, because a start without torch imports nothing of the toolkit."""
    job = {"threads": 2, "spin": spin, "level": name, "libraries": []}
    started = loaders.session_options(onnxruntime, job)
    timed = session_options(RunOptions(threads=2), level=level, spinning=spin)
    names = ("intra_op_num_threads", "inter_op_num_threads", "graph_optimization_level")
    entries = [f"session.{which}_op.allow_spinning" for which in ("intra", "inter")]
    for settings in (started, timed):
        assert settings.get_session_config_entry(entries[0]) == str(int(spin))
    assert [getattr(started, one) for one in names] == [getattr(timed, one) for one in names]
    assert [started.get_session_config_entry(one) for one in entries] == [
        timed.get_session_config_entry(one) for one in entries
    ]


def test_every_kind_of_start_is_a_variant_with_the_settings_that_it_is_timed_with() -> None:
    """They stand twice: what starts imports nothing of the toolkit, and what times no starter."""
    timed = [variants.get(name) for name in cold.KINDS]
    sessions = [
        (one.name, LEVELS[one.level], one.spinning, one.bound, one.from_host)
        for one in timed
        if isinstance(one, OnnxForm)
    ]
    kinds = cold.KINDS.items()
    assert sessions == [
        (name, one.level, one.spin, one.bound, one.from_host)
        for name, one in kinds
        if one.loader == "onnxruntime"
    ]
    frozen = [one.name for one in timed if isinstance(one, FrozenForm)]
    assert frozen == [name for name, one in kinds if one.freeze]
    modes = [(one.name, one.mode) for one in timed if isinstance(one, CompiledModule)]
    assert modes == [(name, one.compile) for name, one in kinds if one.compile]


def test_what_lies_in_the_working_folder_is_not_taken_for_a_library(
    onnx_start: cold.ColdStart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "onnxruntime.py").write_text("raise SystemExit\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert cold.measure([onnx_start], ONCE)["onnx"].failure is None


def test_each_round_of_starts_has_an_order_of_its_own_that_the_seed_decides() -> None:
    names = [f"variant {number}" for number in range(8)]
    turns = cold.order(names, 3, seed=1)
    rounds = [turns[:8], turns[8:16], turns[16:]]
    assert all(sorted(one) == names for one in rounds)
    assert rounds[0] != rounds[1]
    assert turns == cold.order(names, 3, seed=1)
    assert turns != cold.order(names, 3, seed=2)


def test_a_summary_has_the_medians_of_times_and_the_largest_peak() -> None:
    given = [
        Cold(load_s=1.0, first_call_us=30.0, first_result_s=2.0, peak_rss_bytes=5),
        Cold(load_s=9.0, first_call_us=10.0, first_result_s=3.0, peak_rss_bytes=8),
        Cold(load_s=2.0, first_call_us=20.0, first_result_s=4.0, peak_rss_bytes=6),
    ]
    assert cold.summary(given) == Cold(
        load_s=2.0, first_call_us=20.0, first_result_s=3.0, peak_rss_bytes=8
    )
    assert cold.summary([]) == Cold()


def test_progress_is_told_before_each_start_and_at_the_end(lenet: Subject) -> None:
    told: list[tuple[int, int]] = []
    unknown = start(lenet, "aeroplane")
    cold.measure([unknown], times=2, observe=lambda done, total: told.append((done, total)))
    assert told == [(0, 2), (1, 2), (2, 2)]


def test_the_starter_alone_imports_no_library() -> None:
    source = (Path(cold.__file__).parent / "starter.py").read_text(encoding="utf-8")
    top = [line for line in source.splitlines() if line.startswith(("import ", "from "))]
    names = {line.split()[1].partition(".")[0] for line in top}
    assert names <= set(sys.stdlib_module_names)

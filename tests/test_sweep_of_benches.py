"""Comparisons over several processes: sets until there is enough, and what ends one of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.baselines.recorded import run, table
from tests.processes import ONNX, WORDS, Processes, a_row, benched, two_rows
from toolkit import pipeline
from toolkit.baselines import Baseline, artefacts
from toolkit.benching import turns
from toolkit.benching.values import Entrant, Task
from toolkit.errors import UsageError
from toolkit.events import Progress
from toolkit.options import BenchOptions, Cell
from toolkit.sweep import Sweep, jobs
from toolkit.timing.measuring import TWIN
from toolkit.timing.protocol import Protocol
from toolkit.words import ModelWords


def test_a_comparison_is_five_sets_each_of_a_seed_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    processes = Processes(two_rows)
    sweep = benched(monkeypatch, processes, "eager", "onnx")
    (comparison,) = sweep.benched
    assert comparison.sets == len(processes.sets) >= 5
    assert len({task.protocol.seed for task in processes.sets}) == len(processes.sets)
    assert comparison.stopped == "precise"


def test_a_quick_comparison_is_one_set(monkeypatch: pytest.MonkeyPatch) -> None:
    processes = Processes(two_rows)
    sweep = benched(monkeypatch, processes, "eager", "onnx", preset="quick")
    assert [one.sets for one in sweep.benched] == [1]
    assert sweep.benched[0].within_one_process


def test_a_set_notes_whose_block_it_is(tmp_path: Path) -> None:
    words = ModelWords("lenet5", weights="random")
    protocol = Protocol(2, 2, None, precision=None, block_s=0.001, warm_up_s=0.0)
    task = Task(BenchOptions(("eager",), preset="quick"), Cell(), protocol)
    told: list[Progress] = []
    (found,) = pipeline.time_set([Entrant(words, {}, tmp_path)], task, observe=told.append)
    order = found.measured.conditions[-1].order
    assert turns.last(tmp_path) == ("eager" if order[-1] == TWIN else order[-1])
    *_, before, last = told
    assert (before.form, last.done) == (None, 2)
    assert {one.form for one in told if "warm-up" in one.detail} >= {"eager"}


def test_threads_of_a_timed_process_sleep_between_calls_unless_the_user_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The settings are those of the process itself: what it was started with, and what it did."""
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setenv("KMP_BLOCKTIME", "7")
    short = Protocol(2, 2, None, precision=None, block_s=0.001, warm_up_s=0.0)
    monkeypatch.setattr("toolkit.sweep.benching.protocol_of", lambda *_: short)
    sweep = Sweep()
    entrant = Entrant(ModelWords("lenet5", weights="random"), {}, tmp_path)
    sweep.time([entrant], BenchOptions(("eager",), preset="quick"), "cpu")
    settings = sweep.benched[0].settings
    assert settings["OMP_WAIT_POLICY"] == "PASSIVE"
    assert settings["KMP_BLOCKTIME"] == "7"
    assert settings["interop_threads"] == "1"
    assert "OMP_WAIT_POLICY" not in os.environ


def test_a_variant_with_processes_of_its_own_has_one_for_each_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    processes = Processes(lambda _: [a_row("eager"), a_row("onnx-spin", alone=True)])
    sweep = benched(monkeypatch, processes, "eager", "onnx-spin")
    own = [task for name, task in processes.asked if name == "time_set" and task.only]
    assert len(own) == len(processes.sets)
    eager, spinning = sweep.benched[0].variants
    assert spinning.alone
    assert len(spinning.set_rounds) == len(own)
    assert len(spinning.conditions) == sum(spinning.set_rounds) == len(spinning.samples_ns)
    assert eager.conditions == []


class Entering(Processes):
    """Several models, of which some cannot be had."""

    lost: tuple[str, ...] = ()

    def run(self, function: str, *arguments: object, **more: object) -> Iterator[object]:
        if function != "enter":
            yield from super().run(function, *arguments, **more)
            return
        words = arguments[0]
        assert isinstance(words, ModelWords)
        if words.word in self.lost:
            raise UsageError("running it raised RuntimeError", model=words.word)
        yield Entrant(words, {}, Path())


@pytest.mark.parametrize(("lost", "tables"), [("b.py:B", 1), ("a.py:A", 0)])
def test_a_model_that_cannot_be_had_leaves_the_others_to_be_compared_with_the_first(
    monkeypatch: pytest.MonkeyPatch, lost: str, tables: int
) -> None:
    processes = Entering(two_rows)
    processes.lost = (lost,)
    monkeypatch.setattr(jobs, "run_job", processes.run)
    sweep = Sweep()
    models = [ModelWords(word) for word in ("a.py:A", "b.py:B", "c.py:C")]
    sweep.bench(models, BenchOptions(("eager", "onnx"), preset="quick"))
    assert len(sweep.benched) == tables
    assert [(row.model, row.format, row.status) for row in sweep.checked] == [(lost, None, "error")]
    assert sweep.exit_code() == 2


def test_what_is_more_than_a_form_is_judged_once_before_the_sets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    processes = Processes(two_rows)
    benched(monkeypatch, processes, "eager", "onnx-none")
    names = [name for name, _ in processes.asked]
    assert names[0] == "vet"
    assert names.count("vet") == 1
    assert all("onnx-none" in task.vetted for task in processes.sets)


def saved(*rows: tuple[str, int]) -> Baseline:
    """A saved run of Net: variants with the threads that each had, a comparison for each."""
    held = [
        table({"eager": 9.0, "onnx": 3.0}, every_row={"model": WORDS.shown}, rows=as_row(*row))
        for row in rows
    ]
    return Baseline("main", Path("main.json"), run(*held))


def as_row(variant: str, threads: int) -> dict[str, dict[str, object]]:
    return {"onnx": {"variant": variant, "threads": threads, "format": "onnx"}}


@pytest.mark.parametrize(
    ("variant", "then", "threads", "expected"),
    [
        ("onnx", [("onnx", 1)], (1, 2), [[1], []]),
        ("onnx+threads=2", [("onnx+threads=2", 2)], (1,), [[1]]),
        ("onnx+threads=2", [("onnx+threads=2", 2)] * 2, (1, 4), [[1], [2]]),
        ("onnx+threads=2", [("onnx+threads=4", 4)], (1,), [[]]),
    ],
)
def test_a_saved_file_is_timed_again_at_the_threads_of_its_own_variant(
    monkeypatch: pytest.MonkeyPatch,
    variant: str,
    then: list[tuple[str, int]],
    threads: tuple[int, ...],
    expected: list[list[int]],
) -> None:
    monkeypatch.setattr(artefacts, "_at_hand", lambda *_: Path("model.onnx"))
    processes = Processes(lambda _: [a_row(name) for name in ("eager", variant)])
    monkeypatch.setattr(jobs, "run_job", processes.run)
    sweep = Sweep(baseline=saved(*then))
    options = BenchOptions(("eager", variant), threads=threads, preset="quick")
    sweep.time([Entrant(WORDS, {"onnx": ONNX}, Path())], options, "cpu")
    assert [[one.case.number for one in task.again] for task in processes.sets] == expected

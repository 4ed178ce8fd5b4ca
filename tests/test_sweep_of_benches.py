"""Comparisons over several processes: sets until there is enough, and what ends one of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.baselines.recorded import run, table
from tests.timing.recorded import a_set, around
from toolkit import pipeline, results
from toolkit.baselines import Baseline, artefacts
from toolkit.benching import turns
from toolkit.benching.values import Described, Entrant, Row, SetOfRounds, Task, Vetted
from toolkit.errors import MissingError, UsageError
from toolkit.events import Progress
from toolkit.isolation import Death
from toolkit.options import BenchOptions, Cell, TimedForm
from toolkit.sweep import Sweep, jobs
from toolkit.timing.measuring import TWIN
from toolkit.timing.protocol import Protocol
from toolkit.words import ModelWords

WORDS = ModelWords("net.py:Net", ("x=batch,4",))
ONNX = TimedForm(Path("model.onnx"), 100, "pass", 1.0)


def a_row(variant: str, note: str | None = None, *, alone: bool = False) -> Row:
    return Row("Net", variant, None, "eager", "float32", 1, 1, "trained", note=note, alone=alone)


@dataclass
class Processes:
    """Stands in for child processes: answers by the name of the job, and keeps what was asked."""

    rows: Callable[[Task], list[Row]]
    ends: list[str] = field(default_factory=list)
    """Contestants each of which ends one process."""
    asked: list[tuple[str, Task]] = field(default_factory=list)

    def run(self, function: str, *arguments: object, **_: object) -> Iterator[object]:
        task = arguments[1]
        assert isinstance(task, Task)
        self.asked.append((function, task))
        if function == "time_set":
            yield self._set(task)
        elif function == "describe":
            yield Described()
        elif function == "vet":
            yield Vetted("onnx-none", _verdict("onnx-none"))

    def _set(self, task: Task) -> SetOfRounds | Death:
        dying = [name for name in self.ends if name not in task.dead]
        if dying:
            return Death("crash", "it ended", Progress("Net", "bench", form=dying[0]))
        rows = [row for row in self.rows(task) if task.only in (None, row.variant)]
        timed = [row.variant for row in rows if row.note is None and (task.only or not row.alone)]
        seed = task.protocol.seed % 1000
        samples = {name: around(100.0, seed + place) for place, name in enumerate(timed)}
        twin = () if task.only else around(100.0, seed + 50)
        measured = a_set(samples, twin, wall_s=0.05)
        return SetOfRounds(measured, {row.variant: row for row in rows})

    @property
    def sets(self) -> list[Task]:
        """The sets that were asked for, those of all contestants."""
        return [task for name, task in self.asked if name == "time_set" and task.only is None]


def _verdict(variant: str) -> results.CheckResult:
    return results.CheckResult(
        model="Net",
        format="onnx",
        runtime=variant,
        device="cpu",
        status="pass",
        score=1.0,
        noise_source="float64",
        cases=9,
    )


def benched(
    monkeypatch: pytest.MonkeyPatch, processes: Processes, *variants: str, **more: object
) -> Sweep:
    monkeypatch.setattr(jobs, "run_job", processes.run)
    sweep = Sweep()
    options = BenchOptions(variants, **more)  # type: ignore[arg-type]
    sweep.time([Entrant(WORDS, {"onnx": ONNX}, Path())], options, "cpu")
    return sweep


def two_rows(task: Task) -> list[Row]:
    return [a_row(name, task.dead.get(name)) for name in ("eager", "onnx")]


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


def test_a_variant_that_ends_its_process_is_a_row_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sweep = benched(monkeypatch, Processes(two_rows, ends=["onnx"]), "eager", "onnx")
    eager, onnx = sweep.benched[0].variants
    assert eager.calls > 0
    assert (onnx.verdict, onnx.note, onnx.ended) == ("not timed", "crash: it ended", "crash")
    assert sweep.exit_code() == 4


@pytest.mark.parametrize("raising", [["onnx"], ["eager"], ["eager", "onnx"]])
def test_a_variant_that_raises_while_it_is_timed_is_no_success(
    monkeypatch: pytest.MonkeyPatch, raising: list[str]
) -> None:
    class Raising(Processes):
        def _set(self, task: Task) -> SetOfRounds:
            names = [name for name in ("eager", "onnx") if name not in raising]
            samples = {name: around(100.0, place) for place, name in enumerate(names)}
            failed = dict.fromkeys(raising, "RuntimeError: out of memory")
            found = replace(a_set(samples, failed=failed), baseline="eager")
            return SetOfRounds(found, {row.variant: row for row in self.rows(task)})

    sweep = benched(monkeypatch, Raising(two_rows), "eager", "onnx")
    (comparison,) = sweep.benched
    ended = {one.variant: one.ended for one in comparison.variants}
    assert ended == {name: "error" if name in raising else None for name in ("eager", "onnx")}
    assert sweep.exit_code() == 4


def test_a_variant_that_parity_keeps_out_is_told_by_its_check_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    processes = Processes(lambda _: [a_row("eager"), a_row("onnx", "parity: fail")])
    sweep = benched(monkeypatch, processes, "eager", "onnx")
    onnx = sweep.benched[0].variants[1]
    assert (onnx.verdict, onnx.ended, sweep.exit_code()) == ("not timed", None, 0)


@pytest.mark.parametrize(("last", "blamed"), [("onnx", "onnx"), ("eager", "eager")])
def test_what_ends_a_process_in_its_rounds_is_whose_turn_it_was(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, last: str, blamed: str
) -> None:
    class InRounds(Processes):
        def run(self, function: str, *arguments: object, **more: object) -> Iterator[object]:
            task = arguments[1]
            assert isinstance(task, Task)
            if function == "time_set" and not task.dead:
                with turns.noted(tmp_path) as note:
                    for name in ("a longer name", last):
                        note(name)
                yield Death("crash", "it ended", Progress("Net", "bench", done=3, total=12))
                return
            yield from super().run(function, *arguments, **more)

    monkeypatch.setattr(jobs, "run_job", InRounds(two_rows).run)
    sweep = Sweep()
    sweep.time([Entrant(WORDS, {}, tmp_path)], BenchOptions(("eager", "onnx")), "cpu")
    (comparison,) = sweep.benched
    assert [one.variant for one in comparison.variants if one.ended] == [blamed]


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


def test_what_cannot_be_named_ends_the_comparison_with_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Ending(Processes):
        def run(self, function: str, *arguments: object, **_: object) -> Iterator[object]:
            del function, arguments
            yield Death("timeout", "no progress for 600 s")

    sweep = benched(monkeypatch, Ending(two_rows), "eager", "onnx")
    assert sweep.benched == []
    assert [one.name for one in sweep.failures] == ["timeout"]
    assert sweep.exit_code() == 4


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


@pytest.mark.parametrize(
    ("end", "note"),
    [
        (Death("crash", "it ended"), "crash: it ended"),
        (MissingError("there is no such library"), "there is no such library"),
    ],
)
def test_what_goes_wrong_in_a_process_of_its_own_is_told_in_its_row_alone(
    monkeypatch: pytest.MonkeyPatch, end: Death | MissingError, note: str
) -> None:
    class Ending(Processes):
        def run(self, function: str, *arguments: object, **more: object) -> Iterator[object]:
            task = arguments[1]
            assert isinstance(task, Task)
            if task.only is None:
                yield from super().run(function, *arguments, **more)
                return
            self.asked.append((function, task))
            if isinstance(end, Death):
                yield end
                return
            raise end

    processes = Ending(lambda _: [a_row("eager"), a_row("onnx-spin", alone=True)])
    sweep = benched(monkeypatch, processes, "eager", "onnx-spin")
    eager, spinning = sweep.benched[0].variants
    assert eager.calls > 0
    assert (spinning.verdict, spinning.note) == ("not timed", note)
    assert spinning.ended == (end.kind if isinstance(end, Death) else "error")
    assert sweep.exit_code() == 4
    assert len([task for _, task in processes.asked if task.only]) == 1
    assert sweep.failures == []


def test_what_several_jobs_of_a_comparison_fail_for_is_said_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Refusing(Processes):
        def run(self, function: str, *arguments: object, **_: object) -> Iterator[object]:
            self.asked.append((function, arguments[1]))  # type: ignore[arg-type]
            raise UsageError("batch 9 is out of the model's range")

    processes = Refusing(two_rows)
    sweep = benched(monkeypatch, processes, "eager", "onnx-none")
    assert [name for name, _ in processes.asked] == ["vet", "time_set"]
    assert [one.message for one in sweep.failures] == ["batch 9 is out of the model's range"]
    assert sweep.exit_code() == 2


def test_a_process_that_ends_at_the_cold_starts_loses_no_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Ending(Processes):
        def run(self, function: str, *arguments: object, **more: object) -> Iterator[object]:
            if function == "describe":
                yield Death("crash", "it ended")
                return
            yield from super().run(function, *arguments, **more)

    sweep = benched(monkeypatch, Ending(two_rows), "eager", "onnx")
    for one in sweep.benched[0].variants:
        assert one.calls > 0
        assert one.note == "no cold start: crash: it ended"


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_comparison_keeps_the_sets_that_it_has(
    monkeypatch: pytest.MonkeyPatch, end: type[BaseException]
) -> None:
    class Interrupted(Processes):
        def run(self, function: str, *arguments: object, **more: object) -> Iterator[object]:
            if len(self.sets) == 3:
                raise end
            yield from super().run(function, *arguments, **more)

    monkeypatch.setattr(jobs, "run_job", Interrupted(two_rows).run)
    kept: list[int] = []
    sweep = Sweep()
    sweep.saved = lambda: kept.append(len(sweep.benched))
    with pytest.raises(end):
        sweep.time([Entrant(WORDS, {"onnx": ONNX}, Path())], BenchOptions(("eager", "onnx")), "cpu")
    assert [(one.sets, one.stopped) for one in sweep.benched] == [(3, "interrupted")]
    assert all(one.calls > 0 for one in sweep.benched[0].variants)
    assert kept == [1]


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

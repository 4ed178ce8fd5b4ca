"""What ends a process of a comparison, or raises in it, costs its own row and no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.processes import ONNX, WORDS, Processes, a_row, benched, two_rows
from tests.timing.recorded import a_set, around
from toolkit.benching import turns
from toolkit.benching.values import Entrant, SetOfRounds, Task
from toolkit.errors import MissingError, UsageError
from toolkit.events import Progress
from toolkit.isolation import Death
from toolkit.options import BenchOptions
from toolkit.sweep import Sweep, jobs


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

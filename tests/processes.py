"""Stands in for the child processes of a comparison, and runs one over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.report.examples import check
from tests.timing.recorded import a_set, around
from toolkit.benching.values import Described, Entrant, Row, SetOfRounds, Task, Vetted
from toolkit.events import Progress
from toolkit.isolation import Death
from toolkit.options import BenchOptions, TimedForm
from toolkit.sweep import Sweep, jobs
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
            yield Vetted("onnx-none", check("onnx", model="Net", runtime="onnx-none"))

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

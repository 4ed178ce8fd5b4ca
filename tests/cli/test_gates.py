"""A run held against a saved one: what is refused before measuring, shown after it, and kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest

from tests.baselines.recorded import USUAL, changed, run, table
from tests.cli.conftest import Command
from toolkit import baselines, results
from toolkit._version import __version__
from toolkit.cli.benching import Held
from toolkit.cli.session import Session, environment
from toolkit.isolation import Limits
from toolkit.options import Gate
from toolkit.results import Document
from toolkit.sweep import Sweep

FOLDER = Path("exported")
THEN = run(table())
SLOWER = run(table({**USUAL, "onnx": 30.0}, seed=1, rows=changed("onnx")))


@dataclass(frozen=True)
class Measured:
    """A session whose run is over."""

    found: Document

    def document(self, sweep: Sweep) -> Document:
        update = {"against": sweep.against, "exit_code": sweep.exit_code(), "error": sweep.error}
        return self.found.model_copy(update=update)


def here(*, preset: str = "usual", **row: object) -> Document:
    """A run on this machine, under these versions."""
    made = run(table(every_row=row, preset=preset), toolkit=__version__)
    asked = {"inputs": ["x=3"]}
    return made.model_copy(update={"environment": environment(None, 1), "asked": asked})


def judged(now: Document, gate: Gate) -> Sweep:
    sweep = Sweep(limits=Limits(60.0, None))
    Held(gate).judge(sweep, cast(Session, Measured(now)))
    return sweep


def kept(name: str) -> list[int]:
    """The seeds of the comparisons of a saved run."""
    return [one.seed for one in baselines.find(name, FOLDER).document.all_comparisons]


@pytest.fixture
def main(own_folder: Path) -> Gate:
    """A gate against the saved run `main`."""
    baselines.save(THEN, "main", FOLDER)
    return Gate("main", 0.05, folder=FOLDER)


@pytest.mark.parametrize(
    ("then", "told"),
    [
        (here(threads=2), "threads: 2 then, 1 now"),
        (here(preset="rigorous"), "protocol: rigorous then, usual now"),
        (here(batch=8), "batch: 8 then, 1 now"),
        (here(device="cuda"), "device: cuda then, cpu now"),
        (here(model="nowhere.py:Net"), "--input: x=3 then, not told now"),
    ],
)
def test_other_conditions_that_are_known_are_refused_before_anything_is_measured(
    toolkit_command: Command, then: Document, told: str
) -> None:
    results.save(then, Path("then.json"))
    ended = toolkit_command("bench", "nowhere.py:Net", "--baseline", "then.json")
    assert (ended.code, told in ended.err) == (3, True)


def test_a_variant_with_threads_of_its_own_is_no_other_condition(toolkit_command: Command) -> None:
    results.save(here(threads=2), Path("then.json"))
    words = ("--variants", "onnx+threads=2", "--baseline", "then.json")
    ended = toolkit_command("bench", "nowhere.py:Net", "--input", "x=2", *words)
    assert (ended.code, "there is no file nowhere.py" in ended.err) == (2, True)


def test_what_was_measured_under_other_conditions_is_not_judged_and_not_lost(main: Gate) -> None:
    other = run(table(seed=1, rows={"onnx": {"weights": "random"}}))
    sweep = judged(other, replace(main, save="other"))
    assert sweep.against is None
    assert sweep.error is not None
    assert (sweep.error.name, sweep.exit_code()) == ("unlike", 3)
    assert "onnx: weights" in sweep.error.message
    assert kept("other") == [1]


def test_a_run_that_is_slower_does_not_take_the_place_of_its_baseline(
    main: Gate, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = judged(SLOWER, replace(main, save="main"))
    assert sweep.exit_code() == 1
    assert kept("main") == [0]
    assert "main stays as it was" in capsys.readouterr().err


def test_a_run_that_is_slower_is_kept_under_another_name(main: Gate) -> None:
    judged(SLOWER, replace(main, save="slow"))
    assert baselines.names(FOLDER) == ["main", "slow"]


def test_a_run_that_holds_takes_the_place_of_its_baseline(main: Gate) -> None:
    sweep = judged(run(table(seed=5)), replace(main, save="main"))
    assert (sweep.exit_code(), kept("main")) == (0, [5])

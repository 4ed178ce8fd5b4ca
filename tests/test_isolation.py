"""However a job's process ends, the caller gets a value, and nothing is left behind."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import psutil
import pytest

from toolkit.errors import InputsError
from toolkit.events import Progress
from toolkit.isolation import Death, Limits, run_job
from toolkit.options import CheckOptions
from toolkit.results import CheckResult
from toolkit.words import ModelWords

STRANGERS = Path(__file__).parent / "strangers" / "networks.py"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(STRANGERS, tmp_path / "networks.py")
    (tmp_path / "temporary").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))


def check(
    name: str, *, timeout_s: float = 60, memory_bytes: int | None = None
) -> tuple[list[object], list[Progress]]:
    told: list[Progress] = []
    words = ModelWords(f"networks.py:{name}", ("x=batch,8",))
    arguments = (words, CheckOptions(("trace",)), ("trace",), None)
    limits = Limits(timeout_s, memory_bytes)
    job = run_job("check", *arguments, limits=limits, observe=told.append)
    return list(job), told


def death_of(name: str, **limits: float) -> Death:
    values, _ = check(name, **limits)  # type: ignore[arg-type]
    (death,) = values
    assert isinstance(death, Death)
    return death


def left_behind() -> list[Path]:
    return list(Path("temporary").glob("toolkit-*"))


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_values_and_progress_cross_over_whatever_the_network_prints(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLKIT_CHILDREN", method)
    values, told = check("Chatty")
    (row,) = values
    assert isinstance(row, CheckResult)
    assert row.status == "pass"
    assert told[-1].form == "trace"
    assert not left_behind()


@pytest.mark.parametrize(
    ("name", "says"),
    [("Aborting", "SIGABRT"), ("Exiting", "exit code 3"), ("AbortingWhenTraced", "SIGABRT")],
)
def test_a_process_that_ends_by_itself_is_a_crash(name: str, says: str) -> None:
    death = death_of(name)
    assert death.kind == "crash"
    assert says in death.message
    assert death.form == ("trace" if name == "AbortingWhenTraced" else None)
    assert not left_behind()


def test_a_process_that_says_nothing_for_too_long_is_ended() -> None:
    death = death_of("Looping", timeout_s=2)
    assert (death.kind, death.message) == ("timeout", "no progress for 2 s")
    assert not _workers()
    assert not left_behind()


def _workers() -> list[psutil.Process]:
    """Children of the fork server: there is one for each job that runs."""
    servers = psutil.Process().children()
    return [child for server in servers for child in server.children()]


def test_a_process_that_takes_too_much_memory_is_ended() -> None:
    death = death_of("Greedy", memory_bytes=1_500_000_000)
    assert death.kind == "out-of-memory"
    assert "GB" in death.message


def test_an_error_of_the_job_is_raised_with_its_hint() -> None:
    words = ModelWords("networks.py:Plain")
    with pytest.raises(InputsError) as caught:
        list(run_job("check", words, CheckOptions(), ("trace",), None))
    assert caught.value.model == "networks.py:Plain"
    assert "--input x=batch,8" in str(caught.value.hint)
    assert not left_behind()


def test_a_job_that_is_given_up_ends_its_process() -> None:
    words = ModelWords("networks.py:Plain", ("x=batch,8",))
    job = run_job("check", words, CheckOptions(), ("trace", "script"), None)
    assert isinstance(next(job), CheckResult)
    job.close()  # type: ignore[attr-defined]
    assert not _workers()
    assert not left_behind()


def test_variables_are_those_of_the_child_alone() -> None:
    before = dict(os.environ)
    words = ModelWords("networks.py:Plain", ("x=batch,8",))
    list(run_job("resolve", (words,), False, variables={"OMP_NUM_THREADS": "3"}))
    assert dict(os.environ) == before


LOCKED = """
from pathlib import Path

import tqdm
from torch import nn

Path("lock").write_text(type(tqdm.tqdm.get_lock()).__name__)


class Net(nn.Linear):
    def __init__(self):
        super().__init__(8, 2)
"""


def test_progress_bars_in_a_child_leave_no_semaphore_of_the_system() -> None:
    pytest.importorskip("tqdm")
    Path("locked.py").write_text(LOCKED)
    words = (ModelWords("locked.py:Net", ("input=batch,8",)),)
    list(run_job("resolve", words, False))
    assert Path("lock").read_text() == "RLock"

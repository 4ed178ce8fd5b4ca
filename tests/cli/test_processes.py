"""The command in a process of its own: encodings, hostile folders, signals, orphans."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.cli.conftest import COMMAND

STRANGERS = Path(__file__).parents[1] / "strangers" / "networks.py"
MODULE = [sys.executable, "-m", "toolkit"]
COMMANDS = ("list", "show", "train", "export", "check", "bench", "run", "report", "doctor")
Hanging = tuple[subprocess.Popen[str], Path]
HEAVY = ("torch", "numpy", "onnx", "onnxruntime", "scipy", "sklearn", "toolkit.results")


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A working folder with files that are called like what the toolkit imports."""
    shutil.copy(STRANGERS, tmp_path / "networks.py")
    for name in ("torch", "rich", "random", "numpy", "typer", "onnx", "models"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('imported unasked')\n")
    return tmp_path


def environment(**variables: str) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", **variables}


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_a_check_in_a_hostile_folder_and_an_ascii_terminal_is_one_document(
    hostile: Path, method: str
) -> None:
    words = ["check", "lenet5", "--weights", "random", "-f", "trace", "--json"]
    ended = subprocess.run(
        [*(MODULE if method == "spawn" else COMMAND), *words],
        cwd=hostile,
        env=environment(TOOLKIT_CHILDREN=method, PYTHONIOENCODING="ascii"),
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    document = json.loads(ended.stdout.decode("ascii"))
    assert document["command"] == "check"
    assert [row["status"] for row in document["results"]] == ["pass"]
    assert b"check lenet5" in ended.stderr
    assert b"Traceback" not in ended.stderr


def test_help_imports_nothing_heavy() -> None:
    source = (
        "import sys\n"
        "from toolkit.cli import main\n"
        f"for command in {COMMANDS!r}:\n"
        "    assert main([command, '--help']) == 0\n"
        "assert main(['--help']) == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0
    assert ended.stderr.strip() == "[]"


def started(folder: Path) -> subprocess.Popen[str]:
    """A command that finds a row and then hangs in the next model, in a group of its own."""
    shutil.copy(STRANGERS, folder / "networks.py")
    (folder / "temporary").mkdir()
    models = ["networks.py:Plain", "networks.py:Waiting", "--input", "x=batch,8", "-f", "trace"]
    return subprocess.Popen(
        [*COMMAND, "check", *models, "--json"],
        cwd=folder,
        env=environment(TMPDIR=str(folder / "temporary")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.fixture(scope="module")
def hanging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Hanging]]:
    """One for each way to end it; all start at once, which takes half as long."""
    folders = {name: tmp_path_factory.mktemp(name) for name in ("SIGINT", "SIGTERM", "SIGKILL")}
    commands = {name: (started(folder), folder) for name, folder in folders.items()}
    yield commands
    for process, _ in commands.values():
        process.kill()
        process.communicate()


def children_once_it_hangs(process: subprocess.Popen[str]) -> list[psutil.Process]:
    assert process.stderr is not None
    for line in process.stderr:
        if "build networks.py:Waiting" in line:
            return psutil.Process(process.pid).children(recursive=True)
    raise AssertionError("the command ended before it could be interrupted")


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_an_interrupted_command_keeps_what_it_found_and_leaves_no_process(
    hanging: dict[str, Hanging], name: str, code: int
) -> None:
    process, folder = hanging[name]
    children = children_once_it_hangs(process)
    if name == "SIGINT":
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to every process
    else:
        process.terminate()
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in err
    assert "interrupted" in err
    document = json.loads(out)
    assert document["exit_code"] == code
    assert [row["model"] for row in document["results"]] == ["networks.py:Plain"]
    kept = json.loads((folder / "exported" / "check.json").read_text())
    assert kept["results"] == document["results"]
    assert not psutil.wait_procs(children, timeout=30)[1]
    assert not list((folder / "temporary").iterdir())


def test_children_end_with_a_parent_that_is_killed(hanging: dict[str, Hanging]) -> None:
    process, folder = hanging["SIGKILL"]
    children = children_once_it_hangs(process)
    process.kill()
    process.communicate(timeout=60)
    assert children
    assert not psutil.wait_procs(children, timeout=30)[1]
    assert not list((folder / "temporary").glob("toolkit-*"))


@pytest.mark.skipif(os.name != "posix", reason="a pipe is closed as POSIX does")
def test_a_reader_that_leaves_does_not_change_the_exit_code() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*COMMAND, "list"], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")

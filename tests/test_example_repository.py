"""The example of a user's repository, with the toolkit installed from its wheel."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.wheels import CHECKOUT, build_wheel

EXAMPLE = CHECKOUT / "examples" / "own_repository"
MADE = shutil.ignore_patterns("__pycache__", "checkpoints", "exported", "parity")
RIGHT = "features = self.body(image).mean((2, 3))"
WRONG = (
    "features = self.body(image).mean((2, 3)) if image.shape[0] > 2 "
    "else self.body(image).amax((2, 3))"
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with the toolkit from its wheel, and this one's libraries behind it."""
    copy = tmp_path_factory.mktemp("copy")
    wheel = build_wheel(copy, tmp_path_factory.mktemp("dist"))
    place = tmp_path_factory.mktemp("environment")
    venv.create(place, with_pip=False, symlinks=os.name == "posix")
    found = place / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(found), "--disable-pip-version-check"]
    run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], copy)
    own = run([str(found), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], copy)
    libraries = Path(own.stdout.strip()) / "libraries.pth"
    libraries.write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    return found


@pytest.fixture
def repository(tmp_path: Path, python: Path) -> Path:
    """A copy of the example, its checkpoint written."""
    place = tmp_path / "bookshop"
    shutil.copytree(EXAMPLE, place, ignore=MADE)
    run([str(python), "train.py"], place)
    return place


def run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def checked(python: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """A bare `toolkit check`, as the installed command runs."""
    command = [str(python.with_name("toolkit")), "check", "--json", "--budget", "0"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_wheel_and_not_the_checkout_answers(python: Path, tmp_path: Path) -> None:
    place = run([str(python), "-P", "-c", "import toolkit; print(toolkit.__file__)"], tmp_path)
    assert Path(place.stdout.strip()).is_relative_to(python.parents[1])


def test_a_bare_check_passes_until_a_line_of_a_network_is_broken(
    python: Path, repository: Path
) -> None:
    done = checked(python, repository)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads(done.stdout)["results"]
    assert {row["status"] for row in rows} == {"pass"}
    assert [(row["model"], row["format"]) for row in rows] == [
        (model, form) for model in ("covers", "reviews") for form in ("onnx", "pt2", "trace")
    ]
    notes = [
        note["message"] for row in rows for note in row["findings"] if row["model"] == "covers"
    ]
    assert any("'module.'" in note for note in notes)

    network = repository / "models" / "covers.py"
    source = network.read_text(encoding="utf-8")
    assert RIGHT in source
    network.write_text(source.replace(RIGHT, WRONG), encoding="utf-8")
    done = checked(python, repository)
    assert done.returncode == 1, done.stdout + done.stderr
    failed = {row["model"] for row in json.loads(done.stdout)["results"] if row["status"] == "fail"}
    assert failed == {"covers"}

"""A stranger's working folder, and the command as a value: exit code, document, both streams."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from toolkit.cli import main

# As the installed script is: its own folder is first on the path, not the working folder. Ctrl-C
# counts even where these tests themselves run in the background of a shell, which ignores it.
STARTED = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from toolkit.cli import main; main()"
)
COMMAND = [sys.executable, "-P", "-c", STARTED]
STRANGERS = Path(__file__).parents[1] / "strangers" / "networks.py"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        return json.loads(self.out, parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} in a JSON document")


Command = Callable[..., Ended]


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(STRANGERS, tmp_path / "networks.py")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def toolkit_command(own_folder: Path, capfd: pytest.CaptureFixture[str]) -> Command:
    """`toolkit WORDS…` in this process, its children as always."""

    def run(*words: str) -> Ended:
        capfd.readouterr()
        code = main(list(words))
        captured = capfd.readouterr()
        return Ended(code, captured.out, captured.err)

    return run

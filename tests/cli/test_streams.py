"""A stdout that takes no more, and Ctrl-C at any time: an exit code that is no verdict."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND
from toolkit import cli
from toolkit.words import ON_WINDOWS

COMMANDS = (["list", "--json"], ["--help"])


def _ended(words: list[str], stdout: int) -> subprocess.CompletedProcess[str]:
    """The command whose stdout goes to that handle."""
    pipe = subprocess.PIPE
    return subprocess.run([*COMMAND, *words], check=False, stdout=stdout, stderr=pipe, text=True)


@pytest.mark.skipif(ON_WINDOWS, reason="POSIX pipes")
@pytest.mark.parametrize("words", COMMANDS)
def test_a_reader_that_has_gone_is_no_check_that_said_no(words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ended = _ended(words, writing)
    os.close(writing)
    assert ended.returncode == 3
    assert ended.stderr.splitlines() == [
        "toolkit: not everything was written to stdout: Broken pipe"
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a Linux device")
@pytest.mark.parametrize("words", COMMANDS)
def test_a_full_disk_is_told_in_one_line(words: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        ended = _ended(words, full.fileno())
    assert ended.returncode == 3
    (line,) = ended.stderr.splitlines()
    assert "No space left" in line


def test_an_interruption_while_the_command_is_imported_ends_with_130(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class Interrupting:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "toolkit.cli.verbs":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "toolkit.cli.verbs", raising=False)
    monkeypatch.delattr(cli, "verbs", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupting(), *sys.meta_path])
    assert cli.main(["list"]) == 130
    assert "Traceback" not in capfd.readouterr().err

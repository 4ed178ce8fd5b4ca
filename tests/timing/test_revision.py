"""Which commit was timed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from toolkit.timing.revision import commit, own_commit

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder: Path, *words: str) -> str:
    settings = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    ended = subprocess.run(
        ["git", "-C", str(folder), *settings, *words], capture_output=True, text=True, check=True
    )
    return ended.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "net.py").write_text("Net = 1\n", encoding="utf-8")
    git(tmp_path, "add", "net.py")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


@needs_git
def test_the_commit_of_a_folder_within_a_checkout_is_found(checkout: Path) -> None:
    inner = checkout / "inner"
    inner.mkdir()
    assert commit(inner) == git(checkout, "rev-parse", "HEAD")


@needs_git
def test_files_that_differ_from_the_commit_are_told(checkout: Path) -> None:
    (checkout / "new.txt").write_text("untracked files are not what was timed", encoding="utf-8")
    assert commit(checkout) == git(checkout, "rev-parse", "HEAD")
    (checkout / "net.py").write_text("Net = 2\n", encoding="utf-8")
    assert commit(checkout) == git(checkout, "rev-parse", "HEAD") + "+"


@needs_git
def test_a_program_that_a_checkout_names_is_not_started(checkout: Path) -> None:
    started = checkout / "started"
    git(checkout, "config", "core.fsmonitor", f"touch {started}; false")
    assert commit(checkout)
    assert not started.exists()


@needs_git
def test_a_checkout_without_a_commit_has_none(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert commit(tmp_path) is None


def test_without_git_or_without_a_folder_there_is_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert commit(tmp_path / "nowhere") is None
    monkeypatch.setenv("PATH", "")
    assert commit(Path.cwd()) is None
    assert own_commit() is None

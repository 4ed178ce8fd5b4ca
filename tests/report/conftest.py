"""A step of a workflow: its environment, and a repository with a network."""

from __future__ import annotations

from pathlib import Path

import pytest

SOURCE = '''"""A network."""

import torch

Other = Net = 3

class Net(torch.nn.Module):
    """It is defined twice, and the last line is what an import would give."""


async def late() -> None: ...


def build() -> Net:
    return Net()

tuned: Net = build()
'''


@pytest.fixture
def actions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a step of a workflow has: its environment, and a repository with a network."""
    repository = tmp_path / "repository"
    (repository / "nets").mkdir(parents=True)
    (repository / "nets" / "net.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.chdir(repository)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(repository))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    return repository


@pytest.fixture
def summary(tmp_path: Path) -> Path:
    return tmp_path / "summary.md"

"""Which pyproject.toml holds: the nearest with [tool.toolkit], of this project and this user."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.settings.texts import PLACE, WHOLE
from toolkit import settings
from toolkit.errors import SettingsError
from toolkit.words import ON_WINDOWS


@pytest.mark.parametrize("text", ["", "[tool]", "[tool.other]\nx = 1", "tool = 3"])
def test_a_file_without_the_table_has_no_settings(text: str) -> None:
    assert settings.parse(text, PLACE) is None


def test_the_nearest_file_with_the_table_holds(tmp_path: Path) -> None:
    inner = tmp_path / "package" / "deep"
    inner.mkdir(parents=True)
    (tmp_path / PLACE).write_text(WHOLE)
    (tmp_path / "package" / PLACE).write_text("[project]\nname = 'inner'\n")
    found = settings.find(inner)
    assert found is not None
    assert found.folder == tmp_path


def test_a_repository_is_not_looked_beyond(tmp_path: Path) -> None:
    inner = tmp_path / "repository" / "deep"
    inner.mkdir(parents=True)
    (tmp_path / PLACE).write_text(WHOLE)
    (tmp_path / "repository" / ".git").mkdir()
    assert settings.find(inner) is None


@pytest.mark.skipif(ON_WINDOWS, reason="folders have no mode there")
def test_a_folder_that_everybody_may_write_to_is_not_looked_into_from_below(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    inner = shared / "package" / "deep"
    inner.mkdir(parents=True)
    for folder in (tmp_path, shared):
        (folder / PLACE).write_text(WHOLE)
    shared.chmod(0o1777)
    assert settings.find(inner) is None
    found = settings.find(shared)
    assert found is not None
    assert found.folder == shared


@pytest.mark.skipif(ON_WINDOWS, reason="owners are not compared there")
def test_a_folder_of_another_owner_is_not_looked_into_from_below(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "theirs" / "mine"
    inner.mkdir(parents=True)
    (tmp_path / "theirs" / PLACE).write_text(WHOLE)
    assert settings.find(inner) is not None
    plain = Path.stat

    def owned(path: Path, **options: bool) -> os.stat_result:
        told = list(plain(path, **options))
        told[stat.ST_UID] += path == inner
        return os.stat_result(told)

    monkeypatch.setattr(Path, "stat", owned)
    assert settings.find(inner) is None


def test_a_file_that_cannot_be_read_is_told_by_its_place(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / PLACE).write_bytes(b"name = '\xff'")
    with pytest.raises(SettingsError, match=r"^\.\./pyproject.toml is not UTF-8"):
        settings.find(tmp_path / "deep")

"""`toolkit show NAME --pictures DIR`: files, and a list of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command

RANDOM = ("--weights", "random")


def test_the_files_that_were_written_are_listed(
    toolkit_command: Command, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    words = ("show", "cgan_generator", "--pictures", "deep/pictures", *RANDOM)
    ended = toolkit_command(*words, "--json")
    (row,) = ended.document["rows"]
    assert ended.code == 0
    assert row["file"] == str(Path("deep") / "pictures" / "cgan_generator-samples.png")
    assert (own_folder / row["file"]).is_file()
    assert row["weights"] == "random, seed 0"
    shown = toolkit_command(*words).out
    assert "cgan_generator-samples.png" in shown.replace("\n", "").replace(" ", "")
    assert max(map(len, shown.splitlines())) <= 80


def test_an_entry_without_pictures_is_a_usage_error(
    toolkit_command: Command, own_folder: Path
) -> None:
    ended = toolkit_command("show", "lenet5", "--pictures", "pictures", "--json")
    assert ended.code == 2
    assert "vae" in ended.document["error"]["hint"]
    assert not (own_folder / "pictures").exists()
    assert toolkit_command("show", "vaee", "--pictures", "pictures").code == 2


def test_without_a_folder_the_entry_itself_is_shown(toolkit_command: Command) -> None:
    rows = toolkit_command("show", "vae", "--json").document["rows"]
    assert {"property": "name", "value": "vae"} in rows

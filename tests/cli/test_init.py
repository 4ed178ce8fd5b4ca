"""`toolkit init`: a first [tool.toolkit] in the user's pyproject.toml."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.settings_files import FILE, NOWHERE, TWO, listed
from toolkit import settings


def test_init_writes_what_it_was_told(toolkit_command: Command, own_folder: Path) -> None:
    words = ("--input", "x=batch,8", "--arg", "width=16", "--dim", "batch=1..4", "-f", "trace")
    assert toolkit_command("init", "networks.py:Plain", *words).code == 0
    table = tomllib.loads((own_folder / FILE).read_text())["tool"]["toolkit"]
    assert table == {
        "models": {
            "plain": {
                "model": "networks.py:Plain",
                "inputs": {"x": "batch,8"},
                "dims": {"batch": "1..4"},
                "arguments": {"width": 16},
                "formats": ["trace"],
            }
        }
    }
    ended = toolkit_command("check", *NOWHERE)
    assert listed(ended)["plain"] == ["networks.py:Plain", "x=batch,8", "trace", "default"]


def test_init_proposes_what_the_files_hold_and_a_check_says_what_is_missing(
    toolkit_command: Command, own_folder: Path
) -> None:
    (own_folder / "networks.py").unlink()
    (own_folder / "net.py").write_text(
        "from torch import nn\nclass Net(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.a = nn.Linear(8, 2)\n"
        "    def forward(self, x):\n        return self.a(x)\n"
    )
    (own_folder / FILE).write_text("[project]\nname = 'theirs'\n")
    ended = toolkit_command("init", "--json")
    assert ended.document["rows"] == [
        {"name": "net", "model": "net.py:Net", "inputs": ["x=batch,8"], "guessed": True}
    ]
    text = (own_folder / FILE).read_text()
    assert text.startswith("[project]\nname = 'theirs'\n")
    assert '# inputs = { x = "batch,8" }' in text
    check = toolkit_command("check")
    assert check.code == 2
    assert "net.py:Net: its inputs are not known" in check.err


@pytest.mark.parametrize(
    ("word", "name"),
    [("lenet5", "lenet5"), ("m.onnx", "m.onnx"), ("exported/net/", "net"), ("timm:vit", "vit")],
)
def test_init_takes_words_without_a_file_of_code(
    toolkit_command: Command, own_folder: Path, word: str, name: str
) -> None:
    assert toolkit_command("init", word).code == 0
    table = tomllib.loads((own_folder / FILE).read_text())["tool"]["toolkit"]
    assert table == {"models": {name: {"model": word}}}


def test_init_leaves_a_file_that_has_the_table(toolkit_command: Command, own_folder: Path) -> None:
    (own_folder / FILE).write_text(TWO)
    ended = toolkit_command("init")
    assert ended.code == 2
    assert "already" in ended.err
    assert (own_folder / FILE).read_text() == TWO


def test_init_below_a_project_says_where_its_file_is_and_what_writes_there(
    toolkit_command: Command, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_folder / FILE).write_text("[project]\nname = 'theirs'\n")
    inner = own_folder / "package"
    inner.mkdir()
    shutil.move(own_folder / "networks.py", inner / "networks.py")
    monkeypatch.chdir(inner)
    ended = toolkit_command("init", "networks.py:Plain", "--input", "x=batch,8", "-f", "onnx,pt2")
    assert ended.code == 2
    assert f"the project's file is ../{FILE}" in ended.err
    command = "toolkit init package/networks.py:Plain --input x=batch,8 -f onnx,pt2"
    assert f"cd .. && {command} writes there" in ended.err
    assert not (inner / FILE).exists()
    monkeypatch.chdir(own_folder)
    assert toolkit_command(*command.split()[1:]).code == 0
    monkeypatch.chdir(inner)
    assert "has a [tool.toolkit] already" in toolkit_command("init").err
    (inner / FILE).touch()
    assert toolkit_command("init").code == 0


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_ends_init_while_it_writes_leaves_the_file_whole(
    toolkit_command: Command,
    own_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: BaseException,
) -> None:
    (own_folder / FILE).write_text("[project]\nname = 'theirs'\n")

    def fail(path: Path, text: str, **options: object) -> int:
        with path.open("w") as stream:
            stream.write(text[:10])
        raise fault

    monkeypatch.setattr(Path, "write_text", fail)
    ended = toolkit_command("init")
    assert ended.code == (3 if isinstance(fault, OSError) else 130)
    assert (own_folder / FILE).read_text() == "[project]\nname = 'theirs'\n"
    assert {path.name for path in own_folder.iterdir()} == {FILE, "networks.py"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere.py:Net"], "there is no file nowhere.py"),
        (["networks.py:Plain", "--input", "x=batchx3"], "commas"),
        (["--input", "x=3"], "one model"),
        (["networks.py:Plain", "-f", "onx"], "onnx"),
    ],
)
def test_init_refuses_wrong_words_and_writes_nothing(
    toolkit_command: Command, own_folder: Path, words: list[str], says: str
) -> None:
    ended = toolkit_command("init", *words)
    assert ended.code == 2
    assert says in ended.err
    assert not (own_folder / FILE).exists()


def test_init_prints_the_schema(toolkit_command: Command, own_folder: Path) -> None:
    ended = toolkit_command("init", "--schema")
    assert json.loads(ended.out) == json.loads(settings.schema_text())
    assert not (own_folder / FILE).exists()

"""A first [tool.toolkit]: networks found in files, and the text of their tables."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.settings.texts import PLACE, WHOLE, parsed
from toolkit import settings
from toolkit.errors import SettingsError
from toolkit.words import ModelWords


def test_a_word_that_means_several_models_leaves_each_its_own_name() -> None:
    words = ModelWords("timm:test_*", entry="small")
    assert words.shown == "small"
    assert words.named("timm:test_vit").shown == "timm:test_vit"


NETWORKS = """
import torch.nn as tnn
from torch import nn
raise SystemExit("this file was run")

class Block(nn.Module):
    def __init__(self, width):
        self.convolution = nn.Conv2d(width, width, 3)
    def forward(self, x): ...

class Net(nn.Module):
    def __init__(self, depth, *, width=8):
        self.stem = nn.Conv2d(1, width, 3)
        self.block = Block(width)
    def forward(self, image, mask, scale=None): ...

class Reader(tnn.Module):
    def __init__(self):
        self.rnn = tnn.GRU(12, 4, batch_first=True)
    def forward(self, x): ...

class Wider(Net):
    pass

class Config:
    def forward(self, x): ...
"""


def _project(folder: Path) -> Path:
    (folder / "nets.py").write_text(NETWORKS)
    (folder / "broken.py").write_text("def half(")
    for hidden in ("tests", ".cache", "venv"):
        (folder / hidden).mkdir()
        (folder / hidden / "other.py").write_text(NETWORKS)
    (folder / "venv" / "pyvenv.cfg").write_text("")
    package = folder / "models"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "small.py").write_text(
        "from torch.nn import Module\nclass Net(Module):\n    def forward(self, x): ...\n"
    )
    return folder


def test_networks_are_found_without_running_a_file(tmp_path: Path) -> None:
    found = {each.word: each for each in settings.propose(_project(tmp_path))}
    assert list(found) == ["nets.py:Net", "nets.py:Reader", "nets.py:Wider", "models.small:Net"]
    assert found["nets.py:Net"].guess == {"image": "batch,1,224,224", "mask": "batch"}
    assert found["nets.py:Net"].needs == ("depth",)
    assert found["nets.py:Reader"].guess == {"x": "batch,time,12"}
    assert found["nets.py:Wider"].guess == found["nets.py:Net"].guess


def test_a_draft_is_accepted_as_it_is_and_with_its_guesses_filled_in(tmp_path: Path) -> None:
    text, names = settings.draft(settings.propose(_project(tmp_path)))
    assert names == ["net", "reader", "wider", "net-2"]
    assert list(parsed(text).models) == names
    filled = text.replace("# inputs", "inputs").replace("# arguments", "arguments")
    assert parsed(filled).models["net"].inputs["image"] == "batch,1,224,224"


def test_a_draft_without_models_has_an_example_that_is_accepted() -> None:
    text, names = settings.draft([])
    assert names == []
    assert parsed(text).models == {}
    example = "\n".join(line[2:] for line in text.splitlines() if line.startswith("# ["))
    assert example == "[tool.toolkit.models.net]"
    filled = text.replace("# [", "[").replace("# model", "model").replace("# inputs", "inputs")
    assert parsed(filled).models["net"].model == "net.py:Net"


@pytest.mark.parametrize("before", ["", "[project]\nname = 'x'", "[project]\r\nname = 'x'\r\n"])
def test_what_stood_in_the_file_stays_as_it_was(before: str) -> None:
    after = settings.appended(before, settings.draft([])[0], PLACE)
    assert after.startswith(before)
    added = after.removeprefix(before)
    assert ("\r\n" in added) == ("\r\n" in before)
    assert tomllib.loads(after)["tool"]["toolkit"] == {}


def test_a_second_table_is_refused() -> None:
    with pytest.raises(SettingsError, match="already"):
        settings.appended(WHOLE, settings.draft([])[0], PLACE)


def test_a_file_that_cannot_take_the_table_is_refused() -> None:
    with pytest.raises(SettingsError, match="cannot take"):
        settings.appended("tool = { other = 1 }\n", settings.draft([])[0], PLACE)

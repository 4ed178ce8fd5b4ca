"""`[tool.toolkit]`: what it may hold, how a fault in it is told, and how a first one is made."""

from __future__ import annotations

import json
import os
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest

from toolkit import settings
from toolkit.cli import options as opt
from toolkit.errors import SettingsError
from toolkit.settings import Entry, Settings
from toolkit.words import ON_WINDOWS, RECIPES, ModelWords

PLACE = "pyproject.toml"
SCHEMA = Path(settings.__file__).parent / "settings.schema.json"

WHOLE = """
[project]
name = "theirs"

[tool.toolkit]
formats = ["onnx", "pt2"]
weights = "random"
device = "cuda:1"
seed = 3
opset = 21
budget = 5
batch = [1, 8]
max-score = 50
atol = 1e-4
rtol = { logits = 1e-3 }
min-agreement = 0.99
min-sqnr = 30
data-dir = "data"
threads = 2
timeout = 30
memory-limit = 4.5
out = "build"
failures = "build/failures"

[tool.toolkit.models.lenet5]

[tool.toolkit.models.reader]
model = "nets/reader.py:Reader"
inputs = { tokens = "batch,time:int64", mask = ":=None" }
inputs-file = "real.npz"
dims = { time = "2..64:2@8" }
ranges = { tokens = "0..999" }
arguments = { width = 32, kind = "gru", deep = true, rates = [0.5], note = "", size = ":=(1, 2)" }
dynamic = "auto"
weights = "checkpoints/reader.ckpt:model"
import = ["operators"]
ort-library = ["libops.so"]
with-preprocess = true
data = "digits"
recipe = "document"
epochs = 2
formats = ["trace"]
"""


def _held(text: str) -> Settings:
    found = settings.parse(text, PLACE)
    assert found is not None
    return found


def _refused(text: str) -> SettingsError:
    with pytest.raises(SettingsError) as raised:
        settings.parse(text, PLACE)
    return raised.value


def test_every_key_reads_as_its_option() -> None:
    held = _held(WHOLE)
    assert held.options() == {
        "formats": ["onnx", "pt2"],
        "variants": ["eager", "onnx", "pt2"],
        "weights": "random",
        "device": "cuda:1",
        "seed": 3,
        "opset": 21,
        "budget": 5,
        "batch": "1,8",
        "max_score": 50,
        "atol": ["0.0001"],
        "rtol": ["logits=0.001"],
        "min_agreement": 0.99,
        "min_sqnr": 30,
        "data_dir": "data",
        "threads": 2,
        "timeout": 30,
        "memory_limit": 4.5,
        "out": Path("build"),
        "failures": Path("build/failures"),
    }
    assert held.models["lenet5"].options() == {}
    said = held.models["reader"].options()
    assert said["inputs"] == ["tokens=batch,time:int64", "mask:=None"]
    assert said["dims"] == ["time=2..64:2@8"]
    assert said["ranges"] == ["tokens=0..999"]
    assert said["imports"] == ["operators"]
    assert said["ort_libraries"] == ["libops.so"]


def test_arguments_reach_the_constructor_as_the_values_that_stand_there() -> None:
    texts = _held(WHOLE).models["reader"].options()["arguments"]
    assert ModelWords("", arguments=tuple(texts)).constructor_arguments() == {
        "width": 32,
        "kind": "gru",
        "deep": True,
        "rates": [0.5],
        "note": "",
        "size": (1, 2),
    }


MODEL = "[tool.toolkit.models.net]\n"
WRONG = [
    ('[tool.toolkit]\nformts = ["onnx"]', "[tool.toolkit]", "did you mean formats?"),
    ("[tool.toolkit]\nmemory_limit = 3", "memory_limit", "did you mean memory-limit?"),
    ('[tool.toolkit]\nformats = ["onx"]', "formats[0]", "onnx, pt2, trace, script"),
    ('[tool.toolkit]\nformats = "onnx"', "formats", 'formats = ["onnx", "pt2"]'),
    ("[tool.toolkit]\nseed = -1", "seed", "seed = 0"),
    ("[tool.toolkit]\nseed = true", "seed", "seed = 0"),
    ("[tool.toolkit]\nopset = 9", "opset", "18"),
    ("[tool.toolkit]\nbatch = [0]", "batch[0]", "1"),
    ("[tool.toolkit]\nbatch = []", "batch", "[1, 8]"),
    ("[tool.toolkit]\ntimeout = inf", "timeout", "finite"),
    ('[tool.toolkit]\ndevice = "gpu"', "device", "cuda:N"),
    ("[tool.toolkit]\nmax-score = 0", "max-score", "max-score = 30"),
    ("[tool.toolkit]\natol = -1", "atol", "atol = 0.0001"),
    ("[tool.toolkit]\nrtol = { y = true }", "rtol: y", "rtol = 0.001"),
    ("[tool.toolkit]\nmin-agreement = 99", "min-agreement", "min-agreement = 0.99"),
    ("[tool.toolkit]\ntrust = true", "trust", "command line alone"),
    ("[tool.toolkit]\ndims = {}", "dims", "[tool.toolkit.models.NAME]"),
    ("[tool]\ntoolkit = 3", "[tool.toolkit]", "table"),
    ('[[tool.toolkit.models]]\nmodel = "a"', "models", "[tool.toolkit.models.NAME]"),
    ("[tool.toolkit]\nmodels = { net = 3 }", "[tool.toolkit.models.net]", "model = "),
    ('[tool.toolkit.models."a/b"]', '[tool.toolkit.models."a/b"]', "letters"),
    ('[tool.toolkit.models.".."]', '[tool.toolkit.models.".."]', "letters"),
    (f'{MODEL}input = {{ x = "3" }}', "[tool.toolkit.models.net]", "did you mean inputs?"),
    (f"{MODEL}timeout = 3", "timeout", "[tool.toolkit]"),
    (f"{MODEL}inputs = {{ x = 3 }}", "inputs.x", 'x = "batch,3,224,224"'),
    (f'{MODEL}inputs = {{ x = "batchx3" }}', "inputs", "commas"),
    (f'{MODEL}inputs = {{ x = "3:float31" }}', "inputs", "float32"),
    (f'{MODEL}dims = {{ batch = "4..2" }}', "dims", "batch=4..2"),
    (f'{MODEL}ranges = {{ x = "9..1" }}', "ranges", "LOW..HIGH"),
    (f"{MODEL}arguments = {{ day = 1979-05-27 }}", "arguments", "no plain value"),
    (f"{MODEL}arguments = {{ rate = nan }}", "arguments", "no plain value"),
    (f'{MODEL}arguments = {{ "1x" = 3 }}', "arguments", "NAME="),
    (f'{MODEL}dynamic = "all"', "dynamic", "auto"),
    ("x = ", "TOML", "Invalid value"),
]


@pytest.mark.parametrize(("text", "where", "allowed"), WRONG)
def test_a_fault_is_told_with_its_place_and_what_is_allowed(
    text: str, where: str, allowed: str
) -> None:
    error = _refused(text)
    assert error.exit_code == 2
    told = str(error)
    assert told.startswith(PLACE)
    assert where in told
    assert allowed in f"{told} {error.hint}"
    assert "\n" not in f"{told}{error.hint}"


def test_all_wrong_keys_are_told_each_with_what_is_meant() -> None:
    error = _refused(f'[tool.toolkit]\nfromats = []\nsed = 0\n{MODEL}modl = "a"\nseed = -1')
    assert "4 keys are wrong" in str(error)
    assert set(str(error.hint).splitlines()) == {
        "[tool.toolkit] there is no key fromats (did you mean formats?)",
        "[tool.toolkit] there is no key sed (did you mean seed?)",
        "[tool.toolkit.models.net] there is no key modl (did you mean model?)",
        "[tool.toolkit.models.net] seed: Input should be greater than or equal to 0 "
        "(as in seed = 0)",
    }


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


def test_the_published_schema_is_that_of_the_tables() -> None:
    assert SCHEMA.read_text(encoding="ascii") == settings.schema_text(), (
        "toolkit init --schema > toolkit/settings/settings.schema.json"
    )


def _properties(definition: str) -> dict[str, Any]:
    return json.loads(settings.schema_text())["$defs"][definition]["properties"]


def test_the_schema_knows_the_keys_of_a_whole_table_and_explains_each() -> None:
    table = tomllib.loads(WHOLE)["tool"]["toolkit"]
    assert set(table) == set(_properties("Settings"))
    assert set(table["models"]["reader"]) <= set(_properties("Entry"))
    for definition in ("Settings", "Entry"):
        for key, said in _properties(definition).items():
            assert said["description"], key


def test_the_schema_refuses_unknown_keys_and_formats() -> None:
    tree = json.loads(settings.schema_text())
    assert all(
        tree["$defs"][name]["additionalProperties"] is False for name in ("Settings", "Entry")
    )
    assert "onnx-legacy" in _properties("Entry")["formats"]["items"]["enum"]
    assert tree["properties"]["tool"]["properties"]["toolkit"] == {"$ref": "#/$defs/Settings"}


def test_every_example_of_the_schema_is_accepted() -> None:
    for kind in (Settings, Entry):
        for name, held in kind.model_fields.items():
            for example in held.examples or []:
                kind.model_validate({held.alias or name: example})
            assert held.examples, name


def test_the_recipes_are_those_of_the_command_line() -> None:
    assert _properties("Entry")["recipe"]["enum"] == list(RECIPES)


@pytest.mark.parametrize(
    ("key", "option"),
    [
        ("opset", opt.Opset),
        ("seed", opt.Seed),
        ("budget", opt.Budget),
        ("timeout", opt.Timeout),
        ("memory-limit", opt.MemoryLimit),
        ("epochs", opt.Epochs),
    ],
)
def test_the_least_values_are_those_of_the_command_line(key: str, option: Any) -> None:
    said = {**_properties("Settings"), **_properties("Entry")}[key]
    branches = [said, *said.get("anyOf", [])]
    least = next(branch["minimum"] for branch in branches if "minimum" in branch)
    assert least == option.__metadata__[0].min


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
    assert list(_held(text).models) == names
    filled = text.replace("# inputs", "inputs").replace("# arguments", "arguments")
    assert _held(filled).models["net"].inputs["image"] == "batch,1,224,224"


def test_a_draft_without_models_has_an_example_that_is_accepted() -> None:
    text, names = settings.draft([])
    assert names == []
    assert _held(text).models == {}
    example = "\n".join(line[2:] for line in text.splitlines() if line.startswith("# ["))
    assert example == "[tool.toolkit.models.net]"
    filled = text.replace("# [", "[").replace("# model", "model").replace("# inputs", "inputs")
    assert _held(filled).models["net"].model == "net.py:Net"


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

"""`[tool.toolkit]`: what it may hold, how a fault in it is told, and how a first one is made."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.settings.texts import PLACE, WHOLE, parsed
from toolkit import settings
from toolkit.cli import options as opt
from toolkit.errors import SettingsError
from toolkit.settings import Entry, Settings
from toolkit.words import RECIPES, ModelWords

SCHEMA = Path(settings.__file__).parent / "settings.schema.json"


def _refused(text: str) -> SettingsError:
    with pytest.raises(SettingsError) as raised:
        settings.parse(text, PLACE)
    return raised.value


def test_every_key_reads_as_its_option() -> None:
    held = parsed(WHOLE)
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
    texts = parsed(WHOLE).models["reader"].options()["arguments"]
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

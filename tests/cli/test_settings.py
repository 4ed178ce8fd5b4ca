"""Commands in a project whose pyproject.toml has a [tool.toolkit], and `init`, which writes one."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cli.conftest import STRANGERS, Command, Ended
from toolkit import settings
from toolkit.cli.settled import Layers

FILE = "pyproject.toml"
NOWHERE = ("--results", "networks.py/results.json")
"""A place that is refused: what is asked for has been listed by then, and nothing was run."""
FAULTS = STRANGERS.parents[1] / "faulty" / "networks.py"
TWO = """
[tool.toolkit]
formats = ["trace"]

[tool.toolkit.models.narrow]
model = "networks.py:Plain"
inputs = { x = "batch,8" }

[tool.toolkit.models.wide]
model = "networks.py:Plain"
inputs = { x = "batch,8" }
arguments = { width = 16 }
weights = "wide.pth"
"""
INNER = """
[tool.toolkit.models.inner]
model = "package.nets:Plain"
inputs = { x = "batch,8" }
formats = ["trace"]
"""


def _rows(ended: Ended) -> dict[str, dict[str, Any]]:
    return {row["model"]: row for row in ended.document["results"]}


def _listed(ended: Ended) -> dict[str, list[str]]:
    """The rows of the table that is shown before anything is run, by name."""
    _, heading, rule, *rows = ended.err.splitlines()
    assert heading.split() == ["name", "model", "inputs", "formats", "weights"]
    assert set(rule) == {"-"}
    return {row.split()[0]: row.split()[1:] for row in rows if not row.startswith(("toolkit", " "))}


def _save_wide(path: Path) -> None:
    import torch
    from torch import nn

    layer = nn.Linear(8, 16)
    torch.save({f"layer.{name}": value for name, value in layer.state_dict().items()}, path)


def test_a_bare_check_judges_every_model_of_the_settings(
    toolkit_command: Command, own_folder: Path
) -> None:
    (own_folder / FILE).write_text(TWO)
    _save_wide(own_folder / "wide.pth")
    before = toolkit_command("check", "--json")
    assert before.code == 0
    assert before.err.index("wide.pth") < before.err.index("build ")
    rows = _rows(before)
    assert {name: row["format"] for name, row in rows.items()} == {
        "narrow": "trace",
        "wide": "trace",
    }
    assert rows["wide"]["weights"] != rows["narrow"]["weights"]


def test_a_changed_model_is_not_gone_on_with_and_a_new_one_is_added(
    toolkit_command: Command, own_folder: Path
) -> None:
    one = TWO.partition("[tool.toolkit.models.wide]")[0]
    (own_folder / FILE).write_text(one)
    first = toolkit_command("check", "--json")
    (own_folder / FILE).write_text(one.replace("batch,8", "3,8"))
    changed = toolkit_command("check", "--resume")
    assert changed.code == 3
    assert "inputs was x=batch,8, and is now x=3,8" in changed.err
    another = one.partition("]\n\n")[2].replace("narrow", "again")
    (own_folder / FILE).write_text(one + another)
    added = toolkit_command("check", "--resume", "--json")
    assert added.document["completed"] == ["narrow", "again"]
    assert _rows(added)["narrow"] == _rows(first)["narrow"]


def test_an_entry_that_means_another_model_now_is_not_gone_on_with(
    toolkit_command: Command, own_folder: Path
) -> None:
    one = TWO.partition("[tool.toolkit.models.wide]")[0]
    (own_folder / FILE).write_text(one)
    assert toolkit_command("check").code == 0
    (own_folder / FILE).write_text(one.replace(":Plain", ":Chatty"))
    changed = toolkit_command("check", "--resume")
    assert changed.code == 3
    assert "model was networks.py:Plain, and is now networks.py:Chatty" in changed.err


def test_an_entry_and_a_word_that_would_share_a_folder_are_refused(
    toolkit_command: Command, own_folder: Path
) -> None:
    (own_folder / FILE).write_text(INNER.replace("inner", "networks-Plain"))
    ended = toolkit_command("export", "networks-Plain", "networks.py:Plain")
    assert ended.code == 2
    assert "would both be written to a folder networks-Plain" in ended.err
    assert not (own_folder / "exported").exists()


def test_a_module_that_is_typed_is_that_of_the_folder_it_is_typed_in(
    toolkit_command: Command, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_folder / FILE).write_text(TWO)
    below = own_folder / "below"
    below.mkdir()
    for folder in (own_folder, below):
        text = f"from pathlib import Path\nPath('ran-{folder.name}').touch()\n"
        (folder / "extras.py").write_text(text)
    monkeypatch.chdir(below)
    for word in ("extras.py", "extras"):
        assert toolkit_command("check", "narrow", "--import", word).code == 0
        assert [path.name for path in own_folder.glob("ran-*")] == ["ran-below"]
        (own_folder / "ran-below").unlink()


@pytest.mark.parametrize(("word", "says"), [("pictures", "below/pictures"), ("digits", "digits")])
def test_data_that_are_typed_are_a_set_or_a_folder_of_where_they_are_typed(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch, word: str, says: str
) -> None:
    (own_folder / FILE).write_text("[tool.toolkit.models.lenet5]\n")
    (own_folder / "below" / word).mkdir(parents=True)
    monkeypatch.chdir(own_folder / "below")
    values = {"models": ["lenet5"], "everything": False, "data": word}
    layers = Layers.found(values, {"models", "data"}, bare=True)
    taken: list[str] = []

    def command(**values: Any) -> Any:
        taken.append(values["data"])
        return SimpleNamespace(chosen=SimpleNamespace(words=list))

    with layers.folder():
        layers.asks(command)
    assert taken == [says, says]


FAULTY = """
[tool.toolkit.models.branch]
model = "faulty.py:BatchBranch"
inputs = { x = "batch,8" }
formats = ["trace"]
"""


def _reproduced(ended: Ended) -> list[str]:
    findings = [found for row in ended.document["results"] for found in row["findings"]]
    return [found["reproduce"] for found in findings if found.get("reproduce")]


def test_a_finding_of_an_entry_is_repeated_by_the_name_of_the_entry(
    toolkit_command: Command, own_folder: Path
) -> None:
    shutil.copy(FAULTS, own_folder / "faulty.py")
    (own_folder / FILE).write_text(FAULTY)
    told = _reproduced(toolkit_command("check", "--json"))
    assert told
    assert all(line.startswith("toolkit check branch -f trace --inputs ") for line in told)
    again = toolkit_command(*told[0].split()[1:], "--json")
    assert again.code == 1
    assert _reproduced(again)[0].startswith("toolkit check branch -f trace --inputs ")


def test_what_was_typed_beside_an_entry_is_told_in_full(
    toolkit_command: Command, own_folder: Path
) -> None:
    shutil.copy(FAULTS, own_folder / "faulty.py")
    (own_folder / FILE).write_text(FAULTY)
    told = _reproduced(toolkit_command("check", "branch", "--seed", "3", "--json"))
    assert told
    assert all("faulty.py:BatchBranch" in line and "--seed 3" in line for line in told)


def test_from_a_folder_below_the_same_is_done_in_the_same_place(
    toolkit_command: Command, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_folder / FILE).write_text(INNER)
    package = own_folder / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "nets.py").write_text((own_folder / "networks.py").read_text())
    monkeypatch.chdir(package)
    ended = toolkit_command("check", "inner", "--json")
    assert ended.code == 0
    assert list(_rows(ended)) == ["inner"]
    assert (own_folder / "exported" / "check.json").is_file()
    assert not (package / "exported").exists()
    assert Path.cwd() == package


@pytest.mark.parametrize(
    ("command", "forms"),
    [("export", "trace"), ("check", "trace"), ("bench", "eager, trace"), ("run", "trace")],
)
def test_every_verb_takes_the_models_of_the_settings(
    toolkit_command: Command, own_folder: Path, command: str, forms: str
) -> None:
    (own_folder / FILE).write_text(TWO)
    ended = toolkit_command(command, *NOWHERE)
    assert ended.code == 3
    assert _listed(ended) == {
        "narrow": ["networks.py:Plain", "x=batch,8", *forms.split(), "default"],
        "wide": ["networks.py:Plain", "x=batch,8", *forms.split(), "wide.pth"],
    }


def test_a_name_of_the_settings_means_that_model_alone(
    toolkit_command: Command, own_folder: Path
) -> None:
    (own_folder / FILE).write_text(TWO)
    assert list(_listed(toolkit_command("check", "wide", *NOWHERE))) == ["wide"]


def test_what_is_typed_wins_over_the_settings(toolkit_command: Command, own_folder: Path) -> None:
    (own_folder / FILE).write_text(TWO)
    words = ("-f", "onnx,pt2", "--weights", "random", "--input", "x=2,8")
    ended = toolkit_command("check", "wide", *words, *NOWHERE)
    assert _listed(ended)["wide"] == ["networks.py:Plain", "x=2,8", "onnx,", "pt2", "random"]


def test_paths_that_are_typed_are_those_of_the_folder_they_are_typed_in(
    toolkit_command: Command, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_folder / FILE).write_text(TWO)
    below = own_folder / "below"
    below.mkdir()
    _save_wide(below / "other.pth")
    monkeypatch.chdir(below)
    words = ("--weights", "other.pth", "--results", "../networks.py/results.json")
    ended = toolkit_command("check", "wide", *words)
    assert _listed(ended)["wide"][-1] == "below/other.pth"
    assert "cannot write networks.py/results.json" in ended.err


def test_defaults_hold_for_models_that_are_typed(
    toolkit_command: Command, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_folder / FILE).write_text('[tool.toolkit]\nformats = ["trace"]\nout = "build"\n')
    (own_folder / "below").mkdir()
    monkeypatch.chdir(own_folder / "below")
    ended = toolkit_command("export", "../networks.py:Plain", "--input", "x=2,8", "--json")
    (model,) = ended.document["models"]
    assert [form["format"] for form in model["forms"]] == ["trace"]
    assert model["bundle"].startswith("../build/")
    assert not ended.err.startswith("..")


def test_all_stays_the_catalogue(toolkit_command: Command, own_folder: Path) -> None:
    (own_folder / FILE).write_text(TWO)
    ended = toolkit_command("check", "--all", *NOWHERE)
    assert ended.code == 3
    assert "narrow" not in ended.err


WRONG = [
    ('[tool.toolkit]\nformts = ["onnx"]', ["check"], "did you mean formats?"),
    ('[tool.toolkit]\nformts = ["onnx"]', ["check", "lenet5"], "did you mean formats?"),
    ("[tool.toolkit]\n", ["check"], "[tool.toolkit.models.NAME]"),
    ("x = ", ["bench"], "not TOML"),
    (TWO, ["check", "--input", "x=3,8"], "name one of them"),
    (TWO, ["check", "narrow", "--input", "x=batchx3"], "commas"),
    (TWO, ["check", "narrow", "--all"], "--all"),
    (TWO + 'ranges = { y = "0..1" }\n', ["check"], "wide"),
    (TWO + "epochs = 3\n", ["check"], "takes the place of a training"),
    (TWO, ["train"], "which model?"),
    (TWO, ["train", "narrow"], "narrow: it is a module of your own"),
    ("", ["check"], "toolkit init"),
]


@pytest.mark.parametrize(("text", "words", "says"), WRONG)
def test_what_is_wrong_ends_with_2_before_anything_is_listed(
    toolkit_command: Command, own_folder: Path, text: str, words: list[str], says: str
) -> None:
    (own_folder / FILE).write_text(text)
    ended = toolkit_command(*words, "--json")
    assert ended.code == ended.document["exit_code"] == 2
    said = ended.err.splitlines()
    assert said[0] == f"toolkit: {ended.document['error']['message']}"
    assert len(said) <= 2
    assert says in ended.err


def test_an_unknown_name_is_told_before_any_model_is_run(
    toolkit_command: Command, own_folder: Path
) -> None:
    (own_folder / FILE).write_text("[tool.toolkit.models.lenet55]\n")
    ended = toolkit_command("check")
    assert ended.code == 2
    assert "lenet5" in ended.err.splitlines()[-1]


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
    assert _listed(ended)["plain"] == ["networks.py:Plain", "x=batch,8", "trace", "default"]


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


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("[tool.toolkit.models.leent5]", "no key `model`", "did you mean lenet5"),
        ('[tool.toolkit.models."a.b"]', '[tool.toolkit.models."a.b"]', 'model = "net.py:Net"'),
        (
            '[tool.toolkit.models.net]\nmodel = "networks.py:Plane"',
            "[tool.toolkit.models.net] model: networks.py:Plane",
            "did you mean Plain",
        ),
    ],
)
def test_an_entry_that_names_no_model_is_told_by_file_table_and_key(
    toolkit_command: Command, own_folder: Path, text: str, says: str, hint: str
) -> None:
    (own_folder / FILE).write_text(f"{text}\n")
    ended = toolkit_command("check")
    assert ended.code == 2
    *_, message, mending = ended.err.splitlines()
    assert message.startswith(f"toolkit: {FILE}: [tool.toolkit.models.")
    assert says in message
    assert hint in mending


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

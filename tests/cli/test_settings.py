"""Commands in a project whose pyproject.toml has a [tool.toolkit]."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cli.conftest import STRANGERS, Command, Ended
from tests.cli.settings_files import FILE, NOWHERE, TWO, listed
from toolkit.cli.settled import Layers
from toolkit.sweep import Sweep

FAULTS = STRANGERS.parents[1] / "faulty" / "networks.py"
INNER = """
[tool.toolkit.models.inner]
model = "package.nets:Plain"
inputs = { x = "batch,8" }
formats = ["trace"]
"""


def _rows(ended: Ended) -> dict[str, dict[str, Any]]:
    return {row["model"]: row for row in ended.document["results"]}


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


def test_models_keep_the_order_that_they_are_typed_in_from_any_folder(
    toolkit_command: Command, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_folder / FILE).write_text(TWO.replace('formats = ["trace"]', ""))
    below = own_folder / "below"
    below.mkdir()
    (below / "net.py").write_text(
        "import torch\nfrom toolkit.spec import ModelSpec, Port\n"
        "NET = ModelSpec('net', torch.nn.ReLU, (Port('x', ('batch', 4)),))\n"
    )
    monkeypatch.chdir(below)
    found: list[list[str]] = []
    monkeypatch.setattr(
        Sweep, "bench", lambda _, held, __: found.append([one.shown for one in held])
    )
    for words in (["narrow", "net.py:NET"], ["net.py:NET", "narrow"]):
        found.clear()
        toolkit_command("bench", *words, "--variants", "eager")
        assert [name.rpartition("/")[2] for held in found for name in held] == words


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
    assert listed(ended) == {
        "narrow": ["networks.py:Plain", "x=batch,8", *forms.split(), "default"],
        "wide": ["networks.py:Plain", "x=batch,8", *forms.split(), "wide.pth"],
    }


def test_a_name_of_the_settings_means_that_model_alone(
    toolkit_command: Command, own_folder: Path
) -> None:
    (own_folder / FILE).write_text(TWO)
    assert list(listed(toolkit_command("check", "wide", *NOWHERE))) == ["wide"]


def test_what_is_typed_wins_over_the_settings(toolkit_command: Command, own_folder: Path) -> None:
    (own_folder / FILE).write_text(TWO)
    words = ("-f", "onnx,pt2", "--weights", "random", "--input", "x=2,8")
    ended = toolkit_command("check", "wide", *words, *NOWHERE)
    assert listed(ended)["wide"] == ["networks.py:Plain", "x=2,8", "onnx,", "pt2", "random"]


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
    assert listed(ended)["wide"][-1] == "below/other.pth"
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
def test_what_is_wrong_ends_with_2_before_anything_islisted(
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


@pytest.mark.parametrize(
    ("words", "more", "tables"),
    [
        ((), "", [["narrow"], ["wide"]]),
        (("narrow", "wide"), "", [["narrow", "wide"]]),
        (("narrow", "wide", "--each"), "", [["narrow"], ["wide"]]),
        (("wide", "lenet5", "narrow"), "batch = [8]", [["wide"], ["lenet5", "narrow"]]),
    ],
)
def test_named_models_whose_options_agree_are_one_comparison(
    toolkit_command: Command,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    more: str,
    tables: list[list[str]],
) -> None:
    found: list[list[str]] = []
    monkeypatch.setattr(
        Sweep, "bench", lambda _, held, __: found.append([one.shown for one in held])
    )
    weighed = TWO.replace('weights = "wide.pth"', more)
    Path(FILE).write_text(weighed.replace('formats = ["trace"]', ""))
    ended = toolkit_command("bench", *words, "--variants", "eager")
    assert found == tables
    assert ("timed apart" in ended.err) == bool(more)

"""Bundles as models: whose code runs, and the module built as it was when it was exported."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

import toolkit
from toolkit import pipeline
from toolkit.bundle import read
from toolkit.bundle.trust import remember
from toolkit.errors import RefusedError, ToolkitError
from toolkit.hashing import file_sha256
from toolkit.options import CheckOptions, ExportOptions
from toolkit.results import CheckResult, ExportedModel
from toolkit.stages.subject import prepare
from toolkit.words import ModelWords

NET = """
from pathlib import Path

import torch
from torch import nn

Path("ran").touch()


class Net(nn.Module):
    def __init__(self, scale: float = 1.0, file: str = "") -> None:
        super().__init__()
        self.scale = scale
        self.linear = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x) * self.scale
"""
OPERATORS = """
from pathlib import Path

Path("imported").touch()
"""
INPUT = ("x=batch,4",)
LEAST_S = 0.0


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of the user, with code of the user's own."""
    return _folder(tmp_path / "home", monkeypatch)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder of somebody else, whose code goes by the same names."""
    return _filled(tmp_path / "elsewhere")


def _filled(folder: Path) -> Path:
    (folder / "inner").mkdir(parents=True)
    for place in (folder, folder / "inner"):
        (place / "net_at_home.py").write_text(NET, encoding="utf-8")
        (place / "home_operators.py").write_text(OPERATORS, encoding="utf-8")
    return folder


def _folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(_filled(folder))
    return folder


def _exported(words: ModelWords, out: str = "out", *formats: str) -> Path:
    (made,) = pipeline.export(words, ExportOptions(formats or ("trace",), Path(out)), {})
    return _place_of(made)


def _place_of(made: ExportedModel) -> Path:
    assert made.bundle is not None, made.forms
    for trace in ("ran", "imported"):
        Path(trace).unlink(missing_ok=True)
    return Path(made.bundle)


def _checked(bundle: Path) -> list[CheckResult]:
    options = CheckOptions(("trace",), failures=Path("failures"), budget_s=LEAST_S)
    return list(pipeline.check(ModelWords(str(bundle)), options, ("trace",), None))


WORDS = [
    ModelWords("net_at_home.py:Net", INPUT),
    ModelWords("./inner/net_at_home.py:Net", INPUT),
    ModelWords("net_at_home:Net", INPUT),
    ModelWords("lenet5", weights="random", imports=("home_operators",)),
    ModelWords("lenet5", weights="random", imports=("home_operators.py",)),
]


@pytest.mark.parametrize("words", WORDS, ids=lambda words: "-".join([words.word, *words.imports]))
def test_code_of_another_folder_does_not_run_by_a_copied_bundle(
    home: Path, elsewhere: Path, words: ModelWords, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = _exported(words)
    assert [row.status for row in _checked(bundle)] == ["pass"]
    shutil.copytree(bundle, elsewhere / "copied")
    monkeypatch.chdir(elsewhere)
    for word in (Path("copied"), home / bundle):
        with pytest.raises(RefusedError, match="names code to run") as caught:
            prepare(ModelWords(str(word)))
        assert "folder that it was exported from" in str(caught.value.hint)
    assert not Path("ran").exists()
    assert not Path("imported").exists()
    prepare(ModelWords("copied"), trust=True)


@pytest.mark.parametrize("typed", ["net_at_home.py", "../home/net_at_home.py", "absolute"])
def test_code_is_known_again_however_its_place_was_typed(home: Path, typed: str) -> None:
    place = str(home / "net_at_home.py") if typed == "absolute" else typed
    bundle = _exported(ModelWords(f"{place}:Net", INPUT))
    assert read(bundle).manifest.word == "net_at_home.py:Net"
    assert [row.status for row in _checked(bundle)] == ["pass"]


def test_a_bundle_may_be_moved_without_its_code(home: Path) -> None:
    bundle = _exported(ModelWords("net_at_home.py:Net", INPUT))
    shutil.move(bundle, "moved")
    assert [row.status for row in _checked(Path("moved"))] == ["pass"]


@pytest.mark.parametrize("word", ["lenet5", "timm:test_vit"])
def test_a_bundle_without_code_of_a_user_is_built_again_anywhere_by_anybody(
    home: Path, elsewhere: Path, word: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if word.startswith("timm:"):
        pytest.importorskip("timm")
    bundle = home / _exported(ModelWords(word, weights="random"))
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("TOOLKIT_HOME", str(tmp_path / "somebody"))
    assert prepare(ModelWords(str(bundle))).built.weights.origin == "random"


def test_arguments_of_a_librarys_model_are_run_only_when_they_were_written_here(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("timm")
    words = ModelWords("timm:test_vit", weights="random", arguments=("num_classes=3",))
    bundle = _exported(words)
    prepare(ModelWords(str(bundle)))
    monkeypatch.setenv("TOOLKIT_HOME", str(tmp_path / "somebody"))
    with pytest.raises(RefusedError, match="names code to run"):
        prepare(ModelWords(str(bundle)))


def test_nothing_of_the_folder_stands_in_the_bundle(home: Path) -> None:
    words = ModelWords(f"{home}/net_at_home.py:Net", INPUT, imports=(f"{home}/home_operators.py",))
    bundle = _exported(words)
    assert str(home) not in (bundle / "manifest.json").read_text(encoding="ascii")


@pytest.mark.parametrize("word", ["a\0b.py:Net", "\ud800.py:Net", "x" * 5000 + ".py:Net"])
def test_a_word_that_no_path_can_have_is_refused(home: Path, word: str) -> None:
    bundle = _exported(ModelWords("net_at_home.py:Net", INPUT))
    tree = json.loads((bundle / "manifest.json").read_text(encoding="ascii"))
    (bundle / "manifest.json").write_text(json.dumps(tree | {"word": word}), encoding="ascii")
    with pytest.raises(ToolkitError):
        prepare(ModelWords(str(bundle)))


def test_a_bundle_without_its_arguments_is_refused_and_not_called_wrong(home: Path) -> None:
    arguments = ("scale=3.0", f"file={home}/vocabulary.txt")
    words = ModelWords("net_at_home.py:Net", INPUT, arguments=arguments)
    (made,) = pipeline.export(words, ExportOptions(("trace",), Path("out")), {})
    assert any(note.startswith("arguments: one is a path") for note in made.notes)
    bundle = _place_of(made)
    held = read(bundle).manifest
    assert (held.arguments, held.arguments_left_out) == ([], True)
    for trust in (False, True):
        with pytest.raises(RefusedError, match="a bundle holds no paths") as caught:
            prepare(ModelWords(str(bundle)), trust=trust)
        assert "toolkit check net_at_home.py:Net --arg" in str(caught.value.hint)
    assert not Path("ran").exists()


def test_arguments_that_are_no_paths_are_held(home: Path) -> None:
    words = ModelWords("net_at_home.py:Net", INPUT, arguments=("scale=3.0", "file=vocabulary.txt"))
    bundle = _exported(words)
    assert not read(bundle).manifest.arguments_left_out
    assert [row.status for row in _checked(bundle)] == ["pass"]


@pytest.mark.parametrize("name", ["model.script.pt", "model.pt2"])
def test_a_bundle_made_of_a_program_is_checked(home: Path, name: str) -> None:
    first = _exported(ModelWords("net_at_home.py:Net", INPUT), "first", "script", "pt2")
    shutil.copy(first / name, name)
    inputs = INPUT if name.endswith(".pt") else ()
    bundle = _exported(ModelWords(name, inputs))
    assert [row.status for row in _checked(bundle)] == ["pass"]


def test_a_bundle_made_of_a_program_with_nested_inputs_has_them_again(home: Path) -> None:
    class Sum(torch.nn.Module):
        def forward(self, a: torch.Tensor, many: list[torch.Tensor]) -> torch.Tensor:
            return a + many[0]

    inputs = {"a": "batch,4", "many.0": "batch,4"}
    made = toolkit.export(Sum(), inputs=inputs, formats=["script"], out="first")
    shutil.copy(_place_of(made) / "model.script.pt", "sum.pt")
    bundle = _exported(ModelWords("sum.pt", ("a=batch,4", "many.0=batch,4")))
    assert [port.dotted for port in prepare(ModelWords(str(bundle))).spec.inputs] == ["a", "many.0"]


def test_a_librarys_model_behind_its_preparation_is_checked_at_another_size(home: Path) -> None:
    pytest.importorskip("timm")
    words = ModelWords(
        "timm:test_vit", ("x=batch,3,64,64",), weights="random", with_preprocess=True
    )
    bundle = _exported(words)
    steps = read(bundle).manifest.preprocess
    assert steps is not None
    assert steps.crop == 64
    assert [row.status for row in _checked(bundle)] == ["pass"]


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
def test_a_bundle_of_a_program_of_somebody_else_is_checked_when_it_is_trusted(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.jit.save(torch.jit.script(torch.nn.Linear(4, 2)), "net.pt")
    remember(file_sha256(Path("net.pt")))
    bundle = home / _exported(ModelWords("net.pt", ("input=batch,4",)))
    monkeypatch.setenv("TOOLKIT_HOME", str(tmp_path / "somebody"))
    with pytest.raises(RefusedError, match="names code to run"):
        prepare(ModelWords(str(bundle)))
    (row,) = toolkit.check(
        str(bundle), formats=("trace",), trust=True, failures="failures", budget_s=LEAST_S
    )
    assert row.status == "pass"

"""What is typed wrongly ends with exit 2 and one helpful line, before any work."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.baselines.recorded import table
from tests.cli.conftest import Command
from toolkit.sweep import Sweep

PLAIN = "networks.py:Plain"
INPUT = ("--input", "x=batch,8")

AT_ONCE = [
    (["chekc", "lenet5"], "check"),
    (["bench", "lenet5", "--variants", ""], "--variants names no variant"),
    (["check", "lenet5", "--bogus"], "--bogus"),
    (["check"], "lenet5"),
    (["show"], "NAME"),
    (["report"], "RESULTS"),
    (["check", "lenet5", "-f", "onx"], "onnx"),
    (["bench", "lenet5", "--variants", "eagre"], "eager"),
    (["bench", "lenet5", "--baseline-variant", "eagre"], "eager"),
    (["bench", "lenet5", "--batch", "0"], "above 0"),
    (["bench", "lenet5", "--batch", "1,x"], "above 0"),
    (["bench", "lenet5", "--threads", "0"], "--threads"),
    (["bench", "lenet5", "--quick", "--rigorous"], "only one"),
    (["bench", "lenet5", "--quick", "--budget", "5"], "an end of its own"),
    (["bench", PLAIN, "lenet5", PLAIN, *INPUT], "networks.py:Plain is named twice"),
    (["bench", "lenet5", "--size", "time"], "--size time=128"),
    (["bench", "lenet5", "--size", "time=many"], "expected a number"),
    (["bench", "lenet5", "--size", "time=5,time=6"], "time was to be 5 already"),
    (["check", "--all", "--with-preprocess"], "name the models"),
    (["check", PLAIN, *INPUT, "--dynamic", "automatic"], "auto"),
    (["check", PLAIN, "--input", "x:=[1, 2]"], "constant"),
    (["check", "lenet5", "--opset", "9"], "--opset"),
    (["check", PLAIN, "--input", "x"], "x=batch,3,224,224"),
    (["check", PLAIN, "--input", "x=batchx3"], "commas"),
    (["check", PLAIN, "--input", "x=3:float31"], "float32"),
    (["check", PLAIN, *INPUT, "--dim", "batch=4..2"], "batch"),
    (["check", PLAIN, *INPUT, "--range", "x=9..1"], "LOW..HIGH"),
    (["check", PLAIN, *INPUT, "--range", "y=0..1"], "no input has this name"),
    (["check", PLAIN, *INPUT, "--arg", "width"], "NAME="),
    (["show", "lenet55"], "lenet5"),
]

IN_A_CHILD = [
    (["bench", "lenet5", "--size", "time=5"], "no model has a dynamic dimension called time"),
    (["bench", "lenet5", "--size", "batch=5"], "--batch"),
    (["bench", "resnet18", "--size", "height=8"], "height is 32 to any"),
    (["run", "resnet18", "--size", "high=64"], "height, width"),
    (["export", "lenet55"], "lenet5"),
    (["check", PLAIN, "lenet55", *INPUT], "lenet5"),
    (["check", "lenet5", "--input", "x=3"], "inputs of its own"),
    (["check", "nowhere.py:Net", *INPUT], "nowhere.py"),
    (["check", "nowhere.net:Net", *INPUT], "nowhere.net"),
    (["check", "networks.py:Plane", *INPUT], "Plain"),
    (["check", "networks.py"], "networks.py:Net"),
    (["check", "networks.py:NUMBER", *INPUT], "int"),
    (["check", "networks.py:no_module", *INPUT], "int"),
    (["check", PLAIN], "--input x=batch,8"),
    (["check", "networks.py:Image"], "--input image=batch,3,224,224"),
    (["check", PLAIN, *INPUT, "--dim", "bach=1..4"], "batch"),
    (["check", PLAIN, "--input", "x=batch,7"], "x (2, 7)"),
    (["check", PLAIN, "--input", "y=batch,8"], "no parameter y"),
    (["check", PLAIN, "--input", "x.1=batch,8"], "x.0 is missing"),
    (["check", PLAIN, *INPUT, "--input", "scale:=2"], "no parameter scale"),
    (["check", "nowhere.onnx"], "there is no file nowhere.onnx"),
    (["check", "torchvision:resnet19"], "resnet1"),
    (["check", "networks.py:Bag", "--input", "tokens=batch,time:int64"], "weights"),
    (["check", PLAIN, *INPUT, "--inputs", "nowhere.npz"], "nowhere.npz"),
    (["check", PLAIN, *INPUT, "--device", "gpu"], "cuda:N"),
    (["train", PLAIN, *INPUT], "input"),
]


@pytest.mark.parametrize(("words", "says"), AT_ONCE + IN_A_CHILD)
def test_wrong_words_exit_with_2_and_say_what_would_be_right(
    toolkit_command: Command, words: list[str], says: str
) -> None:
    ended = toolkit_command(*words)
    assert ended.code == 2
    said = [line for line in ended.err.splitlines() if not line.startswith("build ")]
    assert said[0].startswith("toolkit: ")
    assert says in ended.err
    assert len(said) <= 2
    assert "Traceback" not in ended.err + ended.out


@pytest.mark.parametrize(
    "words",
    [["export", "lenet55"], ["check"], ["check", "lenet5", "--bogus"], ["check", PLAIN], ["chekc"]],
)
def test_wrong_words_with_json_print_one_document_with_the_error(
    toolkit_command: Command, words: list[str]
) -> None:
    ended = toolkit_command(*words, "--json")
    assert ended.code == ended.document["exit_code"] == 2
    assert set(ended.document["error"]) == {"name", "message", "hint"}
    assert ended.document["schema_version"] == 1


APART = '[tool.toolkit.models.wide]\nmodel = "b.onnx"\nformats = ["onnx"]\n'
"""The second model is timed in other forms, so that both are compared apart."""


@pytest.mark.parametrize(("size", "code"), [("time=3", 0), ("tme=3", 2)])
@pytest.mark.parametrize(
    "words", [("a.onnx", "b.onnx", "--each"), ("a.onnx", "wide")], ids=["each", "apart"]
)
def test_a_size_that_none_of_many_tables_had_is_told_beside_them(
    toolkit_command: Command,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    size: str,
    code: int,
) -> None:
    def bench(sweep: Sweep, *_: object) -> None:
        sweep.dimensions.add("time")
        sweep.benched.append(table())

    monkeypatch.setattr(Sweep, "bench", bench)
    for name in ("a.onnx", "b.onnx"):  # what is in them is not known before they are run
        Path(name).touch()
    Path("pyproject.toml").write_text(APART, encoding="utf-8")
    ended = toolkit_command("bench", *words, "--size", size)
    assert ended.code == code
    assert ("no model has a dynamic dimension called tme" in ended.err) == (code == 2)
    assert "faster" in ended.out


def test_arrays_that_do_not_fit_are_refused(toolkit_command: Command) -> None:
    np.savez("missing.npz", y=np.zeros((2, 8), np.float32))
    np.savez("shape.npz", x=np.zeros((2, 9), np.float32))
    np.savez("pickled.npz", x=np.array([{"a": 1}], dtype=object))
    Path("text.npz").write_text("{}", encoding="utf-8")
    with zipfile.ZipFile("other.npz", "w") as archive:
        archive.writestr("x", "no array")
    for name, says in (
        ("missing", "no array x"),
        ("shape", "(2, 9)"),
        ("pickled", "x holds Python objects, not numbers"),
        ("text", "it is no archive of arrays"),
        ("other", "x is no array"),
    ):
        ended = toolkit_command("check", PLAIN, *INPUT, "--inputs", f"{name}.npz")
        assert ended.code == 2
        assert says in ended.err


def test_arrays_go_by_position_too(toolkit_command: Command) -> None:
    np.savez("given.npz", arg0=np.zeros((7, 8), np.float32))
    words = ("check", PLAIN, *INPUT, "-f", "trace")
    with_file = toolkit_command(*words, "--inputs", "given.npz", "--json")
    without = toolkit_command(*words, "--json")
    assert with_file.code == 0
    cases = [ended.document["results"][0]["cases"] for ended in (with_file, without)]
    assert cases[0] > cases[1]


@pytest.mark.parametrize("command", ["check", "bench", "run"])
def test_a_gpu_that_is_not_there_is_refused_and_never_replaced(
    toolkit_command: Command, command: str
) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    ended = toolkit_command(command, PLAIN, *INPUT, "--device", "cuda", "--json")
    assert ended.code == 3
    assert "no CUDA device" in ended.document["error"]["message"]
    assert "export" not in ended.err


def test_weights_that_are_not_the_models_are_refused(toolkit_command: Command) -> None:
    import torch

    torch.save({"other": torch.zeros(1)}, "other.pth")
    for name in ("other.pth", "nowhere.pth"):
        ended = toolkit_command("check", PLAIN, *INPUT, "--weights", name, "-f", "trace")
        assert ended.code == 3
        assert name in ended.err


def test_results_without_a_place_are_refused_before_the_work(
    toolkit_command: Command, own_folder: Path
) -> None:
    (own_folder / "file").write_text("")
    ended = toolkit_command("check", PLAIN, *INPUT, "--results", "file/check.json")
    assert ended.code == 3
    assert "build" not in ended.err


def test_a_command_alone_is_its_help(toolkit_command: Command) -> None:
    ended = toolkit_command("--help")
    assert ended.code == 0
    assert "check" in ended.out

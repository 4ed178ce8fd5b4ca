"""`toolkit compare REFERENCE CANDIDATE`: rows, exit codes, one document, and helpful refusals."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch

from tests.cli.conftest import Command
from tests.strangers.networks import Plain

PLAIN = "networks.py:Plain"
INPUT = ("--input", "x=batch,8", "--budget", "0")
SETTINGS = """
[tool.toolkit]
budget = 0
[tool.toolkit.models.net]
model = "networks.py:Plain"
inputs = { x = "batch,8" }
"""


@pytest.fixture
def file(own_folder: Path) -> Path:
    """The network of seed 0 as a file that somebody else made, under names of their own."""
    torch.manual_seed(0)
    path = own_folder / "theirs.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's older exporter is quick, and deprecated
        torch.onnx.export(
            Plain().eval(),
            (torch.ones(2, 8),),
            str(path),
            dynamo=False,
            input_names=["in"],
            dynamic_axes={"in": {0: "n"}},
        )
    return path


def test_a_right_file_is_one_document_with_its_row(toolkit_command: Command, file: Path) -> None:
    ended = toolkit_command("compare", PLAIN, file.name, *INPUT, "--json")
    document = ended.document
    assert (ended.code, document["command"], document["exit_code"]) == (0, "compare", 0)
    (row,) = document["results"]
    assert {"model", "format", "runtime", "device", "status", "score", "noise_source"} <= set(row)
    assert (row["model"], row["reference"]) == (file.name, PLAIN)
    assert (row["format"], row["status"], row["noise_source"]) == ("onnx", "pass", "float64")
    assert "in as x" in row["findings"][0]["message"]


def test_a_file_of_another_seed_exits_1_and_its_command_shows_the_same(
    toolkit_command: Command, file: Path
) -> None:
    ended = toolkit_command("compare", PLAIN, file.name, *INPUT, "--seed", "1")
    assert ended.code == 1
    assert f"parity with {PLAIN}" in ended.out
    (line,) = [line for line in ended.out.splitlines() if "reproduce: toolkit compare" in line]
    again = toolkit_command(*line.split("reproduce: toolkit ")[1].split(), "--budget", "0")
    assert again.code == 1


def test_results_are_kept_and_rendered_again(toolkit_command: Command, file: Path) -> None:
    shown = toolkit_command("compare", file.name, PLAIN, "--budget", "0", "--results", "kept.json")
    again = toolkit_command("report", "kept.json")
    assert (shown.code, again.code) == (0, 0)
    assert again.out == shown.out


@pytest.mark.usefixtures("own_folder")
def test_a_candidate_that_ends_its_process_is_a_row(toolkit_command: Command) -> None:
    ended = toolkit_command("compare", PLAIN, "networks.py:Exiting", *INPUT, "--json")
    (row,) = ended.document["results"]
    assert (row["model"], row["status"]) == ("networks.py:Exiting", "crash")
    assert (row["reference"], ended.code) == (PLAIN, 4)


def test_a_model_that_cannot_be_built_is_named_in_either_place(
    toolkit_command: Command, file: Path
) -> None:
    raising = "networks.py:Raising"
    for words in ((raising, file.name), (file.name, raising)):
        ended = toolkit_command("compare", *words, *INPUT)
        assert ended.code == 4
        assert f"toolkit: {raising}: " in ended.err
        assert "the width is wrong" in ended.err


def test_an_entry_of_the_settings_is_a_reference(toolkit_command: Command, file: Path) -> None:
    Path("pyproject.toml").write_text(SETTINGS)
    ended = toolkit_command("compare", "net", file.name, "--json")
    (row,) = ended.document["results"]
    assert (row["reference"], row["status"]) == ("net", "pass")


AT_ONCE = [
    (["compare"], "REFERENCE"),
    (["compare", PLAIN], "CANDIDATE"),
    (["compare", PLAIN, PLAIN, PLAIN], "unexpected"),
    (["compare", PLAIN, PLAIN, "-f", "onx"], "onnx"),
    (["compare", PLAIN, PLAIN, "--input", "x=3:float31"], "float32"),
    (["compare", PLAIN, PLAIN, "--max-score", "0"], "--max-score"),
]


@pytest.mark.parametrize(("words", "told"), AT_ONCE)
def test_words_that_make_no_sense_end_with_exit_2(
    words: list[str], told: str, toolkit_command: Command
) -> None:
    ended = toolkit_command(*words)
    assert ended.code == 2
    assert told in ended.err
    assert "Traceback" not in ended.err


IN_A_CHILD = [
    ((PLAIN, "lenet55"), 2, "lenet55: no model goes by this name"),
    (("nosuch.onnx", PLAIN), 2, "there is no file nosuch.onnx"),
    ((PLAIN, "torn.onnx"), 3, "torn.onnx is not an ONNX file"),
    ((PLAIN, "traced.pt"), 3, "--trust"),
    ((PLAIN, "theirs.onnx", "--device", "cuda:9"), 3, "CUDA"),
    (("theirs.onnx", "theirs.onnx"), 2, "--input"),
]


@pytest.mark.parametrize(("words", "code", "told"), IN_A_CHILD)
def test_what_cannot_be_compared_is_said_in_a_line_and_its_hint(
    words: tuple[str, ...], code: int, told: str, toolkit_command: Command, file: Path
) -> None:
    (file.parent / "torn.onnx").write_bytes(b"not a graph")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(Plain().eval(), torch.ones(2, 8))  # type: ignore[no-untyped-call]
        torch.jit.save(traced, file.parent / "traced.pt")
    ended = toolkit_command("compare", *words, *INPUT)
    assert ended.code == code
    assert told in ended.err
    assert "Traceback" not in ended.err

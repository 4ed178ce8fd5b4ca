"""`--dynamic auto` through the command: what it finds is checked, told and can be repeated."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import STRANGERS, Command

pytestmark = pytest.mark.usefixtures("_networks")

LOOP = ("sizes.py:Loop", "--input", "x=2,3,4", "--dynamic", "auto")


@pytest.fixture
def _networks(own_folder: Path) -> None:
    shutil.copy(STRANGERS.with_name("sizes.py"), own_folder / "sizes.py")


def notes(row: dict[str, Any], name: str) -> list[str]:
    found = [one for one in row["findings"] if one["name"] == name]
    assert {one["severity"] for one in found} <= {"note"}
    return [one["message"] for one in found]


CONVOLUTIONAL = ("sizes.py:Convolutional", "--input", "x=2,3,16,24", "--dynamic", "auto")


@pytest.mark.parametrize("form", ["trace", pytest.param("onnx", marks=pytest.mark.slow, id="onnx")])
def test_a_right_model_passes_with_the_dimensions_that_were_found(
    toolkit_command: Command, form: str
) -> None:
    ended = toolkit_command("check", *CONVOLUTIONAL, "-f", form, "--json")
    assert ended.code == 0
    (row,) = ended.document["results"]
    varying, channels = notes(row, "dynamic")
    assert varying == "can vary: --input x=batch,3,x_2,x_3 --dim x_2=8..:8 --dim x_3=8..:8@24"
    assert channels.startswith("x axis 1 stays 3")


def test_what_only_capture_refuses_is_a_note_with_its_line_and_no_fault(
    toolkit_command: Command,
) -> None:
    ended = toolkit_command("check", *LOOP, "-f", "pt2", "--json")
    assert ended.code == 0
    (row,) = ended.document["results"]
    (baked,) = notes(row, "baked-dimension")
    assert "sizes.py line " in baked
    assert baked.endswith("`for step in range(x.shape[1]):`")


def test_the_terminal_tells_it_below_the_table(toolkit_command: Command) -> None:
    ended = toolkit_command("check", *LOOP, "-f", "pt2")
    assert "note dynamic (pt2): can vary: --input x=batch,3,4" in ended.out
    assert (
        "note baked-dimension (pt2): x axis 1: eager takes 1.., torch.export fixes it" in ended.out
    )


def test_an_export_tells_it_and_its_bundle_holds_the_dimensions(toolkit_command: Command) -> None:
    ended = toolkit_command("export", *LOOP, "-f", "pt2", "-o", "out", "--json")
    assert ended.code == 0
    (model,) = ended.document["models"]
    assert "dynamic: can vary: --input x=batch,3,4" in model["notes"]
    again = toolkit_command("check", model["bundle"], "--json")
    assert again.code == 0
    (row,) = again.document["results"]
    assert row["cases"] > 1
    assert notes(row, "dynamic") == []
    refused = toolkit_command("check", model["bundle"], "--dynamic", "auto")
    assert refused.code == 2
    assert "a bundle has inputs and weights of its own" in refused.err


def test_another_word_than_auto_is_refused_with_the_one_that_is_meant(
    toolkit_command: Command,
) -> None:
    ended = toolkit_command("check", "sizes.py:Loop", "--input", "x=2,3,4", "--dynamic", "atuo")
    assert ended.code == 2
    assert "did you mean auto?" in ended.err


def test_sizes_at_which_eager_does_not_run_are_told_before_any_trial(
    toolkit_command: Command,
) -> None:
    words = ("sizes.py:Classifier", "--input", "x=2,4,8,8", "--dynamic", "auto", "-f", "pt2")
    ended = toolkit_command("check", *words)
    assert ended.code == 2
    assert "running it on x (2, 4, 8, 8) raised" in ended.err
    assert "Traceback" not in ended.out + ended.err

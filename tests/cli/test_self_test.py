from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from tests.cli.conftest import Command
from toolkit.cli.self_testing import parse_seeds
from toolkit.errors import UsageError


def test_a_users_own_network_is_tried(toolkit_command: Command, own_folder: Path) -> None:
    ended = toolkit_command(
        *("check", "--self-test", "networks.py:Plain", "--input", "x=batch,8", "--json"),
    )
    assert ended.code == 0, ended.err
    (row,) = ended.document["self_tests"]
    assert row["status"] == "pass"
    assert row["counted"] == row["found"] > 0
    assert {defect["kind"] for defect in row["defects"]} > {"weight bit", "lost bias"}
    assert (own_folder / "exported" / "self-test.json").is_file()
    assert not (own_folder / "exported" / "check.json").exists()


def test_an_onnx_file_is_tried(toolkit_command: Command, own_folder: Path) -> None:
    weight = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    ports = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", size])
        for name, size in (("x", 4), ("y", 3))
    ]
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("Tanh", ["h"], ["y"])]
    tensors = [numpy_helper.from_array(weight, "w")]
    graph = helper.make_graph(nodes, "theirs", ports[:1], ports[1:], tensors)
    opset = helper.make_opsetid("", 20)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=9), "theirs.onnx")
    ended = toolkit_command("check", "--self-test", "theirs.onnx", "--planting-seeds", "0,1")
    assert ended.code == 0, ended.out + ended.err
    assert "by kind of defect" in ended.out
    assert "planted defects found" in ended.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-f", "pt2"), "pt2 is none"),
        (("--planting-seeds", "some"), "expected numbers"),
        (("--plan",), "--plan"),
        (("--junit", "out.xml"), "--junit"),
    ],
)
def test_what_makes_no_sense_beside_it_is_told(
    toolkit_command: Command, words: tuple[str, ...], said: str
) -> None:
    ended = toolkit_command("check", "--self-test", "lenet5", *words)
    assert ended.code == 2
    assert said in ended.err


@pytest.mark.parametrize(
    ("text", "seeds"), [("0", (0,)), ("0..3", (0, 1, 2, 3)), ("7,1..2,7", (7, 1, 2))]
)
def test_seeds_are_numbers_and_ranges(text: str, seeds: tuple[int, ...]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "-1", "3..1", "0..", "a", "0..99999999"])
def test_other_seeds_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"0\.\.9"):
        parse_seeds(text)

"""Nested inputs and outputs through every format and runtime, by the flattening rule."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import toolkit
from tests.strangers.nested import ByKeyword, FromObjects, FromPairs
from toolkit.given import Inputs

OBJECTS = {
    "sample.image": "batch,4",
    "sample.offset": "batch,1",
    "masks.keep": "batch,4",
    "levels.0": "batch,3",
    "levels.1": "batch,3",
}
PAIRS = {"x": "batch,4", "states.0": "batch,3", "states.1": "batch,3", "more.gain": "1"}
FORMATS = ("onnx", "pt2", "trace", "onnx-legacy")


def verdicts(
    module: nn.Module, inputs: Inputs, formats: tuple[str, ...], folder: Path
) -> dict[str | None, str]:
    rows = toolkit.check(module, inputs=inputs, formats=formats, budget_s=0.0, failures=folder)
    return {row.format: row.status for row in rows}


def test_dataclasses_dicts_lists_and_constants_pass_in_every_format(tmp_path: Path) -> None:
    inputs: Inputs = {**OBJECTS, "scale": 0.5, "hidden": False}
    assert verdicts(FromObjects(), inputs, FORMATS, tmp_path) == dict.fromkeys(FORMATS, "pass")


def test_outputs_inside_objects_are_named_by_where_they_lie(tmp_path: Path) -> None:
    exported = toolkit.export(FromObjects(), inputs=OBJECTS, formats=("onnx",), out=tmp_path)
    manifest = json.loads((Path(str(exported.bundle)) / "manifest.json").read_text())
    names = ["logits", "hidden", "parts_0", "parts_1", "classes"]
    assert [port["name"] for port in manifest["outputs"]] == names
    assert [port["name"] for port in manifest["inputs"]][:3] == [
        "sample_image",
        "sample_offset",
        "masks_keep",
    ]


def test_the_manifest_records_how_inputs_are_handed_over(tmp_path: Path) -> None:
    inputs: Inputs = {**OBJECTS, "scale": 0.5}
    exported = toolkit.export(FromObjects(), inputs=inputs, formats=("onnx",), out=tmp_path)
    manifest = json.loads((Path(str(exported.bundle)) / "manifest.json").read_text())
    sample, masks, levels = manifest["call"]["positional"]
    assert sample == {
        "object": {"image": {"input": "sample_image"}, "offset": {"input": "sample_offset"}}
    }
    assert masks == {"dict": {"keep": {"input": "masks_keep"}}}
    assert levels == {"list": [{"input": "levels_0"}, {"input": "levels_1"}]}
    assert manifest["call"]["keywords"] == {"scale": {"constant": 0.5}}


@pytest.mark.parametrize(
    ("module", "inputs"),
    [
        (ByKeyword, {"x": "batch,4", "bias": "batch,3"}),
        (FromPairs, PAIRS),
    ],
    ids=["by-keyword", "pairs"],
)
def test_a_script_takes_the_modules_own_arguments(
    module: type[nn.Module], inputs: Inputs, tmp_path: Path
) -> None:
    formats = (*FORMATS, "script")
    assert verdicts(module(), inputs, formats, tmp_path) == dict.fromkeys(formats, "pass")


class Mixed(nn.Module):
    """Returns `wrapped(y, 2 y, y + 1)`: TorchScript's lists and dicts hold one type alone."""

    def __init__(self, wrapped: Callable[..., Any]) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 4)
        self.wrapped = wrapped

    def forward(self, x: torch.Tensor) -> Any:
        y = self.layer(x)
        return self.wrapped(y, 2 * y, y + 1)


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda a, b, c: {"a": a, "b": (b, c)},
        lambda a, b, c: [a, (b, c)],
        lambda a, b, c: [[a, b], [c]],
        lambda a, b, c: {"a": {"c": a}, "b": {"c": b}},
    ],
    ids=["dict-of-both", "list-of-both", "list-of-lists", "dict-of-dicts"],
)
def test_nested_outputs_are_traced(wrapped: Callable[..., Any], tmp_path: Path) -> None:
    said = verdicts(Mixed(wrapped), {"x": "batch,8"}, ("trace",), tmp_path)
    assert said == {"trace": "pass"}


@pytest.mark.parametrize("format_name", ["onnx", "pt2", "trace", "script"])
def test_a_loaded_form_takes_flat_arrays_by_name(format_name: str, tmp_path: Path) -> None:
    exported = toolkit.export(FromPairs(), inputs=PAIRS, formats=(format_name,), out=tmp_path)
    runner = toolkit.load(str(exported.bundle), format_name)
    one = np.ones((5, 3), dtype=np.float32)
    arrays = {"x": np.ones((5, 4), dtype=np.float32), "states_0": one, "states_1": one}
    outputs = runner.run({**arrays, "more_gain": np.zeros(1, dtype=np.float32)})
    assert list(outputs) == ["output_0", "output_1"]
    assert outputs["output_0"].shape == (5, 3)
    assert not outputs["output_0"].any()
    assert outputs["output_1"].any()

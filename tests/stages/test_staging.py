"""Which stage of a form departed first: capture, conversion or the runtime's optimisations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

import toolkit
from toolkit import results
from toolkit.parity.verdict import judge_case
from toolkit.runtimes.onnxruntime import OnnxRunner, OnnxRuntime

NETWORK = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(6, 8)
        self.second = nn.Linear(8, 4)

    def forward(self, x):
        return self.second(torch.relu(self.first(x)))


class Off(Net):
    def __init__(self):
        super().__init__()
        with torch.no_grad():
            self.first.bias[0] = -1000.0


class OtherwiseCaptured(Net):
    def forward(self, x):
        scale = 1.01 if torch.compiler.is_exporting() else 1.0
        return super().forward(x) * scale


class Branching(Net):
    def forward(self, x):
        if x.shape[0] > 2:
            return super().forward(x) * 2
        return super().forward(x)
"""
INPUTS = {"x": "batch,6"}


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder with the networks in it, as the working folder."""
    (tmp_path / "staged_networks.py").write_text(NETWORK, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def checked(name: str, format_name: str) -> results.CheckResult:
    word = f"staged_networks.py:{name}"
    (row,) = toolkit.check(word, inputs=INPUTS, formats=[format_name], budget_s=0.0)
    return row


def stages(row: results.CheckResult) -> dict[str, str]:
    return {one.stage: one.status for one in row.stages}


def blamed(row: results.CheckResult) -> set[str | None]:
    return {found.stage for found in row.findings if found.severity == "error"}


def test_a_right_onnx_file_is_run_without_and_with_all_optimisations() -> None:
    row = checked("Net", "onnx")
    assert row.status == "pass"
    assert stages(row) == {"conversion": "pass", "optimisation": "pass"}
    assert all(one.cases == row.cases for one in row.stages)
    assert row.score == max(one.score for one in row.stages if one.score is not None)


def test_a_fault_of_the_runtimes_optimisations_is_told_as_such(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load = OnnxRuntime.load

    class Wrongly(OnnxRunner):
        def run(self, inputs: Any) -> dict[str, np.ndarray]:
            return {name: array * 1.01 for name, array in super().run(inputs).items()}

    def loaded(self: OnnxRuntime, path: Path, spec: Any, options: Any) -> OnnxRunner:
        runner = load(self, path, spec, options)
        return Wrongly(runner.session, spec, "cpu") if options.optimise else runner

    monkeypatch.setattr(OnnxRuntime, "load", loaded)
    row = checked("Net", "onnx")
    assert row.status == "fail"
    assert blamed(row) == {"optimisation"}
    assert stages(row) == {"capture": "pass", "conversion": "pass", "optimisation": "fail"}


def test_a_file_that_was_altered_departs_at_its_conversion(own_folder: Path) -> None:
    made = toolkit.export("staged_networks.py:Net", inputs=INPUTS, formats=["onnx"], out="out")
    path = Path(str(made.bundle)) / "model.onnx"
    model = onnx.load(path)
    weight = next(entry for entry in model.graph.initializer if len(entry.dims) == 2)
    values = numpy_helper.to_array(weight) * np.float32(1.01)
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    onnx.save(model, path)
    (row,) = toolkit.check(str(made.bundle), formats=["onnx"], budget_s=0.0)
    assert blamed(row) == {"conversion"}
    assert stages(row) == {"capture": "pass", "conversion": "fail", "optimisation": "fail"}


def test_a_number_of_the_file_that_shows_on_no_input_is_told(own_folder: Path) -> None:
    made = toolkit.export("staged_networks.py:Off", inputs=INPUTS, formats=["onnx"], out="out")
    path = Path(str(made.bundle)) / "model.onnx"
    model = onnx.load(path)
    weight = next(one for one in model.graph.initializer if one.name == "first.weight")
    values = numpy_helper.to_array(weight).copy()
    values[0, 2] += 1.0
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    onnx.save(model, path)
    (row,) = toolkit.check(str(made.bundle), formats=["onnx"], budget_s=0.0)
    assert row.status == "pass"
    assert any("first.weight[0, 2]" in found.message for found in row.findings)


@pytest.mark.parametrize("format_name", ["onnx", "pt2"])
def test_what_is_captured_otherwise_departs_at_its_capture(format_name: str) -> None:
    row = checked("OtherwiseCaptured", format_name)
    assert row.status == "fail"
    assert blamed(row) == {"capture"}
    assert stages(row)["capture"] == "fail"


def test_what_was_captured_is_judged_without_tf32(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed: list[bool] = []

    def noted(*arguments: Any, **keywords: Any) -> Any:
        allowed.append(bool(torch.backends.cudnn.allow_tf32))
        return judge_case(*arguments, **keywords)

    monkeypatch.setattr("toolkit.stages.staging.judge_case", noted)
    assert stages(checked("OtherwiseCaptured", "pt2"))["capture"] == "fail"
    assert torch.backends.cudnn.allow_tf32, "as torch leaves it"
    assert allowed
    assert not any(allowed)


@pytest.mark.parametrize("format_name", ["trace", "onnx-legacy"])
def test_a_branch_that_tracing_froze_departs_at_its_capture(format_name: str) -> None:
    row = checked("Branching", format_name)
    (found,) = [one for one in row.findings if one.severity == "error"]
    assert (found.name, found.stage) == ("baked-dimension", "capture")
    assert "batch" in found.message
    assert "at 3, 5" in found.message


def test_what_the_optimised_file_shows_again_is_told_once(own_folder: Path) -> None:
    row = checked("Branching", "onnx-legacy")
    names = [found.name for found in row.findings if found.severity == "error"]
    assert names == ["baked-dimension"]


def test_a_program_and_an_onnx_file_are_made_of_one_capture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[type[nn.Module]] = []
    export = torch.export.export

    def counted(module: nn.Module, *arguments: Any, **keywords: Any) -> Any:
        calls.append(type(module))
        return export(module, *arguments, **keywords)

    monkeypatch.setattr(torch.export, "export", counted)
    rows = toolkit.check(
        "staged_networks.py:Net", inputs=INPUTS, formats=["onnx", "pt2"], budget_s=0.0
    )
    assert [row.status for row in rows] == ["pass", "pass"]
    assert len(calls) == 1


def test_a_shared_capture_gives_the_bytes_of_one_that_is_not_shared(own_folder: Path) -> None:
    for names in (["onnx", "pt2"], ["pt2", "onnx"]):
        toolkit.export("staged_networks.py:Net", inputs=INPUTS, formats=names, out="-".join(names))
    first, second = (
        {path.name: path.read_bytes() for path in own_folder.glob(f"{out}/*/model.*")}
        for out in ("onnx-pt2", "pt2-onnx")
    )
    assert first == second
    assert set(first) == {"model.onnx", "model.pt2"}

"""Each planted fault gets its finding and exit 1; its mended version passes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from safetensors.torch import load_file
from torch import nn

import toolkit
from toolkit import results
from toolkit.cli import main
from toolkit.errors import InputsError, RefusedError

NETWORKS = Path(__file__).parent / "faulty" / "networks.py"
INPUTS = {"x": "batch,8"}

FAULTS = [
    ("BatchBranch", "baked-dimension"),
    ("HardBatch", "baked-dimension"),
    ("AlwaysDropping", "training-mode"),
    ("Noisy", "nondeterministic"),
    ("DataBranch", "value"),
    ("Constant", "degenerate"),
]


def errors(rows: list[results.CheckResult]) -> set[str]:
    return {found.name for row in rows for found in row.findings if found.severity == "error"}


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stranger's folder with the networks in it, as the working folder."""
    shutil.copy(NETWORKS, tmp_path / "networks.py")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("network", "finding"), FAULTS)
def test_a_planted_fault_gets_its_finding(own_folder: Path, network: str, finding: str) -> None:
    rows = toolkit.check(f"networks.py:{network}", inputs=INPUTS)
    assert finding in errors(rows)
    assert any(row.status == "fail" for row in rows)


@pytest.mark.parametrize("network", [name for name, _ in FAULTS])
def test_the_mended_network_passes_in_every_format(own_folder: Path, network: str) -> None:
    rows = toolkit.check(f"networks.py:{network}Mended", inputs=INPUTS)
    assert [row.format for row in rows] == ["onnx", "pt2", "trace", "script"]
    assert [row.status for row in rows] == ["pass"] * 4
    assert all(row.cases >= 24 for row in rows)


@pytest.mark.parametrize(("network", "finding"), FAULTS)
def test_the_command_exits_with_1_and_names_the_finding(
    own_folder: Path, capsys: pytest.CaptureFixture[str], network: str, finding: str
) -> None:
    words = ["check", f"networks.py:{network}", "--input", "x=batch,8", "-f", "trace,pt2"]
    assert main([*words, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    names = [found["name"] for row in document["results"] for found in row["findings"]]
    assert document["exit_code"] == 1
    assert finding in names


def test_a_frozen_branch_is_reported_with_the_tracers_own_warning(own_folder: Path) -> None:
    (row,) = toolkit.check("networks.py:DataBranch", inputs=INPUTS, formats=["trace"])
    warnings = [found.message for found in row.findings if found.name == "warning"]
    assert any("TracerWarning" in text and "networks.py" in text for text in warnings)


def test_the_module_that_drops_out_is_named(own_folder: Path) -> None:
    (row,) = toolkit.check("networks.py:AlwaysDropping", inputs=INPUTS, formats=["trace"])
    (training,) = [found for found in row.findings if found.name == "training-mode"][:1]
    assert training.module == "AlwaysDropping"


def test_the_smallest_failing_case_is_saved_and_reproduces(own_folder: Path) -> None:
    (row,) = toolkit.check("networks.py:BatchBranch", inputs=INPUTS, formats=["trace"])
    (found,) = [found for found in row.findings if found.name == "baked-dimension"]
    assert found.reproduce is not None
    assert found.reproduce.startswith("toolkit check networks.py:BatchBranch --input x=batch,8")
    saved = Path(found.reproduce.split("--inputs ")[1])
    with np.load(saved, allow_pickle=False) as arrays:
        assert arrays["x"].shape == (3, 8)  # the least batch that takes the other branch


def exported_bundle(folder: Path) -> Path:
    made = toolkit.export("networks.py:ConstantMended", inputs=INPUTS, out=folder / "bundles")
    assert made.bundle is not None
    return Path(made.bundle)


def test_an_untouched_bundle_passes(own_folder: Path) -> None:
    rows = toolkit.check(str(exported_bundle(own_folder)))
    assert [row.status for row in rows] == ["pass"] * 4
    assert all(not row.findings for row in rows)


def test_a_nan_for_an_all_zero_input_in_an_altered_file_is_found(own_folder: Path) -> None:
    bundle = exported_bundle(own_folder)
    model = onnx.load(bundle / "model.onnx")
    graph = model.graph
    (output,) = graph.output
    for node in graph.node:
        node.output[:] = [f"{name}_inner" if name == output.name else name for name in node.output]
    axes = numpy_helper.from_array(np.array([0, 1], np.int64), "all_axes")
    graph.initializer.append(axes)
    # |x| summed, over itself: 1 for every input but zeros, for which it is 0 / 0.
    graph.node.extend(
        [
            helper.make_node("Abs", ["x"], ["magnitude"]),
            helper.make_node("ReduceSum", ["magnitude", "all_axes"], ["total"], keepdims=1),
            helper.make_node("Div", ["total", "total"], ["one"]),
            helper.make_node("Mul", [f"{output.name}_inner", "one"], [output.name]),
        ]
    )
    onnx.save(model, bundle / "model.onnx")
    (row,) = toolkit.check(str(bundle), formats=["onnx"])
    assert row.status == "fail"
    assert errors([row]) == {"non-finite"}
    assert "altered" in {found.name for found in row.findings}


def test_one_layer_rounded_to_bfloat16_in_an_altered_file_is_found(own_folder: Path) -> None:
    bundle = exported_bundle(own_folder)
    model = onnx.load(bundle / "model.onnx")
    weight = next(entry for entry in model.graph.initializer if len(entry.dims) == 2)
    values = torch.from_numpy(numpy_helper.to_array(weight).copy()).bfloat16().float().numpy()
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    onnx.save(model, bundle / "model.onnx")
    assert main(["check", str(bundle), "-f", "onnx", "--json"]) == 1
    (row,) = toolkit.check(str(bundle), formats=["onnx"])
    assert errors([row]) == {"value"}


def test_an_altered_program_is_refused_and_not_run(own_folder: Path) -> None:
    bundle = exported_bundle(own_folder)
    script = bundle / "model.script.pt"
    script.write_bytes(script.read_bytes() + b"\0")
    (row,) = toolkit.check(str(bundle), formats=["script"])
    assert row.status == "refused"
    assert "--trust" in row.findings[0].message


def test_weights_of_a_bundle_that_were_exchanged_are_refused(own_folder: Path) -> None:
    bundle = exported_bundle(own_folder)
    other = toolkit.export(
        "networks.py:ConstantMended", inputs=INPUTS, out=own_folder / "other", seed=1
    )
    assert other.bundle is not None
    shutil.copy(Path(other.bundle) / "weights.safetensors", bundle / "weights.safetensors")
    assert main(["check", str(bundle), "-f", "onnx"]) == 3


def test_a_bundle_that_names_code_of_its_own_is_refused_and_nothing_of_it_runs(
    own_folder: Path,
) -> None:
    bundle = exported_bundle(own_folder)
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest |= {"word": "subprocess:getoutput", "arguments": ["cmd=touch ran"]}
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(RefusedError, match="names code to run"):
        toolkit.check(str(bundle))
    assert not (own_folder / "ran").exists()


def test_a_program_under_another_suffix_is_a_program_still(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = toolkit.export("lenet5", weights="random", formats=["script"], out=own_folder / "made")
    assert made.bundle is not None
    bundle = Path(made.bundle)
    text = (bundle / "manifest.json").read_text().replace("model.script.pt", "model.bin")
    (bundle / "manifest.json").write_text(text)
    (bundle / "model.script.pt").rename(bundle / "model.bin")
    monkeypatch.setenv("TOOLKIT_HOME", str(own_folder / "another-user"))
    (row,) = toolkit.check(str(bundle), formats=["script"])
    assert row.status == "refused"


def test_a_form_that_a_bundle_does_not_hold_is_refused_and_not_left_out(own_folder: Path) -> None:
    made = toolkit.export("networks.py:ConstantMended", inputs=INPUTS, formats=["onnx"])
    (row,) = toolkit.check(str(made.bundle), formats=["pt2"])
    assert row.status == "refused"


def test_words_about_inputs_or_weights_are_refused_for_a_bundle(own_folder: Path) -> None:
    bundle = exported_bundle(own_folder)
    with pytest.raises(InputsError, match="of its own"):
        toolkit.check(str(bundle), weights="random")


def test_a_bundle_in_the_working_folder_does_not_stand_in_for_a_module(own_folder: Path) -> None:
    toolkit.export("lenet5", weights="random", formats=["onnx"], out=own_folder)
    assert (own_folder / "lenet5" / "manifest.json").exists()
    rows = toolkit.check("lenet5", weights="random", seed=1, formats=["trace"])
    assert [(row.format, row.status) for row in rows] == [("trace", "pass")]


class Counting(nn.Module):
    """Changes a buffer whenever it runs."""

    runs: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 4)
        self.register_buffer("runs", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.runs += 1
        return self.linear(x)


def test_the_weights_in_a_bundle_are_those_before_anything_ran(own_folder: Path) -> None:
    made = toolkit.export(Counting(), inputs=INPUTS, formats=["onnx"])
    assert made.bundle is not None
    state = load_file(Path(made.bundle) / "weights.safetensors")
    assert state["runs"].item() == 0


def test_arrays_of_the_users_own_are_cast_to_the_inputs_dtype(own_folder: Path) -> None:
    np.savez(own_folder / "own.npz", x=np.ones((7, 8)))  # float64, as numpy makes them
    words = ["check", "networks.py:ConstantMended", "--input", "x=batch,8", "-f", "onnx"]
    assert main([*words, "--inputs", "own.npz"]) == 0
    np.savez(own_folder / "text.npz", x=np.full((7, 8), "a"))
    assert main([*words, "--inputs", "text.npz"]) == 2


class NamedLikeSavez(nn.Module):
    """Its parameter has the name of one of numpy's own."""

    def forward(self, file: torch.Tensor) -> torch.Tensor:
        return file * 2 if file.shape[0] > 2 else file


def test_a_failing_case_is_saved_whatever_its_inputs_are_called(own_folder: Path) -> None:
    (row,) = toolkit.check(NamedLikeSavez(), inputs={"file": "batch,4"}, formats=["trace"])
    assert row.status == "fail"
    assert row.findings[-1].reproduce is not None
    saved = Path(row.findings[-1].reproduce.split("--inputs ")[1])
    with np.load(saved, allow_pickle=False) as arrays:
        assert arrays["file"].shape == (3, 4)

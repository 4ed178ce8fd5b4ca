"""Named arrays in and out of every runtime, and what a runtime says when it cannot."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from tests.formats.networks import build
from toolkit import formats, runtimes
from toolkit.errors import InputsError, MissingError, RefusedError, RunError, UsageError
from toolkit.inputs import draw
from toolkit.runtimes import devices, eager, torch_modules
from toolkit.runtimes.base import Array, DeclaredPort, Runner, RunOptions
from toolkit.spec import ModelSpec, Port

OPTIONS = RunOptions(threads=1)
SPEC = ModelSpec("sum", torch.nn.Identity, (Port("x", ("n",)),), (Port("y", ("n",)),))


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One network in every format."""
    folder = tmp_path_factory.mktemp("exports")
    for exporter in map(formats.get, formats.NAMES):
        exporter.export(build("generator"), folder / exporter.filename)
    return folder


def _load(exports: Path, name: str, options: RunOptions = OPTIONS) -> Runner:
    path = exports / formats.get(name).filename
    return runtimes.runtime_for(name).load(path, build("generator").spec, options)


@pytest.mark.parametrize("name", formats.NAMES)
@pytest.mark.parametrize("optimise", [True, False])
def test_a_prepared_call_gives_what_run_gives(name: str, optimise: bool, exports: Path) -> None:
    runner = _load(exports, name, RunOptions(threads=1, optimise=optimise))
    arrays = draw(build("generator").spec, {"batch": 3}, 0)
    wanted = eager.load(build("generator"), OPTIONS).run(arrays)["image"]
    with torch.inference_mode():
        value = runner.prepare(arrays)()
    [once] = value if isinstance(value, list) else [value]
    np.testing.assert_allclose(np.asarray(once), wanted, atol=1e-6)
    np.testing.assert_allclose(runner.run(arrays)["image"], wanted, atol=1e-6)


def test_a_file_that_declares_its_ports_is_quoted(exports: Path) -> None:
    assert _load(exports, "onnx").inputs == (
        DeclaredPort("noise", ("batch", 8), "float32"),
        DeclaredPort("labels", ("batch",), "int64"),
    )
    assert _load(exports, "pt2").outputs == (DeclaredPort("image", (None, 16), "float32"),)
    assert _load(exports, "script").inputs is None


@pytest.mark.parametrize("name", formats.NAMES)
def test_a_wrong_shape_is_a_run_error_without_paths(name: str, exports: Path) -> None:
    arrays: dict[str, Array] = {
        "noise": np.zeros((2, 9), np.float32),
        "labels": np.zeros(2, np.int64),
    }
    with pytest.raises(RunError) as caught:
        _load(exports, name).run(arrays)
    assert str(exports) not in str(caught.value)
    assert "site-packages" not in str(caught.value)
    assert "[ONNXRuntimeError]" not in str(caught.value)
    assert "interpreter" not in str(caught.value)


@pytest.mark.parametrize("name", formats.NAMES)
def test_a_missing_input_is_named(name: str, exports: Path) -> None:
    with pytest.raises(InputsError, match="labels"):
        _load(exports, name).run({"noise": np.zeros((2, 8), np.float32)})


@pytest.mark.parametrize("name", formats.NAMES)
def test_a_damaged_file_is_a_run_error(name: str, tmp_path: Path) -> None:
    path = tmp_path / formats.get(name).filename
    path.write_bytes(b"no model at all")
    with pytest.raises(RunError, match=path.name):
        runtimes.runtime_for(name).load(path, SPEC, OPTIONS)


@pytest.mark.parametrize("name", formats.NAMES)
def test_cuda_never_falls_back_to_the_cpu(
    name: str, exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(MissingError, match="CUDA") as caught:
        _load(exports, name, RunOptions(device="cuda"))
    assert caught.value.hint


def test_a_provider_that_did_not_start_is_missing(
    exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: both)
    real = devices.execution_providers("cuda")
    assert [name for name, _ in real] == both
    with pytest.raises(MissingError, match="could not start CUDAExecutionProvider"):
        _load(exports, "onnx", RunOptions(device="cuda"))


@pytest.mark.parametrize(("word", "index"), [("cpu", None), ("cuda", 0), ("cuda:1", 1)])
def test_devices_are_read_by_name(word: str, index: int | None) -> None:
    assert devices.cuda_index(word) == index


@pytest.mark.parametrize("word", ["gpu", "cuda:", "cuda:x", "CPU", ""])
def test_an_unknown_device_is_a_usage_error(word: str) -> None:
    with pytest.raises(UsageError):
        devices.cuda_index(word)


def test_threads_are_set_where_they_are_given(exports: Path) -> None:
    before = torch.get_num_threads()
    try:
        _load(exports, "script", RunOptions(threads=2))
        assert torch.get_num_threads() == 2
        _load(exports, "script", RunOptions())
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_what_a_module_raises_is_one_line(tmp_path: Path) -> None:
    def broken(_: torch.Tensor) -> torch.Tensor:
        raise ValueError(f"\x1b[31mno luck\x1b[0m in {tmp_path}/net.py")

    runner = torch_modules.ModuleRunner(broken, SPEC, "cpu")
    with pytest.raises(RunError, match=r"^sum: no luck in net\.py") as caught:
        runner.run({"x": np.zeros(2, np.float32)})
    assert str(tmp_path) not in caught.value.message


def _with_external_data(folder: Path, **entries: str) -> Path:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2])
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])],
        [tensor],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    path = folder / "model.onnx"
    onnx.save(model, path)
    return path


def _run_external(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    spec = ModelSpec("w", torch.nn.Identity, (Port("x", (2,)),), (Port("y", (2,)),))
    runner = runtimes.get("onnxruntime").load(path, spec, OPTIONS)
    return runner.run({"x": np.zeros(2, np.float32)})["y"]


def test_sound_external_data_is_read(tmp_path: Path) -> None:
    (tmp_path / "w.data").write_bytes(np.array([0, 3, 4], np.float32).tobytes())
    path = _with_external_data(tmp_path, location="w.data", offset="4", length="8")
    np.testing.assert_array_equal(_run_external(path), [3, 4])


@pytest.mark.parametrize(
    "entries",
    [
        {"location": "../w.data"},
        {"location": "/etc/passwd"},
        {"location": "folder/w.data"},
        {"location": ""},
        {"location": "gone.data"},
        {"location": "link.data"},
        {"location": "hard.data"},
        {"location": "w.data", "offset": "-4", "length": "8"},
        {"location": "w.data", "offset": "0", "length": "4000000000"},
        {"location": "w.data", "offset": "12", "length": "8"},
        {"location": "w.data", "offset": "many"},
    ],
)
def test_external_data_that_leads_elsewhere_or_does_not_fit_is_refused(
    entries: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "bundle"
    (folder / "folder").mkdir(parents=True)
    for place in (tmp_path, folder, folder / "folder"):
        (place / "w.data").write_bytes(bytes(12))
    (tmp_path / "secret").write_bytes(bytes(12))
    (folder / "link.data").symlink_to(tmp_path / "secret")
    os.link(tmp_path / "secret", folder / "hard.data")
    path = _with_external_data(folder, **entries)
    with pytest.raises(RefusedError):
        _run_external(path)


@pytest.mark.cuda
@pytest.mark.parametrize("name", ["pt2", "script"])
def test_a_form_runs_on_cuda(name: str, exports: Path) -> None:
    arrays = draw(build("generator").spec, {"batch": 3}, 0)
    wanted = eager.load(build("generator"), OPTIONS).run(arrays)["image"]
    runner = _load(exports, name, RunOptions(device="cuda"))
    np.testing.assert_allclose(runner.run(arrays)["image"], wanted, atol=1e-4)

"""Every format on every small network: what comes out is what eager gives, at other sizes too."""

from __future__ import annotations

import copy
import itertools
import logging
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.formats.networks import RIGHT, GivesDataclass, build
from toolkit import formats, runtimes
from toolkit.errors import BuildError, ExportError, UsageError
from toolkit.formats import onnx as onnx_format
from toolkit.formats import onnx_file
from toolkit.formats.base import CaptureRefusedError, NotScriptableError
from toolkit.inputs import draw
from toolkit.runtimes import eager
from toolkit.runtimes.base import RunOptions
from toolkit.spec import ModelSpec

OPTIONS = RunOptions(threads=1)
SIZES = (1, 2, 3)


def _sizes(spec: ModelSpec) -> list[dict[str, int]]:
    names = [dimension.name for dimension in spec.dimensions]
    grid = itertools.product(SIZES, repeat=len(names))
    return [dict(zip(names, sizes, strict=True)) for sizes in grid]


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("format_name", formats.NAMES)
def test_an_export_computes_what_eager_computes_at_sizes_never_traced(
    format_name: str, name: str, tmp_path: Path
) -> None:
    built = build(name)
    exporter = formats.get(format_name)
    exported = exporter.export(built, tmp_path / exporter.filename)
    runner = runtimes.runtime_for(format_name).load(exported.path, built.spec, OPTIONS)
    reference = eager.load(built, OPTIONS)
    for seed, sizes in enumerate(_sizes(built.spec)):
        arrays = draw(built.spec, sizes, seed)
        wanted, found = reference.run(arrays), runner.run(arrays)
        assert list(found) == list(wanted)
        for output, value in wanted.items():
            assert found[output].dtype == value.dtype
            np.testing.assert_allclose(found[output], value, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("format_name", formats.NAMES)
def test_nothing_is_printed_or_logged_and_no_deprecation_is_kept(
    format_name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = logging.root.manager.disable
    exporter = formats.get(format_name)
    exported = exporter.export(build("perceptron"), tmp_path / exporter.filename)
    assert capfd.readouterr() == ("", "")
    assert exported.warnings == ()
    assert logging.root.manager.disable == before
    assert [path.name for path in tmp_path.iterdir()] == [exporter.filename]


def test_formats_come_in_the_order_of_the_table_and_unknown_ones_are_named() -> None:
    assert formats.NAMES == ("onnx", "pt2", "trace", "script", "onnx-legacy")
    assert [formats.get(name).name for name in formats.NAMES] == list(formats.NAMES)
    with pytest.raises(UsageError, match="tflite") as caught:
        formats.get("tflite")
    assert "onnx" in str(caught.value.hint)


@pytest.mark.parametrize("format_name", ["onnx", "onnx-legacy"])
def test_inputs_outputs_and_axes_keep_their_names_in_the_onnx_file(
    format_name: str, tmp_path: Path
) -> None:
    built = build("recurrent")
    path = tmp_path / "model.onnx"
    formats.get(format_name).export(built, path)
    graph = onnx.load(path).graph
    shapes = {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.output)
    }
    assert shapes == {
        "x": ["time", "batch", 4],
        "h0": [2, "batch", 6],
        "c0": [2, "batch", 6],
        "y": ["time", "batch", 5],
        "h": [2, "batch", 6],
        "c": [2, "batch", 6],
    }
    assert {"LSTM"} <= {node.op_type for node in graph.node}


@pytest.mark.parametrize(("asked", "written"), [(18, 18), (20, 20), (22, 22)])
def test_the_opset_is_read_back_from_the_file(asked: int, written: int, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    exported = onnx_format.FORMAT.export(build("perceptron"), path, opset=asked)
    imports = {entry.domain: entry.version for entry in onnx.load(path).opset_import}
    assert exported.opset == imports[""] == written


def test_an_opset_that_was_not_honoured_is_an_error_and_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    with pytest.raises(ExportError, match=r"opset 11 was asked for and torch\.onnx writes 18"):
        onnx_format.FORMAT.export(build("perceptron"), path, opset=11)
    assert not path.exists()


def test_an_opset_that_is_honoured_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    exported = onnx_format.FORMAT.export(build("perceptron"), path, opset=21)
    assert exported.opset == 21


@pytest.mark.parametrize("format_name", ["onnx", "onnx-legacy"])
def test_weights_over_the_limit_go_to_one_file_beside(
    format_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_file, "LARGEST_SINGLE_FILE_BYTES", 100)
    built = build("perceptron")
    exporter = formats.get(format_name)
    exported = exporter.export(built, tmp_path / exporter.filename)
    beside = f"{exporter.filename}.data"
    assert [path.name for path in exported.extra] == [beside]
    assert sorted(path.name for path in tmp_path.iterdir()) == [exporter.filename, beside]
    runner = runtimes.get("onnxruntime").load(exported.path, built.spec, OPTIONS)
    arrays = draw(built.spec, {"batch": 3}, 0)
    np.testing.assert_allclose(
        runner.run(arrays)["logits"],
        eager.load(built, OPTIONS).run(arrays)["logits"],
        atol=1e-6,
    )


@pytest.mark.parametrize("format_name", ["onnx", "pt2"])
@pytest.mark.parametrize(
    ("name", "dimension"), [("fixes-batch", "batch"), ("loops-over-time", "time")]
)
def test_a_dimension_that_the_code_fixes_is_named(
    name: str, dimension: str, format_name: str, tmp_path: Path
) -> None:
    exporter = formats.get(format_name)
    with pytest.raises(CaptureRefusedError, match=f"fixes {dimension} = 2") as caught:
        exporter.export(build(name), tmp_path / exporter.filename)
    assert caught.value.dimension == dimension
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("format_name", ["onnx", "pt2"])
def test_a_branch_on_values_is_refused_with_the_users_line(
    format_name: str, tmp_path: Path
) -> None:
    exporter = formats.get(format_name)
    with pytest.raises(CaptureRefusedError, match="depends on computed values") as caught:
        exporter.export(build("asks-for-values"), tmp_path / exporter.filename)
    assert caught.value.dimension is None
    assert "networks.py:" in caught.value.message
    assert str(Path(__file__).parent) not in caught.value.message


def test_a_capture_refusal_crosses_process_borders_whole() -> None:
    error = CaptureRefusedError("fixed", model="net", hint="mend it", dimension="time")
    twin = copy.deepcopy(error)
    assert (twin.message, twin.model, twin.hint, twin.dimension) == (
        "fixed",
        "net",
        "mend it",
        "time",
    )


@pytest.mark.parametrize("format_name", ["onnx", "pt2"])
def test_a_range_that_the_code_narrows_is_a_warning(format_name: str, tmp_path: Path) -> None:
    exporter = formats.get(format_name)
    exported = exporter.export(build("asks-for-batch"), tmp_path / exporter.filename)
    assert "the captured graph takes batch only up to 2" in exported.warnings


@pytest.mark.parametrize("format_name", ["trace", "onnx-legacy"])
def test_a_branch_that_tracing_freezes_is_a_warning_with_the_users_line(
    format_name: str, tmp_path: Path
) -> None:
    exported = formats.get(format_name).export(build("asks-for-values"), tmp_path / "model")
    [line] = exported.warnings
    assert line.startswith("TracerWarning at networks.py:")
    assert "\n" not in line


@pytest.mark.parametrize("attempt", ["first", "second"])
def test_code_that_the_compiler_does_not_take_is_not_scriptable(
    attempt: str, tmp_path: Path
) -> None:
    with pytest.raises(NotScriptableError, match=r"(?i)lambda") as caught:
        formats.get("script").export(build("uses-lambda"), tmp_path / "model.script.pt")
    assert "networks.py:" in caught.value.message
    assert not list(tmp_path.iterdir())


def test_a_dataclass_that_the_compiler_cannot_read_is_named(tmp_path: Path) -> None:
    built = replace(build("perceptron"), module=GivesDataclass())
    with pytest.raises(NotScriptableError, match="the dataclass Given is none") as caught:
        formats.get("script").export(built, tmp_path / "model.script.pt")
    assert "a NamedTuple, tuple or dict is" in caught.value.message


@pytest.mark.parametrize("format_name", formats.NAMES)
def test_a_failed_write_leaves_no_file_and_is_an_export_error(
    format_name: str, tmp_path: Path
) -> None:
    with pytest.raises(ExportError):
        formats.get(format_name).export(build("perceptron"), tmp_path / "no-folder" / "model")
    assert not list(tmp_path.iterdir())


def test_a_model_that_cannot_run_says_so(tmp_path: Path) -> None:
    built = build("perceptron")
    built.module.layers[1] = built.module.layers[3]  # type: ignore[index,operator]
    with pytest.raises(BuildError, match="cannot run on its example inputs"):
        formats.get("onnx").export(built, tmp_path / "model.onnx")


FRESH = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from tests.formats.networks import build
from toolkit import formats, runtimes
from toolkit.inputs import draw
from toolkit.runtimes.base import RunOptions
built = build(sys.argv[2])
path = Path(sys.argv[3])
formats.get("pt2").export(built, path)
runner = runtimes.get("torch_export").load(path, built.spec, RunOptions(threads=1))
runner.run(draw(built.spec, {"time": 1, "batch": 1}, 0))
runner.run(draw(built.spec, {"time": 7, "batch": 3}, 0))
"""


@pytest.mark.parametrize("name", ["recurrent", "gated"])
def test_a_recurrent_layer_keeps_time_dynamic_in_a_process_that_exported_nothing_else(
    name: str, tmp_path: Path
) -> None:
    here = Path(__file__).resolve()
    words = [str(here.parents[2]), name, str(tmp_path / "model.pt2")]
    done = subprocess.run(
        [sys.executable, "-c", FRESH, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_an_export_leaves_the_module_its_weights_and_the_warning_filters_alone(
    tmp_path: Path,
) -> None:
    built = build("recurrent")
    filters = list(warnings.filters)
    state = {key: value.clone() for key, value in built.module.state_dict().items()}
    for name in formats.NAMES:
        formats.get(name).export(built, tmp_path / formats.get(name).filename)
    assert not built.module.training
    assert all(value.equal(state[key]) for key, value in built.module.state_dict().items())
    assert list(warnings.filters) == filters

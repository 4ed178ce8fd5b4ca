"""torch.onnx's older exporter: its opsets, and that what its trace freezes is found."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

import toolkit
from tests.formats.networks import SPECS, build
from toolkit.errors import ExportError
from toolkit.formats import onnx_legacy


@pytest.mark.parametrize("asked", [18, 19, 20])
def test_the_older_exporter_writes_the_opset_that_was_asked_for(asked: int, tmp_path: Path) -> None:
    path = tmp_path / "model.legacy.onnx"
    exported = onnx_legacy.FORMAT.export(build("perceptron"), path, opset=asked)
    imports = {entry.domain: entry.version for entry in onnx.load(path).opset_import}
    assert exported.opset == imports[""] == asked


def test_an_opset_past_the_older_exporters_last_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "model.legacy.onnx"
    with pytest.raises(ExportError, match=r"opset 21 was asked for .* ends at 20") as caught:
        onnx_legacy.FORMAT.export(build("perceptron"), path, opset=21)
    assert "onnx writes newer" in str(caught.value.hint)
    assert not path.exists()


def test_a_loop_over_time_that_the_trace_froze_is_a_baked_dimension(tmp_path: Path) -> None:
    spec = SPECS["loops-over-time"]
    (row,) = toolkit.check(spec, formats=["onnx-legacy"], failures=tmp_path)
    assert row.status == "fail"
    assert row.runtime == "onnxruntime"
    (baked,) = [found for found in row.findings if found.name == "baked-dimension"]
    assert "time" in baked.message

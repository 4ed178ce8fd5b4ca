"""The `onnx-legacy` format: a TorchScript trace translated by torch.onnx's older exporter.

What the example's path does not show is not in the file: a loop over time holds for the traced
time alone, although the axis is declared dynamic. Parity at other sizes finds that.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from toolkit.errors import ExportError
from toolkit.folders import temporary_folder
from toolkit.formats import onnx_file
from toolkit.formats.base import DEFAULT_OPSET, Exported
from toolkit.formats.capture import output_names
from toolkit.formats.captured import Captured
from toolkit.formats.flat import flattened
from toolkit.formats.quiet import quietly
from toolkit.inputs import example, to_tensors
from toolkit.reasons import reason
from toolkit.spec import ModelSpec
from toolkit.weights import Built

if TYPE_CHECKING:
    import onnx_ir

NEWEST_OPSET = 20
"""torch.onnx has no newer symbolic functions for this exporter, and gets none."""


class OnnxLegacyFormat:
    """ONNX by way of TorchScript, to be compared with `onnx`; names, axes and weights alike."""

    name = "onnx-legacy"
    filename = "model.legacy.onnx"
    runtime = "onnxruntime"

    def export(
        self,
        built: Built,
        path: Path,
        *,
        opset: int = DEFAULT_OPSET,
        captured: Captured | None = None,  # noqa: ARG002
    ) -> Exported:
        """Write the model to `path`; raises `ExportError`. The opset is read back."""
        if opset > NEWEST_OPSET:
            raise ExportError(
                f"opset {opset} was asked for and the older exporter ends at {NEWEST_OPSET}",
                model=built.spec.name,
                hint="the format onnx writes newer opsets",
            )
        with quietly() as warnings:
            built = flattened(built)
            names = output_names(built)
            # torch puts tensors of a model over 2 GB into files of their own beside it.
            with temporary_folder() as folder:
                model = _translated(built, names, opset, Path(folder) / path.name)
                extra = onnx_file.finished(model, path, built.spec.name, opset)
        return Exported(path, onnx_file.written_opset(model), tuple(warnings), extra)


def _translated(built: Built, names: list[str], opset: int, draft: Path) -> onnx_ir.Model:
    import onnx_ir

    spec = built.spec
    arguments = to_tensors(spec, example(spec))
    try:
        with torch.no_grad():
            torch.onnx.export(
                built.module,
                arguments,
                str(draft),
                input_names=[port.name for port in spec.inputs],
                output_names=names,
                dynamic_axes=_dynamic_axes(spec),
                opset_version=opset,
                dynamo=False,
                verbose=False,
            )
        return onnx_ir.load(draft)
    except Exception as error:
        raise ExportError(reason(error), model=spec.name) from error


def _dynamic_axes(spec: ModelSpec) -> dict[str, dict[int, str]]:
    """The named axes of every input and of every output that the spec describes."""
    return {
        port.name: {axis: size for axis, size in enumerate(port.shape) if isinstance(size, str)}
        for port in (*spec.inputs, *spec.outputs)
    }


FORMAT = OnnxLegacyFormat()

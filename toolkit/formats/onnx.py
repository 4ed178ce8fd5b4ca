"""The `onnx` format: torch.export's graph translated by torch.onnx into one file."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch.export import ExportedProgram
from torch.nn.attention import SDPBackend, sdpa_kernel

from toolkit import operators
from toolkit.errors import ExportError
from toolkit.formats import onnx_file
from toolkit.formats.base import DEFAULT_OPSET, CaptureRefusedError, Exported
from toolkit.formats.capture import capture, narrowed
from toolkit.formats.captured import Captured
from toolkit.formats.fixed_costs import paid_once
from toolkit.formats.quiet import quietly
from toolkit.formats.recurrent import KEPT_BY_ONNX, recurrent_shapes_in_translation
from toolkit.formats.rnn_translation import translations
from toolkit.reasons import reason
from toolkit.spec import ModelSpec
from toolkit.weights import Built

if TYPE_CHECKING:
    import onnx_ir


class OnnxFormat:
    """ONNX with named inputs, outputs and axes; weights inside the file as far as they fit."""

    name = "onnx"
    filename = "model.onnx"
    runtime = "onnxruntime"

    def export(
        self,
        built: Built,
        path: Path,
        *,
        opset: int = DEFAULT_OPSET,
        captured: Captured | None = None,
    ) -> Exported:
        """Write the model to `path`; raises `ExportError`. The opset is read back."""
        captured = captured or Captured(built)
        with quietly() as warnings:
            graph = captured.graph()
            built = captured.built
            program, model = _translated_as_can_be(captured, opset)
            notes = narrowed(built.spec, program)
            _refuse_frozen_axes(built.spec, model)
            extra = onnx_file.finished(model, path, built.spec.name, opset)
        said = (*dict.fromkeys((*graph.warnings, *warnings)), *notes)
        return Exported(path, onnx_file.written_opset(model), said, extra)


def _translated_as_can_be(captured: Captured, opset: int) -> tuple[ExportedProgram, onnx_ir.Model]:
    """The graph and its translation; with attention as plain products where it needs that.

    The fused attention of one device gives other strides than its decomposition: a view that was
    captured behind it then cannot be translated.
    """
    built, names = captured.built, captured.output_names
    program = captured.graph().program
    try:
        return program, _translate(built, program, names, opset)
    except ExportError:
        if not _has_attention(program):
            raise
        with sdpa_kernel(SDPBackend.MATH):
            program = capture(built)
            return program, _translate(built, program, names, opset)


def _has_attention(program: ExportedProgram) -> bool:
    return any("scaled_dot_product" in str(node.target) for node in program.graph.nodes)


def _translate(
    built: Built, program: ExportedProgram, names: list[str], opset: int
) -> onnx_ir.Model:
    try:
        model = _translated(built.spec, program, names, opset, quick=True)
        if not _keeps_recurrent_layers(program, model):
            model = _translated(built.spec, program, names, opset, quick=False)
    except Exception as error:
        raise ExportError(reason(error), model=built.spec.name) from error
    return model


def _translated(
    spec: ModelSpec, program: ExportedProgram, names: list[str], opset: int, *, quick: bool
) -> onnx_ir.Model:
    axes = tuple(
        {axis: size for axis, size in enumerate(port.shape) if isinstance(size, str)}
        for port in spec.inputs
    )
    shapes = recurrent_shapes_in_translation() if quick else contextlib.nullcontext()
    with shapes, paid_once():
        translated = torch.onnx.export(
            program,
            (),
            input_names=[port.name for port in spec.inputs],
            output_names=names,
            opset_version=opset,
            dynamic_shapes=axes,
            custom_translation_table={**translations(program), **operators.translations()},
            dynamo=True,
            verbose=False,
        )
    assert translated is not None
    return translated.model


def _keeps_recurrent_layers(program: ExportedProgram, model: onnx_ir.Model) -> bool:
    """Whether every kind of recurrent layer arrived as its ONNX operator."""
    captured = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    wanted = {kept for name, kept in KEPT_BY_ONNX.items() if f"aten.{name}" in captured}
    return wanted <= {str(node.op_type) for node in model.graph.all_nodes()}


def _refuse_frozen_axes(spec: ModelSpec, model: onnx_ir.Model) -> None:
    """The translation decomposes operators again, and could fix a size that capture kept."""
    declared = {str(value.name): value for value in model.graph.inputs}
    for port in spec.inputs:
        value = declared.get(port.name)
        shape = None if value is None else value.shape
        if shape is None:
            raise ExportError(f"input {port.name} is missing from the graph", model=spec.name)
        for size, written in zip(port.shape, shape, strict=True):
            if isinstance(size, str) and isinstance(written, int):
                raise CaptureRefusedError(
                    f"the translation to ONNX fixes {size} = {written}",
                    model=spec.name,
                    dimension=size,
                )


FORMAT = OnnxFormat()

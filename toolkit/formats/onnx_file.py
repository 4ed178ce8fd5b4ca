"""What both ONNX exporters share: opset read back, no local text, one file as far as it fits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import ExportError

if TYPE_CHECKING:
    import onnx_ir

LARGEST_SINGLE_FILE_BYTES = 2_000_000_000
"""Protobuf takes files up to 2 GiB; the rest is left for the graph itself."""


def finished(model: onnx_ir.Model, path: Path, name: str, opset: int) -> tuple[Path, ...]:
    """Write a translated model without its sources' paths; what lies beside it is returned.

    Raises `ExportError` where another opset was written than asked for, or the file cannot be.
    """
    from onnx_ir.passes import common

    common.ClearMetadataAndDocStringPass()(model)
    _refuse_another_opset(name, opset, written_opset(model))
    return _save(model, path, name)


def written_opset(model: onnx_ir.Model) -> int:
    """The opset of ONNX's own operators, as the file says it."""
    return int(model.opset_imports[""])


def _refuse_another_opset(name: str, asked: int, written: int) -> None:
    """Some opsets stay another in silence: who gates on an opset must not get a wrong one."""
    if written != asked:
        raise ExportError(
            f"opset {asked} was asked for and torch.onnx writes {written}",
            model=name,
            hint="--opset takes 18 to the newest that this torch.onnx writes; the default is 20",
        )


def _save(model: onnx_ir.Model, path: Path, name: str) -> tuple[Path, ...]:
    import onnx_ir

    weights_bytes = sum(
        value.const_value.nbytes
        for value in model.graph.initializers.values()
        if value.const_value is not None
    )
    beside = path.with_name(f"{path.name}.data")
    external = weights_bytes > LARGEST_SINGLE_FILE_BYTES
    try:
        if external:
            onnx_ir.save(model, path, external_data=beside.name)
        else:
            onnx_ir.save(model, path)
    except OSError as error:
        raise ExportError(f"cannot write the file: {error.strerror}", model=name) from error
    return (beside,) if external else ()

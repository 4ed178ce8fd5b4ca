"""What both ONNX exporters share: opset read back, no local text, one file as far as it fits.

Weights that do not fit lie in one file beside it, which is always called the same: the name of the
ONNX file with `.data` behind it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import ExportError
from toolkit.reasons import one_line

if TYPE_CHECKING:
    import onnx_ir

LARGEST_SINGLE_FILE_BYTES = 2_000_000_000
"""Protobuf takes files up to 2 GiB; the rest is left for the graph itself."""
ALIGNMENT_BYTES = 65_536
"""Where large tensors begin in external data: every system's unit of memory mapping divides it."""


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


def external_file(path: Path) -> Path:
    """The one file in which the weights of the ONNX file `path` lie where they do not fit."""
    return path.with_name(f"{path.name}.data")


def _refuse_another_opset(name: str, asked: int, written: int) -> None:
    """Some opsets stay another in silence: who gates on an opset must not get a wrong one."""
    if written != asked:
        raise ExportError(
            f"opset {asked} was asked for and torch.onnx writes {written}",
            model=name,
            hint="--opset takes 18 to the newest that this torch.onnx writes; the default is 20",
        )


def _save(model: onnx_ir.Model, path: Path, name: str) -> tuple[Path, ...]:
    """Write the file, and the one beside it; half of either is taken away again."""
    import onnx_ir

    beside = external_file(path)
    external = _weights_bytes(model) > LARGEST_SINGLE_FILE_BYTES
    try:
        if external:
            onnx_ir.save(
                model, path, external_data=beside.name, alignment=ALIGNMENT_BYTES, max_workers=1
            )
        else:
            onnx_ir.save(model, path)
    except Exception as error:  # an OSError, or protobuf's own about a graph over 2 GiB
        path.unlink(missing_ok=True)
        beside.unlink(missing_ok=True)
        said = error.strerror if isinstance(error, OSError) else None
        text = said or one_line(str(error))
        raise ExportError(f"cannot write the file: {text}", model=name) from error
    return (beside,) if external else ()


def _weights_bytes(model: onnx_ir.Model) -> int:
    return sum(
        value.const_value.nbytes
        for graph in model.graphs()
        for value in graph.initializers.values()
        if value.const_value is not None
    )

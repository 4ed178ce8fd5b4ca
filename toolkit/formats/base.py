"""The protocol of a format: a built model in, one file out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from toolkit.errors import ExportError
from toolkit.weights import Built

DEFAULT_OPSET = 20


@dataclass(frozen=True)
class Exported:
    """One written form: its file, the opset read back (ONNX only), the warnings of the exporter."""

    path: Path
    opset: int | None = None
    warnings: tuple[str, ...] = ()


class CaptureRefusedError(ExportError):
    """The exporter would not take the model; `dimension` is the one it could not keep dynamic."""

    name = "capture-refused"
    dimension: str | None = None


class Format(Protocol):
    """A form that a model can be exported to."""

    name: str
    filename: str
    runtime: str

    def export(self, built: Built, path: Path, *, opset: int = DEFAULT_OPSET) -> Exported:
        """Write the model to `path`; raises `ExportError` with the exporter's own reason."""
        ...

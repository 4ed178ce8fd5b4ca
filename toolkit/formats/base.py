"""The protocol of a format: a built model in, one file out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from toolkit.errors import ExportError

if TYPE_CHECKING:
    from toolkit.formats.captured import Captured
    from toolkit.weights import Built

DEFAULT_OPSET = 20


@dataclass(frozen=True)
class Exported:
    """One written form: its file, the opset read back (ONNX only), the warnings of the exporter.

    `extra` are the files that belong to it and lie beside it (external data).
    """

    path: Path
    opset: int | None = None
    warnings: tuple[str, ...] = ()
    extra: tuple[Path, ...] = ()


class CaptureRefusedError(ExportError):
    """The exporter would not take the model; `dimension` is the one it could not keep dynamic.

    `dimension` is None where a branch on computed values is the cause, or several dimensions
    together.
    """

    name = "capture-refused"

    def __init__(
        self,
        message: str,
        *,
        model: str | None = None,
        hint: str | None = None,
        dimension: str | None = None,
    ) -> None:
        super().__init__(message, model=model, hint=hint)
        self.dimension = dimension

    def __reduce__(self) -> tuple[object, ...]:
        """Cross process borders whole."""
        return (_rebuild_refusal, (self.message, self.model, self.hint, self.dimension))


def _rebuild_refusal(
    message: str, model: str | None, hint: str | None, dimension: str | None
) -> CaptureRefusedError:
    return CaptureRefusedError(message, model=model, hint=hint, dimension=dimension)


class NotScriptableError(ExportError):
    """TorchScript's compiler does not take the module's code."""

    name = "not-scriptable"


class Format(Protocol):
    """A form that a model can be exported to."""

    name: str
    filename: str
    runtime: str

    def export(
        self,
        built: Built,
        path: Path,
        *,
        opset: int = DEFAULT_OPSET,
        captured: Captured | None = None,
    ) -> Exported:
        """Write the model to `path`; raises `ExportError` with the exporter's own reason.

        `captured` is the model's graph, for the formats that are made of one.
        """
        ...

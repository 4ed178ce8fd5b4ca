"""The `trace` format: TorchScript recorded from one run of the module."""

from __future__ import annotations

from pathlib import Path

import torch

from toolkit.errors import ExportError
from toolkit.formats.base import DEFAULT_OPSET, Exported
from toolkit.formats.capture import eager_output
from toolkit.formats.captured import Captured
from toolkit.formats.flat import flattened
from toolkit.formats.quiet import quietly
from toolkit.formats.torchscript import save
from toolkit.inputs import example, to_tensors
from toolkit.reasons import reason
from toolkit.weights import Built


class TraceFormat:
    """TorchScript of the path that the example took; a program, loaded only when trusted."""

    name = "trace"
    filename = "model.trace.pt"
    runtime = "torchscript"

    def export(
        self,
        built: Built,
        path: Path,
        *,
        opset: int = DEFAULT_OPSET,  # noqa: ARG002
        captured: Captured | None = None,  # noqa: ARG002
    ) -> Exported:
        """Write the trace to `path`; raises `ExportError` with the tracer's reason."""
        with quietly() as warnings:
            built = flattened(built, nested=False)  # lists and dicts hold one type in TorchScript
            arguments = to_tensors(built.spec, example(built.spec))
            strict = not _is_mutable(eager_output(built))
            try:
                with torch.no_grad():
                    traced = torch.jit.trace(  # type: ignore[no-untyped-call]
                        built.module, arguments, check_trace=False, strict=strict
                    )
            except Exception as error:
                raise ExportError(reason(error), model=built.spec.name) from error
            save(traced, path, built.spec.name)
        return Exported(path, warnings=tuple(warnings))


def _is_mutable(value: object) -> bool:
    """The tracer takes lists and dicts as outputs only when told that they are not altered."""
    if isinstance(value, tuple):
        return any(map(_is_mutable, value))
    return isinstance(value, list | dict)


FORMAT = TraceFormat()

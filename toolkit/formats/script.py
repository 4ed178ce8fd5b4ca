"""The `script` format: TorchScript compiled from the module's code."""

from __future__ import annotations

from pathlib import Path

import torch

from toolkit.formats.base import DEFAULT_OPSET, Exported, NotScriptableError
from toolkit.formats.quiet import quietly
from toolkit.formats.torchscript import save
from toolkit.reasons import reason
from toolkit.weights import Built


class ScriptFormat:
    """TorchScript with the module's own control flow; a program, loaded only when trusted."""

    name = "script"
    filename = "model.script.pt"
    runtime = "torchscript"

    def export(self, built: Built, path: Path, *, opset: int = DEFAULT_OPSET) -> Exported:  # noqa: ARG002
        """Write the module to `path`; raises `NotScriptableError` with the compiler's reason."""
        with quietly() as warnings:
            try:
                scripted = torch.jit.script(built.module)
            except Exception as error:
                raise NotScriptableError(reason(error), model=built.spec.name) from error
            save(scripted, path, built.spec.name)
        return Exported(path, warnings=tuple(warnings))


FORMAT = ScriptFormat()

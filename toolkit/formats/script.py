"""The `script` format: TorchScript compiled from the module's code."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

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
                _forget_half_compiled(built.module)
                raise NotScriptableError(reason(error), model=built.spec.name) from error
            save(scripted, path, built.spec.name)
        return Exported(path, warnings=tuple(warnings))


def _forget_half_compiled(module: nn.Module) -> None:
    """Torch keeps the types of a failed compilation; the next try would fail for that instead."""
    store = getattr(torch.jit._recursive, "concrete_type_store", None)
    if store is None:
        return
    for kind in {type(part) for part in module.modules()}:
        known = store.type_store.get(kind, [])
        store.type_store[kind] = [entry for entry in known if entry in store.methods_compiled]


FORMAT = ScriptFormat()

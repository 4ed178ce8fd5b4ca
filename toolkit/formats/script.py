"""The `script` format: TorchScript compiled from the module's code."""

from __future__ import annotations

import dataclasses
import traceback
from pathlib import Path

import torch
from torch import nn

from toolkit.formats.base import DEFAULT_OPSET, Exported, NotScriptableError
from toolkit.formats.captured import Captured
from toolkit.formats.quiet import quietly
from toolkit.formats.torchscript import save
from toolkit.reasons import reason
from toolkit.weights import Built

_WITHOUT_SOURCE = "could not get source code"
"""What Python's inspect says of code that stands in no file."""


class ScriptFormat:
    """TorchScript with the module's own control flow; a program, loaded only when trusted."""

    name = "script"
    filename = "model.script.pt"
    runtime = "torchscript"

    def export(
        self,
        built: Built,
        path: Path,
        *,
        opset: int = DEFAULT_OPSET,  # noqa: ARG002
        captured: Captured | None = None,  # noqa: ARG002
    ) -> Exported:
        """Write the module to `path`; raises `NotScriptableError` with the compiler's reason."""
        with quietly() as warnings:
            try:
                scripted = torch.jit.script(built.module)
            except Exception as error:
                _forget_half_compiled(built.module)
                raise NotScriptableError(_reason(error), model=built.spec.name) from error
            save(scripted, path, built.spec.name)
        return Exported(path, warnings=tuple(warnings))


def _reason(error: Exception) -> str:
    """Why the compiler refused, and what without source code it was that it could not read."""
    said = reason(error)
    if _WITHOUT_SOURCE not in said:
        return said
    made = _dataclass_in(error)
    what = f"the dataclass {made} is" if made else "a dataclass, or code made at run time, is"
    return f"{said}: {what} none that TorchScript can compile; a NamedTuple, tuple or dict is"


def _dataclass_in(error: Exception) -> str | None:
    """The dataclass whose generated methods torch looked for in a file."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        found = frame.f_locals.get("cls")
        if isinstance(found, type) and dataclasses.is_dataclass(found):
            return found.__name__
    return None


def _forget_half_compiled(module: nn.Module) -> None:
    """Torch keeps the types of a failed compilation; the next try would fail for that instead."""
    store = getattr(torch.jit._recursive, "concrete_type_store", None)
    if store is None:
        return
    for kind in {type(part) for part in module.modules()}:
        known = store.type_store.get(kind, [])
        store.type_store[kind] = [entry for entry in known if entry in store.methods_compiled]


FORMAT = ScriptFormat()

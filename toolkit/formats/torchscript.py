"""TorchScript archives as they are written here: no local path, the same bytes every time."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from toolkit.errors import ExportError
from toolkit.formats import archive
from toolkit.reasons import reason


def save(module: Any, path: Path, name: str) -> None:
    """Write a script module to `path`; raises `ExportError` where it cannot be saved.

    It goes through memory: torch's own writer aborts the process on a full disk.
    """
    buffer = io.BytesIO()
    try:
        torch.jit.save(module, buffer)
        members = archive.canonical(archive.members(buffer.getvalue()))
        path.write_bytes(archive.packed(members))
    except Exception as error:
        path.unlink(missing_ok=True)
        raise ExportError(reason(error), model=name) from error

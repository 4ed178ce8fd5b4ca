"""A module's tensors written as safetensors, with facts about them; the facts read back."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.checkpoints.loading import own_state
from toolkit.errors import WeightsError

if TYPE_CHECKING:
    from torch import nn

METADATA_KEY = "toolkit"


def save_state(module: nn.Module, path: Path, facts: Mapping[str, Any] | None = None) -> None:
    """Write a module's tensors as safetensors, `facts` as JSON in its metadata, atomically.

    Tied tensors are written once a name. The same weights and facts give the same bytes.
    """
    from safetensors.torch import save

    tensors = {
        name: tensor.detach().cpu().clone().contiguous()
        for name, tensor in own_state(module).items()
    }
    # One key alone: safetensors writes several in an order that changes from run to run.
    metadata = {METADATA_KEY: json.dumps(facts, sort_keys=True)} if facts else None
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(save(tensors, metadata))
    partial.replace(path)


def read_facts(path: Path) -> dict[str, Any]:
    """What `save_state` noted beside the tensors; raises `WeightsError` where there is nothing."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            facts = json.loads((file.metadata() or {})[METADATA_KEY])
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise WeightsError(f"{path.name} says nothing of where it came from: {error}") from error
    if not isinstance(facts, dict):
        raise WeightsError(f"{path.name} says nothing of where it came from")
    return facts

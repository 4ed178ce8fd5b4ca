"""`weights.safetensors` of a bundle: a state dict, written without a second copy of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.bundle.exchange import umask
from toolkit.errors import BundleError
from toolkit.reasons import one_line

if TYPE_CHECKING:
    from torch import Tensor, nn


def write_state(module: nn.Module, path: Path) -> None:
    """Write a module's tensors as safetensors, those that share memory each; `BundleError`."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    try:
        save_file(_tensors(module), path)
    except SafetensorError as error:
        raise BundleError(
            f"cannot write {path.name}: {one_line(str(error))}",
            hint="-o names another place for bundles",
        ) from error
    path.chmod(0o666 & ~umask())  # the library makes files that their owner alone can read


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    """The state dict on the CPU; only what lies in memory that came before is copied."""
    import torch

    found: dict[str, Tensor] = {}
    taken: set[int] = set()
    for name, value in module.state_dict().items():
        if not isinstance(value, torch.Tensor):
            continue
        plain = value.detach().cpu().contiguous()
        place = plain.untyped_storage().data_ptr()
        found[name] = plain.clone() if place in taken else plain
        taken.add(place)
    return found

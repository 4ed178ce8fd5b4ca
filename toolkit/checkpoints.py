"""Weights files, read without running anything that stands in them, and loaded strictly."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor, nn

METADATA_KEY = "toolkit"
SAFETENSORS = ".safetensors"
TORCH_SUFFIXES = (".pth", ".pt", ".bin", ".ckpt")
_NAMED = 5
_WRAPPER = "module."


def load_state(module: nn.Module, path: Path, key: str | None = None) -> None:
    """Load a weights file into `module`, in place.

    `key` picks a nested state dict (`state_dict`, `model.ema`). Names and shapes must be the
    module's own; raises `WeightsError` with those that are not.
    """
    take_over(module, read_state(path, key), path.name)


def take_over(
    module: nn.Module, state: Mapping[str, Tensor], source: str, *, may_lack: Collection[str] = ()
) -> None:
    """Copy named tensors into `module`, in place; those of `may_lack` may be missing and stay.

    Raises `WeightsError`, and copies nothing, where `source` lacks or holds other names, or
    tensors of another shape or kind.
    """
    import torch

    expected = own_state(module)
    needed = [name for name in expected if name in state or name not in may_lack]
    _refuse_other_weights(source, {name: expected[name] for name in needed}, state)
    with torch.no_grad():
        for name in needed:
            expected[name].copy_(state[name])


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


def own_state(module: nn.Module) -> dict[str, Tensor]:
    """The tensors of a module's state dict; extra state that is no tensor is left out."""
    import torch

    state = module.state_dict()
    return {name: value for name, value in state.items() if isinstance(value, torch.Tensor)}


def read_state(path: Path, key: str | None = None) -> dict[str, Tensor]:
    """The named tensors of a `.safetensors` or `torch.save` file; nothing in it is executed."""
    if not path.is_file():
        raise WeightsError(f"no weights file at {path}")
    if path.suffix == SAFETENSORS:
        return _read_safetensors(path, key)
    if path.suffix not in TORCH_SUFFIXES:
        known = ", ".join((SAFETENSORS, *TORCH_SUFFIXES))
        raise WeightsError(
            f"{path.name} is no weights file that can be read", hint=f"its name must end in {known}"
        )
    return _picked(path, _read_torch(path), key)


def _read_safetensors(path: Path, key: str | None) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if key is not None:
        raise WeightsError(
            f"{path.name}: a safetensors file is flat, there is no key {key!r} to pick"
        )
    try:
        return dict(load_file(path))
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path.name} is not a whole safetensors file: {error}") from error


def _read_torch(path: Path) -> object:
    """Whatever `torch.save` wrote, if it is plain data: there is no second, unsafe try."""
    import torch

    _refuse_programs_and_bombs(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files raise nearly anything inside torch's reader
        raise WeightsError(
            f"{path.name} cannot be read as plain weights: {_reader_said(error)}",
            hint="save the state dict alone: torch.save(model.state_dict(), …) or safetensors",
        ) from error


def _reader_said(error: Exception) -> str:
    """The first sentence of torch's reader; bytes that are no checkpoint give it none."""
    said = str(error).strip().splitlines()
    if isinstance(error, KeyError | EOFError | IndexError) or not said:
        return "it is no checkpoint, or a torn one"
    return said[0].split(". ", maxsplit=1)[0].rstrip(".")


def _refuse_programs_and_bombs(path: Path) -> None:
    """A TorchScript archive is a program; `torch.save` compresses nothing, so nothing may grow."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise WeightsError(f"{path.name} is not a whole archive: {error}") from error
    if any(member.filename.endswith("/constants.pkl") for member in members):
        raise WeightsError(
            f"{path.name} is a TorchScript archive, a program: its weights are not taken from it",
            hint="save the state dict of the model that it was made from",
        )
    unpacked_bytes = sum(member.file_size for member in members)
    packed = any(member.compress_type != zipfile.ZIP_STORED for member in members)
    if packed or unpacked_bytes > path.stat().st_size:
        raise WeightsError(f"{path.name} was not written by torch.save: its members are compressed")


def _picked(path: Path, tree: object, key: str | None) -> dict[str, Tensor]:
    """The state dict at `key` (parts joined by dots), or at the top."""
    import torch

    found = _descend(path, tree, key)
    if not isinstance(found, Mapping):
        raise WeightsError(f"{path.name} holds {type(found).__name__}, not named tensors")
    others = [str(name) for name, value in found.items() if not isinstance(value, torch.Tensor)]
    tensors = {str(name): value for name, value in found.items() if str(name) not in others}
    if others:
        nested = [name for name in others if isinstance(found.get(name), Mapping)]
        hint = f"pick one: {', '.join(f'FILE:{name}' for name in nested)}" if nested else None
        raise WeightsError(
            f"{path.name} holds more than named tensors: {_listed(others)}", hint=hint
        )
    return tensors


def _descend(path: Path, tree: object, key: str | None) -> object:
    if key is None:
        return tree
    if isinstance(tree, Mapping) and key in tree:
        return tree[key]
    found: Any = tree
    for part in key.split("."):
        if not isinstance(found, Mapping) or part not in found:
            known = _listed([str(name) for name in tree]) if isinstance(tree, Mapping) else "none"
            raise WeightsError(f"{path.name} has no key {key!r}", hint=f"its keys: {known}")
        found = found[part]
    return found


def _refuse_other_weights(
    source: str, expected: Mapping[str, Tensor], state: Mapping[str, Tensor]
) -> None:
    """Name what is missing, unexpected, of another shape or of another kind."""
    shared = [name for name in expected if name in state]
    reasons = {
        "missing": [name for name in expected if name not in state],
        "unexpected": [name for name in state if name not in expected],
        "of another shape": [
            f"{name} {tuple(state[name].shape)} for {tuple(expected[name].shape)}"
            for name in shared
            if state[name].shape != expected[name].shape
        ],
        "of another kind": [
            f"{name} {state[name].dtype} for {expected[name].dtype}"
            for name in shared
            if _kind(state[name]) != _kind(expected[name])
        ],
    }
    found = [f"{kind}: {_listed(names)}" for kind, names in reasons.items() if names]
    if found:
        raise WeightsError(
            f"{source} does not belong to this model: {'; '.join(found)}",
            hint=_hint(expected, state),
        )


def _kind(tensor: Tensor) -> tuple[bool, bool]:
    return tensor.is_floating_point(), tensor.is_complex()


def _hint(expected: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> str | None:
    wrapped = bool(state) and all(name.startswith(_WRAPPER) for name in state)
    if wrapped and {name.removeprefix(_WRAPPER) for name in state} == set(expected):
        return f"the names begin with {_WRAPPER!r}: save the state dict of the wrapped model"
    return None


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more

"""What a weights file holds, by its kind; there is no second, unsafe try."""

from __future__ import annotations

import argparse
import json
import re
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.checkpoints.telling import listed
from toolkit.errors import WeightsError
from toolkit.reasons import one_line

if TYPE_CHECKING:
    from torch import Tensor

SAFETENSORS = ".safetensors"
TORCH_SUFFIXES = (".pth", ".pt", ".bin", ".ckpt")
INDEX = ".index.json"
"""How the file ends that says which shard holds which tensor."""
_POINTER = b"version https://git-lfs"
_MEND = (
    "where its code is at hand, load it and save the tensors alone: "
    "torch.save(model.state_dict(), …)"
)
_HOLDERS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [argparse.Namespace]
"""The one class besides torch's own that is made: what training scripts save as their options.

It has no `__setstate__`, `__reduce__` or `__new__`, and its constructor calls nothing: a file can
give it attributes, and they are again of plain data. Nothing here calls or shows any of them.
"""
_OBJECT = re.compile(r"GLOBAL ([\w.]+)")
_ADVICE = "weights_only"
_READER_SAID = re.compile(r"WeightsUnpickler error:\s*([^\n]+)")


def read_tree(path: Path) -> object:
    """Whatever a weights file holds: named tensors, or `torch.save`'s plain data around them.

    Raises `WeightsError` for what is not there, not whole, not known, or more than plain data.
    """
    if not path.is_file():
        raise _absent(path)
    if path.name.endswith(INDEX):
        return _read_shards(path)
    return _read_file(path)


def _absent(path: Path) -> WeightsError:
    if not path.is_dir():
        return WeightsError(f"no weights file at {path}")
    try:
        inside = sorted(file.name for file in path.iterdir() if _is_known(file))
    except OSError:  # the folder may not be looked into: then no file in it is named
        inside = []
    return WeightsError(
        f"{path} is a folder, not a weights file",
        hint=f"name a file in it: {listed(inside)}" if inside else None,
    )


def _is_known(path: Path) -> bool:
    return path.suffix in (SAFETENSORS, *TORCH_SUFFIXES) or path.name.endswith(INDEX)


def _read_file(path: Path) -> object:
    if not _is_known(path):
        known = ", ".join((SAFETENSORS, *TORCH_SUFFIXES, INDEX))
        raise WeightsError(
            f"{path.name} is no weights file that can be read", hint=f"its name must end in {known}"
        )
    _refuse_pointer(path)
    return _read_safetensors(path) if path.suffix == SAFETENSORS else _read_torch(path)


def _refuse_pointer(path: Path) -> None:
    """Git LFS leaves a few lines of text where the file itself was not fetched."""
    try:
        with path.open("rb") as file:
            begins = file.read(len(_POINTER))
    except OSError as error:
        raise WeightsError(f"{path.name} cannot be read: {error.strerror}") from error
    if begins == _POINTER:
        raise WeightsError(
            f"{path.name} is a pointer of Git LFS, not the weights themselves",
            hint="git lfs pull fetches them",
        )


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(path))
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path.name} is not a whole safetensors file: {error}") from error


def _read_shards(index: Path) -> dict[str, Tensor]:
    """The tensors of all the files that an index names; they lie beside it."""
    places = _places(index)
    tensors: dict[str, Tensor] = {}
    for name in dict.fromkeys(places.values()):
        shard = index.with_name(name)
        if not shard.is_file():
            raise WeightsError(f"{index.name} names {name}, which is not beside it")
        held = _read_file(shard)
        if not isinstance(held, Mapping):
            raise WeightsError(f"{name} holds {type(held).__name__}, not named tensors")
        tensors.update(held)
    lacking = [name for name in places if name not in tensors]
    if lacking:
        raise WeightsError(f"{index.name} names tensors that no shard holds: {listed(lacking)}")
    return tensors


def _places(index: Path) -> dict[str, str]:
    """Which file holds which tensor, each in the index's own folder and itself no index."""
    try:
        places = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        found = {str(name): str(file) for name, file in places.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WeightsError(f"{index.name} is no index of shards: it has no weight_map") from error
    for file in found.values():
        if Path(file).name != file or file.endswith(INDEX):
            raise WeightsError(f"{index.name} names {file!r}, which is no file beside it")
    return found


def _read_torch(path: Path) -> object:
    import torch
    from torch.serialization import safe_globals

    _refuse_programs_and_bombs(path)
    try:
        with warnings.catch_warnings(), safe_globals(_HOLDERS):
            warnings.simplefilter("ignore")  # of pickle's protocol: what it cannot read, it refuses
            # Not mapped into memory: then torch would not compare a tensor's size with its record.
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files raise nearly anything inside torch's reader
        raise _unreadable(path, error) from error


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


def _unreadable(path: Path, error: Exception) -> WeightsError:
    """Why torch's reader of plain data refused a file, without its advice to use the other one."""
    found = _OBJECT.search(str(error))
    if found is not None:
        objects = _objects(path) or [found[1]]
        network = any(name.startswith("torch.nn.modules.") for name in objects)
        what = "it is a whole pickled network" if network else "it holds Python objects"
        said = f"{what} ({listed(objects)}), and making those can run any code"
        return WeightsError(f"{path.name} cannot be read as plain weights: {said}", hint=_MEND)
    return WeightsError(
        f"{path.name} cannot be read: it is no checkpoint, or a torn one ({_said(path, error)})",
        hint="a checkpoint is written by torch.save(model.state_dict(), …) or safetensors",
    )


def _said(path: Path, error: Exception) -> str:
    """The reader's own words; of bytes that torch.save did not write it has none that help."""
    unpickler = _READER_SAID.search(str(error))
    if unpickler and zipfile.is_zipfile(path):
        return unpickler[1].rstrip(".")
    said = one_line(str(error)).split(". ", maxsplit=1)[0].strip(". ")
    helps = not isinstance(error, KeyError | EOFError | IndexError) and _ADVICE not in str(error)
    return said if said and helps else "torch.save did not write it"


def _objects(path: Path) -> list[str]:
    """All that a checkpoint would make besides plain data, read off it without making anything."""
    from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

    try:
        with safe_globals(_HOLDERS):
            return sorted(get_unsafe_globals_in_checkpoint(str(path)))
    except Exception:  # older archives cannot be looked through; what stopped the reader is known
        return []

"""SHA-256 of files and of a model's weights.

The hash of weights is independent of how they are stored. Per tensor, in the order of the sorted
names: the line `name|dtype|d0,d1,…` in UTF-8, a newline, then the values row by row in
little-endian order.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_CHUNK_BYTES = 1 << 20


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal; OSError where it cannot be read."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def bytes_sha256(data: bytes) -> str:
    """The SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def state_dict_sha256(state: Mapping[str, Tensor]) -> str:
    """The SHA-256 of named tensors by the rule above; device and storage do not matter."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach()
        dtype = str(tensor.dtype).removeprefix("torch.")
        shape = ",".join(map(str, tensor.shape))
        digest.update(f"{name}|{dtype}|{shape}\n".encode())
        digest.update(tensor_bytes(tensor))
    return digest.hexdigest()


def tensor_bytes(tensor: Tensor) -> bytes:
    """The values of a tensor row by row, little-endian, whatever its dtype."""
    import torch

    plain = tensor.detach().cpu().contiguous().resolve_conj().resolve_neg()
    raw = plain.reshape(-1).view(torch.uint8).numpy()
    if sys.byteorder == "big" and plain.element_size() > 1:
        raw = raw.reshape(-1, plain.element_size())[:, ::-1]
    return bytes(raw.tobytes())

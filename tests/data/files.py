"""Published data sets in small, in the formats that they are published in."""

from __future__ import annotations

import hashlib
import pickle  # noqa: TID251 - CIFAR-10 is published as pickles
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


def write_idx(path: Path, array: Bytes) -> None:
    """The IDX format of MNIST: a magic number with type and rank, the sizes, then the bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    path.write_bytes(head + array.tobytes())


def write_mnist(root: Path, kind: str = "MNIST", *, train: int = 30, held_out: int = 10) -> None:
    """Images whose every pixel is ten times their class, classes in turn."""
    for part, count in (("train", train), ("t10k", held_out)):
        classes = np.arange(count, dtype=np.uint8) % 10
        images = np.broadcast_to(10 * classes[:, None, None], (count, 28, 28)).astype(np.uint8)
        write_idx(root / kind / "raw" / f"{part}-images-idx3-ubyte", images)
        write_idx(root / kind / "raw" / f"{part}-labels-idx1-ubyte", classes)


def write_cifar10(root: Path, patch: pytest.MonkeyPatch | None, *, count: int = 10) -> None:
    """Five batches and one held out: red is the class, green the batch, blue the row.

    With a `patch` torchvision takes their sums for the published ones.
    """
    from torchvision.datasets import CIFAR10

    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    sums = {}
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    for number, name in enumerate(names):
        classes = [(row + number) % 10 for row in range(count)]
        planes = [classes, [number] * count, list(range(count))]
        pixels = np.repeat(np.array(planes, dtype=np.uint8).T, 1024, axis=1)
        sums[name] = _pickled(folder / name, {"data": pixels, "labels": classes})
    sums["batches.meta"] = _pickled(folder / "batches.meta", {"label_names": list("abcdefghij")})
    if patch is not None:
        patch.setattr(CIFAR10, "train_list", [[name, sums[name]] for name in names[:5]])
        patch.setattr(CIFAR10, "test_list", [["test_batch", sums["test_batch"]]])
        patch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": sums["batches.meta"]})


def _pickled(path: Path, value: object) -> str:
    path.write_bytes(pickle.dumps(value))
    return hashlib.md5(path.read_bytes()).hexdigest()

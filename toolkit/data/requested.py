"""Published sets that are read through torchvision: from a folder, or downloaded to one.

CIFAR-10 is published as pickles. torchvision compares the MD5 sum of every one of its files with
the published sum before it opens any, whether they were downloaded or lay there: a file of someone
else's is refused unopened.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.data.images import SIDE, Images, as_samples, padded, require_fit, side_of
from toolkit.data.samples import Array, TensorSamples, Wanted
from toolkit.errors import DataError
from toolkit.folders import cache_folder

_BYTE_MAXIMUM = 255.0
_IMAGES_RANK = 4
_COLOURED = (3, 32, 32)

Parts = tuple[TensorSamples, TensorSamples]
Loader = Callable[[Wanted], Parts]

# The name of each set, and that of torchvision's class, whose folder bears it too.
GREY = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST"}


def grey(name: str) -> Loader:
    """MNIST or Fashion-MNIST: 60,000 and 10,000 images of 28x28, padded to 32x32 where asked."""

    def load(wanted: Wanted) -> Parts:
        side = side_of(name, wanted.shape)
        require_fit(name, wanted.shape, (1, side, side))
        parts = []
        for train in (True, False):
            found = _read(name, GREY[name], train, wanted.data_dir)
            pixels = found.data.numpy()[:, None]
            images = _images(name, pixels, found.targets.numpy(), (1, SIDE, SIDE))
            images = Images(padded(images.pixels, side), images.classes)
            parts.append(as_samples(name, images, wanted))
        return parts[0], parts[1]

    return load


def cifar10(wanted: Wanted) -> Parts:
    """CIFAR-10: 50,000 and 10,000 images of 3x32x32."""
    require_fit("cifar10", wanted.shape, _COLOURED)  # before anything is downloaded
    parts = []
    for train in (True, False):
        found = _read("cifar10", "CIFAR10", train, wanted.data_dir)
        pixels = found.data.transpose(0, 3, 1, 2)
        images = _images("cifar10", pixels, np.asarray(found.targets), _COLOURED)
        parts.append(as_samples("cifar10", images, wanted))
    return parts[0], parts[1]


def place(data_dir: Path | None) -> Path:
    """The folder in which torchvision looks for its sets, and to which it downloads them."""
    return cache_folder() / "data" if data_dir is None else data_dir


def own_folder(name: str, data_dir: Path | None) -> Path:
    """The folder of one set in there."""
    return place(data_dir) / GREY.get(name, "cifar-10-batches-py")


def _read(name: str, kind: str, train: bool, data_dir: Path | None) -> Any:
    """One part of a set, downloaded where it is not there yet; raises `DataError`."""
    from torchvision import datasets

    folder = place(data_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return getattr(datasets, kind)(folder, train=train, download=True)
    except Exception as error:  # a network or a damaged file raises nearly anything in there
        raise DataError(
            f"{name} cannot be had: {_reason(error)}",
            hint="--data-dir FOLDER reads it from a folder laid out as torchvision does "
            f"({_layout(kind)}); or download it once on a machine with a network",
        ) from error


def _layout(kind: str) -> str:
    return "cifar-10-batches-py/data_batch_1" if kind == "CIFAR10" else f"{kind}/raw/*-ubyte"


def _reason(error: Exception) -> str:
    """The first line of what torchvision raised, and the last, which is the network's own."""
    kind = type(error).__name__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return kind
    last = f" ({lines[-1]})" if len(lines) > 1 else ""
    return f"{kind}: {lines[0].rstrip(':')}{last}"


def _images(name: str, pixels: Array, classes: Array, shape: tuple[int, ...]) -> Images:
    """Bytes as pixels in [0, 1]; files that do not belong together are refused."""
    fits = pixels.ndim == _IMAGES_RANK and pixels.shape[1:] == shape and pixels.dtype == np.uint8
    if not fits or len(pixels) != len(classes) or not len(pixels):
        raise DataError(
            f"{name}: its files hold {len(pixels)} images of shape {pixels.shape[1:]} and "
            f"{len(classes)} classes",
            hint=f"expected as many of each, and images of shape {shape}",
        )
    return Images(pixels.astype(np.float32) / np.float32(_BYTE_MAXIMUM), classes)

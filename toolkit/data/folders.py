"""A folder of image files, one folder a class: read file by file, as they are needed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from toolkit.data.images import fixed
from toolkit.data.samples import HELD_OUT_SHARE, SPLIT_SEED, DataSet, Wanted
from toolkit.errors import DataError, ImageError
from toolkit.images import as_sample, read_image
from toolkit.spec import Preprocess

if TYPE_CHECKING:
    from torch import Tensor

NAME = "image-folder"
_TRAIN = "train"
_HELD_OUT = ("val", "valid", "validation", "test")
_CHANNELS = (1, 3)
_IMAGE_RANK = 3

Transform = Callable[[Path], "Tensor"]


@dataclass(frozen=True, eq=False)
class FileSamples:
    """Images that are read and transformed when they are taken."""

    files: Sequence[Path]
    targets: Tensor
    transform: Transform

    def take(self, rows: Tensor) -> tuple[Tensor, ...]:
        """The images (N, C, H, W) of these samples."""
        import torch

        return (torch.stack([self.transform(self.files[row]) for row in rows.tolist()]),)

    def chosen(self, rows: Tensor, targets: Tensor) -> FileSamples:
        """These samples alone, under new targets."""
        return replace(self, files=[self.files[row] for row in rows.tolist()], targets=targets)


def load(wanted: Wanted) -> DataSet:
    """The images of `data_dir`; its name and its classes' names are those of folders.

    Where the folder holds `train` and one of `val`, `valid`, `validation` and `test`, these are
    the two parts; else a fifth of every class is held out, the same one every time.
    """
    if wanted.data_dir is None:
        raise DataError(
            f"{NAME} needs the folder of the images",
            hint="--data-dir FOLDER, which holds one folder a class",
        )
    folder = wanted.data_dir
    transform = _transform(wanted)
    found = _parts(folder)
    (train_files, train_classes), (held_out_files, held_out_classes) = found[:2]
    return DataSet(
        f"{NAME}:{folder.resolve().name}",
        FileSamples(train_files, _targets(train_classes), transform),
        FileSamples(held_out_files, _targets(held_out_classes), transform),
        found[2],
    )


def files_of(folder: Path) -> list[Path]:
    """Every file below the folder, in order; none where it is not there."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


Listed = tuple[list[Path], list[int]]


def _parts(folder: Path) -> tuple[Listed, Listed, tuple[str, ...]]:
    named = next((folder / name for name in _HELD_OUT if (folder / name).is_dir()), None)
    if not (folder / _TRAIN).is_dir() or named is None:
        listed, labels = _listed(folder)
        return (*_split(listed), labels)
    train, labels = _listed(folder / _TRAIN)
    held_out, others = _listed(named)
    if labels != others:
        raise DataError(
            f"{folder.name}: {_TRAIN} and {named.name} hold other classes",
            hint=f"only in one: {', '.join(sorted(set(labels) ^ set(others)))}",
        )
    return train, held_out, labels


def _listed(folder: Path) -> tuple[Listed, tuple[str, ...]]:
    """Files with their classes, and the classes' names in order."""
    from torchvision.datasets import ImageFolder

    try:
        found = ImageFolder(folder)
    except OSError as error:  # no such folder, no folder a class, or one without images
        reason = str(error).splitlines()[0].replace(str(folder), folder.name)
        raise DataError(
            f"{NAME}: {folder.name} is no folder of images: {reason}",
            hint="--data-dir FOLDER holds one folder a class, each with images of that class",
        ) from error
    files, classes = [Path(path) for path, _ in found.samples], list(found.targets)
    return (files, classes), tuple(found.classes)


def _split(listed: Listed) -> tuple[Listed, Listed]:
    files, classes = listed
    generator = np.random.default_rng(SPLIT_SEED)
    held_out: set[int] = set()
    for each in sorted(set(classes)):
        rows = [row for row, of in enumerate(classes) if of == each]
        order = generator.permutation(rows)
        held_out.update(int(row) for row in order[: round(len(order) * HELD_OUT_SHARE)])
    if not held_out:
        raise DataError(
            f"{NAME}: {len(files)} images are too few to hold a fifth of a class out",
            hint="three of a class are enough for one to judge by",
        )
    rest = [row for row in range(len(files)) if row not in held_out]
    return _rows(listed, rest), _rows(listed, sorted(held_out))


def _rows(listed: Listed, rows: list[int]) -> Listed:
    files, classes = listed
    return [files[row] for row in rows], [classes[row] for row in rows]


def _targets(classes: list[int]) -> Tensor:
    import torch

    return torch.tensor(classes, dtype=torch.int64)


def _transform(wanted: Wanted) -> Transform:
    """A file as one sample: as an image to predict is prepared, else by the training plan."""
    shape = fixed(NAME, wanted.shape)
    steps = wanted.preprocess or _by_plan(wanted, shape)
    side = steps.crop + 2 * steps.padding
    if math.prod(shape) != steps.channels * side * side:
        raise DataError(
            f"{NAME} cannot be given in the shape {shape}",
            hint=f"its images are prepared in the shape {(steps.channels, side, side)}",
        )

    def transform(path: Path) -> Tensor:
        try:
            return as_sample(read_image(path), steps).reshape(shape)
        except ImageError as error:
            raise DataError(
                f"{NAME}: {path.parent.name}/{path.name}: {error.message}",
                hint=error.hint or "mend or remove the file",
            ) from error

    return transform


def _by_plan(wanted: Wanted, shape: tuple[int, ...]) -> Preprocess:
    """The shorter side resized, a square cut out of the middle, in the plan's range of pixels."""
    if len(shape) != _IMAGE_RANK or shape[0] not in _CHANNELS or shape[1] != shape[2]:
        raise DataError(
            f"{NAME} cannot be given in the shape {shape}",
            hint="images are square, (1, side, side) or (3, side, side)",
        )
    low, high = wanted.pixel_range
    mean, std = wanted.mean, wanted.std
    if not mean:  # low + (high - low) · x, as a mean and a standard deviation
        mean, std = (-low / (high - low),), (1 / (high - low),)
    return Preprocess(shape[0], shape[1], shape[1], mean, std)

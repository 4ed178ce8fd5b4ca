"""Data sets by name. One that cannot be had is a `DataError`, never a silent replacement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit import labels
from toolkit.data import embedded, folders, made, requested
from toolkit.data.samples import DataSet, Samples, Wanted
from toolkit.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

_Parts = Callable[[Wanted], tuple[Samples, Samples]]
_EMBEDDED: dict[str, tuple[_Parts, tuple[str, ...]]] = {
    "digits": (embedded.digits, labels.DIGITS),
    "coloured-digits": (embedded.coloured_digits, labels.DIGITS),
    "digit-features": (embedded.digit_features, labels.DIGITS),
    "token-sequences": (made.token_sequences, ("second set", "first set")),
    "synthetic": (made.synthetic, ("outside", "inside")),
}
_PUBLISHED: dict[str, tuple[_Parts, tuple[str, ...]]] = {
    "mnist": (requested.grey("mnist"), labels.DIGITS),
    "fashion-mnist": (requested.grey("fashion-mnist"), labels.FASHION_MNIST),
    "cifar10": (requested.cifar10, labels.CIFAR10),
}

EMBEDDED = tuple(_EMBEDDED)
"""The sets that are always at hand."""

ON_REQUEST = (*_PUBLISHED, folders.NAME)
"""The sets that must be downloaded or lie in a folder of the user's."""


def names() -> tuple[str, ...]:
    """The data sets that there are."""
    return (*EMBEDDED, *ON_REQUEST)


def load(name: str, wanted: Wanted) -> DataSet:
    """The data set as it is wanted; `name` may also be the path of a folder of images.

    `wanted.classes` keeps the samples of these classes, numbered anew in that order;
    `wanted.positive` makes a binary target, 1 for these classes (as they are numbered by the set).
    Raises `DataError`.
    """
    name, wanted = _meant(name, wanted)
    if name == folders.NAME:
        found = folders.load(wanted)
    else:
        loader, classes = (_EMBEDDED | _PUBLISHED)[name]
        train, held_out = loader(wanted)
        found = DataSet(name, train, held_out, classes)
    return _relabelled(found, wanted) if wanted.classes or wanted.positive else found


def identity(name: str, data_dir: Path | None = None) -> list[str]:
    """What tells the files of a set from others: names, sizes and times, none where embedded.

    A set that is not there yet has none: what was made of it is not to be found again by it.
    """
    name, wanted = _meant(name, Wanted((), data_dir=data_dir))
    if name in EMBEDDED:
        return []
    published = name in _PUBLISHED
    folder = requested.own_folder(name, wanted.data_dir) if published else wanted.data_dir
    if folder is None:
        return []
    return [
        f"{path.relative_to(folder)} {path.stat().st_size} {path.stat().st_mtime_ns}"
        for path in folders.files_of(folder)
    ]


def _meant(name: str, wanted: Wanted) -> tuple[str, Wanted]:
    """The set's own name: a path means the images in that folder."""
    if name in names():
        return name, wanted
    if Path(name).is_dir():
        return folders.NAME, replace(wanted, data_dir=Path(name))
    raise DataError(
        f"there is no data set {Path(name).name!r}",
        hint=f"the data sets are: {', '.join(names())}, or a folder that holds images",
    )


def _relabelled(found: DataSet, wanted: Wanted) -> DataSet:
    classes = wanted.classes or tuple(range(len(found.labels)))
    unknown = [each for each in (*classes, *wanted.positive) if each >= len(found.labels)]
    if unknown:
        raise DataError(f"{found.name} has {len(found.labels)} classes, none numbered {unknown[0]}")
    kept = tuple(found.labels[each] for each in classes)
    if wanted.positive:
        kept = ("others", ", ".join(found.labels[each] for each in wanted.positive))
    train, held_out = (
        _chosen(part, classes, wanted.positive) for part in (found.train, found.held_out)
    )
    return DataSet(found.name, train, held_out, kept)


def _chosen(part: Samples, classes: tuple[int, ...], positive: tuple[int, ...]) -> Samples:
    import torch

    rows = torch.isin(part.targets, torch.tensor(classes)).nonzero().squeeze(1)
    return part.chosen(rows, _numbered(part.targets[rows], classes, positive))


def _numbered(targets: Tensor, classes: tuple[int, ...], positive: tuple[int, ...]) -> Tensor:
    import torch

    if positive:
        return torch.isin(targets, torch.tensor(positive)).long()
    places = torch.full((max(classes) + 1,), -1)
    places[torch.tensor(classes)] = torch.arange(len(classes))
    return places[targets]

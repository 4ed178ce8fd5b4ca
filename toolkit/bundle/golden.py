"""`golden.npz`: inputs and the outputs that are expected for them, for a check on another machine.

Keys are `CASE/GROUP/NAME`: the case's number, one of `inputs`, `eager`, `oracle` or `noise`, and
the name of the input or output.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import BundleError

LARGEST_BYTES = 8 * 2**20
"""Of `golden.npz` with all its headers; later cases that do not fit are left out."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_HEADERS_BYTES = 512
"""More than a member's two zip headers and its npy header take, names aside."""

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class GoldenCase:
    """One case: its inputs, what eager and the float64 oracle gave, and the noise per output."""

    inputs: Arrays
    eager: Arrays
    oracle: Arrays = field(default_factory=dict)
    noise: Arrays = field(default_factory=dict)

    def members(self, number: int) -> dict[str, NDArray[Any]]:
        """Its arrays by their keys in the file."""
        return {
            f"{number:04d}/{group.name}/{name}": np.asarray(array)
            for group in fields(self)
            for name, array in getattr(self, group.name).items()
        }


def write(path: Path, cases: Sequence[GoldenCase], limit_bytes: int = LARGEST_BYTES) -> int:
    """Write as many of the cases as fit, in order; returns how many. The same bytes every time."""
    kept = 0
    total_bytes = _HEADERS_BYTES
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for case in cases:
            members = case.members(kept)
            needed_bytes = sum(map(_stored_bytes, members.items()))
            if total_bytes + needed_bytes > limit_bytes:
                continue
            total_bytes += needed_bytes
            kept += 1
            for key, array in members.items():
                archive.writestr(zipfile.ZipInfo(f"{key}.npy", _EPOCH), _npy(array))
    return kept


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write an `.npz` of arrays under any names: numpy's own takes some for its parameters."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), _npy(np.asarray(array)))


def _stored_bytes(member: tuple[str, NDArray[Any]]) -> int:
    key, array = member
    return array.nbytes + 3 * len(key.encode()) + _HEADERS_BYTES


def _npy(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array, order="C"), allow_pickle=False)
    return stream.getvalue()


def read(path: Path, limit_bytes: int = LARGEST_BYTES) -> list[GoldenCase]:
    """The cases of a file; raises `BundleError` where it is damaged or larger than is written."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = dict(_members(archive, path, limit_bytes))
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise BundleError(f"{path.name} cannot be read: {error}") from error
    return _cases(members, path)


def _members(
    archive: zipfile.ZipFile, path: Path, limit_bytes: int
) -> Iterable[tuple[str, NDArray[Any]]]:
    # Stored members cannot unpack to more than the file itself holds.
    if path.stat().st_size > limit_bytes:
        raise BundleError(f"{path.name} is larger than {limit_bytes} bytes")
    for info in archive.infolist():
        if info.compress_type != zipfile.ZIP_STORED:
            raise BundleError(f"{path.name}: {info.filename} is compressed, which ours are not")
        yield info.filename.removesuffix(".npy"), _array(archive.read(info))


def _array(data: bytes) -> NDArray[Any]:
    """Parse one array; its header may not claim more values than are there."""
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version != (1, 0):
        raise ValueError(f"npy version {version}")
    shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    claimed = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if dtype.hasobject or claimed != len(data) - stream.tell():
        raise ValueError("an array's header does not fit its data")
    stream.seek(0)
    return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))


def _cases(members: Mapping[str, NDArray[Any]], path: Path) -> list[GoldenCase]:
    known = {group.name for group in fields(GoldenCase)}
    cases: dict[str, dict[str, dict[str, NDArray[Any]]]] = {}
    for key, array in members.items():
        number, _, rest = key.partition("/")
        group, _, name = rest.partition("/")
        if group not in known or not name:
            raise BundleError(f"{path.name}: unknown member {key}")
        cases.setdefault(number, {known_as: {} for known_as in known})[group][name] = array
    return [GoldenCase(**groups) for _, groups in sorted(cases.items())]

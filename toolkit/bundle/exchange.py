"""A folder that appears whole or not at all: written beside its place, then exchanged with it.

Linux exchanges two folders in one step (`renameat2` with `RENAME_EXCHANGE`). Elsewhere two
renames under a lock do it; what a crash leaves between them is mended at the next start.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # not a POSIX system: no locks, and nothing left behind is cleared
    fcntl = None

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_NOT_HERE = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)


@contextlib.contextmanager
def replacing(destination: Path) -> Iterator[Path]:
    """A new folder beside `destination` that takes its place when the block ends without error."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    mend(destination)
    _clear_abandoned(destination)
    partial = Path(tempfile.mkdtemp(prefix=_prefix(destination), dir=destination.parent))
    try:
        with _held(partial):
            partial.chmod(0o777 & ~umask())
            yield partial
            _settle(partial)
            put_in_place(partial, destination)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def put_in_place(partial: Path, destination: Path) -> None:
    """Move a finished folder to its place; what stood there is deleted."""
    if not destination.exists():
        with contextlib.suppress(OSError):  # another writer was faster: exchange with its folder
            partial.rename(destination)
        if not partial.exists():
            return
    if not _exchanged(partial, destination):
        _swapped_by_renames(partial, destination)
    shutil.rmtree(partial, ignore_errors=True)


def mend(destination: Path) -> None:
    """Finish what a crash between two renames left: the old folder comes back."""
    previous = _previous(destination)
    if not previous.exists():
        return
    with _locked(destination):
        if not previous.exists():
            return
        if destination.exists():
            shutil.rmtree(previous, ignore_errors=True)
        else:
            previous.rename(destination)


def _exchanged(left: Path, right: Path) -> bool:
    """Exchange two folders in one step; False where the system cannot."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError, TypeError):
        return False
    words = (os.fsencode(left), os.fsencode(right))
    if rename(_AT_FDCWD, words[0], _AT_FDCWD, words[1], _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _NOT_HERE:
        return False
    raise OSError(number, os.strerror(number), str(right))


def _swapped_by_renames(partial: Path, destination: Path) -> None:
    previous = _previous(destination)
    with _locked(destination):
        shutil.rmtree(previous, ignore_errors=True)
        if destination.exists():
            destination.rename(previous)
        partial.rename(destination)
        shutil.rmtree(previous, ignore_errors=True)


def _settle(folder: Path) -> None:
    """Bring files and folder to the disk, so that a power cut cannot leave empty ones in place."""
    for path in (*sorted(folder.iterdir()), folder):
        with contextlib.suppress(OSError):  # Windows opens no folder, and settles what is written
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _clear_abandoned(destination: Path) -> None:
    """Delete what writers that no longer run have left; those that run hold a lock on theirs."""
    for folder in destination.parent.glob(f"{_prefix(destination)}*"):
        if fcntl is not None and folder.is_dir() and not folder.is_symlink():
            with contextlib.suppress(OSError), _held(folder):
                shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder; BlockingIOError where another writer holds it."""
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _locked(destination: Path) -> Iterator[None]:
    """Wait for the lock under which folders are renamed."""
    if fcntl is None:
        yield
        return
    lock = destination.parent / f".{destination.name}.lock"
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _prefix(destination: Path) -> str:
    return f".{destination.name}.partial-"


def _previous(destination: Path) -> Path:
    return destination.parent / f".{destination.name}.previous"


def umask() -> int:
    """The permissions that this process takes from new files; asking sets it for a moment."""
    mask = os.umask(0)
    os.umask(mask)
    return mask

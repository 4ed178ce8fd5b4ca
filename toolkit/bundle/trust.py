"""Which program files this user's own toolkit wrote: their hashes, in the user's state folder.

TorchScript and `.pt2` files are programs. The hashes are kept away from the bundles, which
anyone can write.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from toolkit.bundle.manifest import LIBRARY_WORDS, portable_word
from toolkit.errors import RefusedError
from toolkit.folders import state_folder
from toolkit.hashing import bytes_sha256, file_sha256

DATA_FORMATS = ("onnx", "onnx-legacy")
"""Formats that are parsed and not run; everything else is taken for a program."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


def remember(sha256: str) -> None:
    """Add a hash; one append of one line, so several processes may do it at once."""
    if is_ours(sha256):
        return
    descriptor = _opened()
    try:
        os.write(descriptor, f"{sha256}\n".encode("ascii"))
    finally:
        os.close(descriptor)


def require_record() -> None:
    """Raise `RefusedError` where no hash could be kept: found out before the work, not after."""
    os.close(_opened())


def _opened() -> int:
    path = _record()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError as error:
        raise RefusedError(
            f"{path} cannot be written: {error.strerror}",
            hint="TOOLKIT_HOME names the folder for the toolkit's cache and state",
        ) from error


def is_ours(sha256: str) -> bool:
    """Whether this user's toolkit wrote a file of that hash; torn lines do not count."""
    try:
        text = _record().read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return _SHA256.fullmatch(sha256) is not None and sha256 in text.splitlines()


def is_program(format_name: str | None) -> bool:
    """Whether loading a form of this format can run code; its file's name tells nothing."""
    return format_name not in DATA_FORMATS


def code_key(
    word: str, arguments: Sequence[str], weights_sha256: str, imports: Sequence[str] = ()
) -> str:
    """A hash for the code that a manifest names, and for where it lies on this machine.

    Words as typed and as a manifest holds them give the same key in one folder alone: code that
    goes by the same name elsewhere was not written down.
    """
    named = [portable_word(word), list(arguments), weights_sha256]
    imported = [[portable_word(one), _place_of_module(one)] for one in imports]
    return bytes_sha256(json.dumps([*named, _place(word), imported]).encode())


def _place(word: str) -> str | None:
    """Where the code of a model word lies; None for a library's, and for names without code."""
    place, colon, name = word.rpartition(":")
    if word.startswith(LIBRARY_WORDS) or not (colon and place and name.isidentifier()):
        return None
    return _place_of_module(place)


def _place_of_module(place: str) -> str:
    """The file itself, or for a dotted name the working folder, in which it is looked for first."""
    try:
        return os.path.realpath(place if place.endswith(".py") else os.curdir)
    except ValueError:  # a manifest may hold what no path can
        return place


def require_trusted(path: Path, format_name: str, trust: bool) -> None:
    """Raise `RefusedError` for a program that this user's toolkit did not write."""
    if trust or not is_program(format_name) or is_ours(file_sha256(path)):
        return
    raise RefusedError(
        f"{path.name} is a program that this user's toolkit did not write; loading can run code",
        hint="export it anew, or pass --trust if you know where it comes from",
    )


def _record() -> Path:
    return state_folder() / "written.txt"

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
    """A hash for the code that a manifest names: it is run only when we wrote it down."""
    named = [word, list(arguments), weights_sha256]
    described = json.dumps([*named, list(imports)] if imports else named)
    return bytes_sha256(described.encode())


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

"""The user's own folders: a cache that may be deleted, and state that says what we wrote.

`TOOLKIT_HOME` moves both; else the XDG base directory specification is followed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory

from toolkit.errors import MissingError

APP = "torch-export-toolkit"
_NOT_IN_NAMES = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_DEVICES = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9])(\..*)?", re.IGNORECASE)
"""What Windows takes for a device, whatever its ending."""


def cache_folder() -> Path:
    """Trained weights and downloaded data: safe to delete."""
    return _folder("cache", "XDG_CACHE_HOME", ".cache")


def state_folder() -> Path:
    """Hashes of the programs that this user's toolkit wrote."""
    return _folder("state", "XDG_STATE_HOME", ".local/state")


def slug(word: str) -> str:
    """A model word as the name of a folder on any system: `net.py:Net` becomes `net-Net`.

    Source: https://learn.microsoft.com/windows/win32/fileio/naming-a-file
    """
    plain = _NOT_IN_NAMES.sub("-", word.replace(".py:", "-")).rstrip(". ")
    return f"{plain}-model" if _DEVICES.fullmatch(plain) else plain or "model"


def temporary_folder() -> TemporaryDirectory[str]:
    """A folder that is gone after its block; what Windows still maps stays, and is no error."""
    return TemporaryDirectory(prefix="toolkit-", ignore_cleanup_errors=True)


def _folder(kind: str, variable: str, fallback: str) -> Path:
    own = os.environ.get("TOOLKIT_HOME")
    if own:
        return Path(own) / kind
    base = os.environ.get(variable)
    return (Path(base) if base else _home() / fallback) / APP


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:
        raise MissingError(
            "this user has no home folder to keep the cache and state in",
            hint="TOOLKIT_HOME names the folder for the toolkit's cache and state",
        ) from error

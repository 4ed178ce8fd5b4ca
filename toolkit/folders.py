"""The user's own folders: a cache that may be deleted, and state that says what we wrote.

`TOOLKIT_HOME` moves both; else the XDG base directory specification is followed.
"""

from __future__ import annotations

import os
from pathlib import Path

APP = "torch-export-toolkit"


def cache_folder() -> Path:
    """Trained weights and downloaded data: safe to delete."""
    return _folder("cache", "XDG_CACHE_HOME", ".cache")


def state_folder() -> Path:
    """Hashes of the programs that this user's toolkit wrote."""
    return _folder("state", "XDG_STATE_HOME", ".local/state")


def _folder(kind: str, variable: str, fallback: str) -> Path:
    own = os.environ.get("TOOLKIT_HOME")
    if own:
        return Path(own) / kind
    base = os.environ.get(variable)
    return (Path(base) if base else Path.home() / fallback) / APP

"""Formats: one small file each, looked up by name and imported when they are asked for."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from toolkit.errors import UsageError
from toolkit.formats.base import Format
from toolkit.spec import ALL_FORMATS

NAMES = ALL_FORMATS


def get(name: str) -> Format:
    """The format of that name; raises `UsageError` for any other word."""
    if name not in NAMES:
        raise UsageError(f"no format is called {name}", hint=f"formats: {', '.join(NAMES)}")
    module = import_module(f"toolkit.formats.{name.replace('-', '_')}")
    return cast(Format, module.FORMAT)

"""Values as TOML writes them: those that settings hold."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def key(name: str) -> str:
    """A key, quoted where it must be."""
    return name if _BARE.fullmatch(name) else _text(name)


def toml(value: object) -> str:
    """A text, number, truth value, list or table, on one line."""
    if isinstance(value, Mapping):
        held = ", ".join(f"{key(name)} = {toml(each)}" for name, each in value.items())
        return f"{{ {held} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml, value))}]"
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _text(value: str) -> str:
    """JSON's texts are TOML's, but for one character that only TOML forbids."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

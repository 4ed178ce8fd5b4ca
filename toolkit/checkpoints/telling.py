"""How names are listed in messages."""

from __future__ import annotations

from collections.abc import Sequence

_NAMED = 5


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more

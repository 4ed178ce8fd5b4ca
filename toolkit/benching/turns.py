"""Whose turn it is in a round, written where it outlives the process. No torch here.

Progress is told between rounds only: the parent that it wakes would run while others are timed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "turn"
_END = b"\0"
"""Behind a name: what is left there of a longer one is not read."""


@contextmanager
def noted(folder: Path) -> Iterator[Callable[[str], None]]:
    """Something that notes a contestant's name: one write to a file that is open."""
    with (folder / NAME).open("wb", buffering=0) as file:

        def note(name: str) -> None:
            file.seek(0)
            file.write(os.fsencode(name) + _END)

        yield note


def last(folder: Path) -> str | None:
    """The contestant that was noted last in this folder; None without any."""
    try:
        name, end, _ = (folder / NAME).read_bytes().partition(_END)
    except OSError:
        return None
    return os.fsdecode(name) if end else None

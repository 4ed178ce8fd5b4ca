"""Where in the user's files a model is defined: read, never imported."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

LARGEST_SOURCE_BYTES = 1 << 20
"""A larger file is no place where somebody wrote a network by hand."""
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_AT_A_LINE = re.compile(r"\bat (\S+\.py):(\d+)\b|\((\S+\.py), line (\d+)\)")
"""How messages name a line: of a tracer's warning, and of an error in the user's own code."""


@dataclass(frozen=True)
class Place:
    """A file, relative to the working folder or absolute, and the line where it is known."""

    file: Path
    line: int | None = None

    def seen_from(self, root: Path | None) -> str | None:
        """The file as a path below `root`, with slashes; None for one that lies elsewhere."""
        if root is None:
            return None if self.file.is_absolute() else self.file.as_posix()
        try:
            return self.file.resolve().relative_to(root.resolve()).as_posix()
        except (OSError, ValueError):
            return None

    def told_by(self, message: str) -> Place:
        """This place, at the line of this file that a message names."""
        for found in _AT_A_LINE.finditer(message):
            if Path(found[1] or found[3]).name == self.file.name:
                return replace(self, line=int(found[2] or found[4]))
        return self


def place_of(word: str) -> Place | None:
    """The file of a model word, and the line on which its class or function begins.

    None for a word that means no file of the user's, as the catalogue's names do.
    """
    head, colon, name = word.rpartition(":")
    if not colon:
        return Place(Path(word)) if _is_file(Path(word)) else None
    for file in _files(head):
        if _is_file(file):
            return Place(file, _line_of(name.partition(".")[0], file))
    return None


def places_of(words: Mapping[str, str]) -> dict[str, Place]:
    """The places of models by the names that results call them, from their words."""
    found = {name: place_of(word) for name, word in words.items()}
    return {name: place for name, place in found.items() if place is not None}


def _files(head: str) -> list[Path]:
    if head.endswith(".py"):
        return [Path(head)]
    if not _MODULE.fullmatch(head):
        return []
    module = Path(*head.split("."))
    return [module.with_suffix(".py"), module / "__init__.py"]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a word may be too long for a path, or hold what none can
        return False


def _line_of(name: str, file: Path) -> int | None:
    try:
        if file.stat().st_size > LARGEST_SOURCE_BYTES:
            return None
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return next((node.lineno for node in tree.body if name in _defined(node)), None)


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []

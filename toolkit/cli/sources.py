"""The files behind what a command names, by which a sweep that goes on sees that one was changed.

Nothing is imported: the user's code is looked up as Python would, and read.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib.util
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from toolkit.bundle.manifest import LIBRARY_WORDS
from toolkit.words import CONFIGURATION

_MANIFEST = "manifest.json"
_OF_LIBRARIES = ("site-packages", "dist-packages")
_WEIGHTS = ("*.safetensors", "*.bin")


def files_of_word(word: str) -> list[Path]:
    """What a model word is read from; none for names of the catalogue and of libraries."""
    path = Path(word)
    if path.is_file():
        return [path]
    if (path / CONFIGURATION).is_file():  # the larger files are weights, which count too
        held = (file for pattern in _WEIGHTS for file in path.glob(pattern))
        return [path / CONFIGURATION, *sorted(held)]
    if (path / _MANIFEST).is_file():  # it has the hashes of all others
        return [path / _MANIFEST]
    place, _, name = word.rpartition(":")
    named = bool(place) and name.isidentifier() and not word.startswith(LIBRARY_WORDS)
    return files_of_module(place) if named else []


def files_of_module(place: str) -> list[Path]:
    """The file of a `file.py` or a dotted module, then those of the user's that it imports."""
    if place.endswith(".py"):
        path = Path(place)
        return _closure([(path.stem, path)], [path.parent]) if path.is_file() else []
    if not all(part.isidentifier() for part in place.split(".")):
        return []
    for root in _roots(place):
        found = _on_the_way(place, [root])
        if found and found[-1][0] == place:
            own = not set(_OF_LIBRARIES) & set(root.parts)
            return _closure(found, [root]) if own else [path for _, path in found]
    return []


def digest(files: Sequence[Path]) -> str:
    """One hash of the contents of some files, of one alone its SHA-256."""
    digests = [_sha256(file) for file in files]
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256(" ".join(digests).encode("ascii")).hexdigest()


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _roots(place: str) -> Iterator[Path]:
    """Folders that the first part of a dotted name may lie in: here, else where it is installed."""
    yield Path.cwd()
    found = None
    with contextlib.suppress(ImportError, ValueError, AttributeError):
        found = importlib.util.find_spec(place.partition(".")[0])
    if found is not None:
        inside = list(found.submodule_search_locations or [found.origin or ""])
        yield from (Path(folder).parent for folder in inside)


Named = tuple[str, Path]
"""A module and its file."""


def _closure(start: Sequence[Named], roots: Sequence[Path]) -> list[Path]:
    """These files and all below the roots that they import, each once."""
    found: dict[Path, None] = {}
    left = list(start)
    while left:
        name, path = left.pop(0)
        if path not in found:
            found[path] = None
            left += [each for used in _imported(name, path) for each in _on_the_way(used, roots)]
    return list(found)


def _on_the_way(name: str, roots: Sequence[Path]) -> list[Named]:
    """The files that are run when a module is imported: its packages', then its own."""
    found: list[Named] = []
    folders, parts = list(roots), name.split(".")
    for end, part in enumerate(parts, start=1):
        files = [
            folder / each for folder in folders for each in (f"{part}/__init__.py", f"{part}.py")
        ]
        file = next((each for each in files if each.is_file()), None)
        if file is not None:
            found.append((".".join(parts[:end]), file))
        folders = [folder / part for folder in folders if (folder / part).is_dir()]
    return found


def _imported(name: str, path: Path) -> Iterator[str]:
    """The modules that a file may import, by their full names."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a stranger's escape sequences are not ours to mend
            tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            near = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*near, *([node.module] if node.module else [])])
            yield from (f"{base}.{each.name}".lstrip(".") for each in node.names)

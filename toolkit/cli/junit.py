"""The file of `--junit`: what CI services read, written whatever came of the command."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import ResultsError

if TYPE_CHECKING:
    from toolkit.results import Document

_OURS = b"<testsuite"
_LOOKED_AT = 4096
OPTION = "--junit"
HINT = f"{OPTION} FILE is where the JUnit XML goes"


def make_way(path: Path | None) -> None:
    """Remove an earlier run's file, which must not pass for this one's; raises for any other."""
    if path is not None and str(path) == "-":
        raise ResultsError("--junit writes a file: `toolkit report --junit -` writes to stdout")
    if path is None or not path.is_file():
        return
    try:
        with path.open("rb") as stream:
            start = stream.read(_LOOKED_AT)
        if start and _OURS not in start:
            text = f"{path} is there and is no JUnit XML: it is not overwritten"
            raise ResultsError(text, hint=HINT)
        path.unlink()
    except OSError as error:
        raise ResultsError(f"cannot write {path}: {error.strerror}", hint=HINT) from error


def asked_for(words: Sequence[str]) -> Path | None:
    """The file that a command line names, even where nothing else of it can be made out."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        option, equals, value = word.partition("=")
        place = value if equals else following
        if option == OPTION and place and not place.startswith("-"):
            return Path(place)
    return None


def replace(path: Path, document: Document) -> None:
    """Put what stopped a command in place of an earlier run's file; the error is what counts."""
    with suppress(OSError, ResultsError):
        make_way(path)
        write(document, path)


def write(document: Document, path: Path | None) -> None:
    """Write a document's JUnit XML, where it was asked for."""
    from toolkit.report.junit import format_junit

    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(format_junit(document), encoding="ascii")

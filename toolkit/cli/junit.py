"""The file of `--junit`: what CI services read, written whatever came of the command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import ResultsError

if TYPE_CHECKING:
    from toolkit.results import Document

_START = b"<?xml"
HINT = "--junit FILE is where the JUnit XML goes"


def make_way(path: Path | None) -> None:
    """Remove an earlier run's file, which must not pass for this one's; raises for any other."""
    if path is None or not path.is_file():
        return
    try:
        with path.open("rb") as stream:
            start = stream.read(len(_START))
        if start not in (b"", _START):
            raise ResultsError(f"{path} is there and is no XML: it is not overwritten", hint=HINT)
        path.unlink()
    except OSError as error:
        raise ResultsError(f"cannot write {path}: {error.strerror}", hint=HINT) from error


def write(document: Document, path: Path | None) -> None:
    """Write a document's JUnit XML, where it was asked for."""
    from toolkit.report.junit import format_junit

    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(format_junit(document), encoding="ascii")

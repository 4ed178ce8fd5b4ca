"""`report`: results on disk rendered again, on the terminal or into other forms."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import ResultsError, UsageError

if TYPE_CHECKING:
    from toolkit.results import Document

STDOUT = Path("-")


def report(
    files: Sequence[Path], outputs: Mapping[str, Path | None], figures: Path | None = None
) -> int:
    """Render every file; what the runs had to say is in their own exit codes."""
    from toolkit import results
    from toolkit.report.exporters import exported

    wanted = {name: path for name, path in outputs.items() if path is not None}
    if "json" in wanted and len(files) > 1:
        raise UsageError("--json takes one results file", hint="a JSON file is one document")
    documents = [results.load(path) for path in files]
    texts = {name: exported(name, documents) for name in wanted}
    if figures is not None:
        _draw(documents, figures)
    for name, path in wanted.items():
        _write(path, texts[name])
    if not wanted and figures is None:
        _show(documents)
    return 0


def _draw(documents: Sequence[Document], folder: Path) -> None:
    """The pictures, and their names on stderr: stdout may hold another form."""
    from toolkit.cli.session import say
    from toolkit.report.exporters import require_timings
    from toolkit.report.figures import draw

    require_timings(documents, "--figures")
    try:
        for path in draw(documents, folder):
            say(f"wrote {path}")
    except OSError as error:
        raise ResultsError(f"cannot write pictures to {folder}: {error.strerror}") from error


def _write(path: Path, text: str) -> None:
    if path == STDOUT:
        encoding = sys.stdout.encoding or "ascii"
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ResultsError(f"cannot write {path}: {error.strerror}") from error


def _show(documents: Sequence[Document]) -> None:
    from toolkit.report.terminal import console_for, display

    console = console_for()
    for document in documents:
        display(document, console)

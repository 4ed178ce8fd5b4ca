"""What GitHub offers a step: annotations, and a summary that the report is appended to."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from toolkit.errors import ToolkitError
    from toolkit.outcome import Failure
    from toolkit.report.github import Annotation
    from toolkit.report.places import Place
    from toolkit.results import Document
    from toolkit.sweep import Sweep

ACTIONS, SUMMARY, ROOT = "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"

_COMMAND = re.compile(r"^\s*::|##\[", re.MULTILINE)

"""What GitHub's runner takes for a command in any line that a step prints."""


def without_commands(text: str) -> str:
    """The text, for a line of its own: in a workflow nothing in it is taken for a command."""

    def broken(found: re.Match[str]) -> str:
        return found.group().replace("::", ": :").replace("##[", "## [")

    return _COMMAND.sub(broken, text) if _is_offered() else text


def display(document: Document, console: Console) -> None:
    """Print the report; a name or message in it is no command, whatever it looks like."""
    from toolkit.report import terminal

    stopped = None
    if _is_offered():
        with console.capture() as shown:
            terminal.display(document, console)
        stopped = secrets.token_hex(16) if _COMMAND.search(shown.get()) else None
    if stopped:
        _print(console, f"::stop-commands::{stopped}")
    terminal.display(document, console)
    if stopped:
        _print(console, f"::{stopped}::")


def announce(document: Document, sweep: Sweep, *, json: bool) -> None:
    """Annotate what was found, and append the report to the step's summary, where asked to.

    With `json` on stderr: GitHub reads both streams.
    """
    from toolkit.report.terminal import console_for

    console = console_for(stderr=json)
    if _is_offered():
        from toolkit.report.github import annotated, format_commands
        from toolkit.report.places import places_of

        shown = {result.model: result.model for result in document.all_results}
        places = places_of(shown | {words.shown: words.word for words in sweep.meant})
        failures = [
            _failure(document.command, failure, places.get(failure.model))
            for failure in sweep.failures
        ]
        for line in format_commands(annotated(document, places, failures), _root()):
            _print(console, line)
    place = os.environ.get(SUMMARY)
    if place:
        _summarise(document, Path(place), console)


def announce_error(command: str, error: ToolkitError, *, json: bool) -> None:
    """Annotate what kept a whole command from its work."""
    if _is_offered():
        from toolkit.report import github
        from toolkit.report.terminal import console_for

        hint = f"\n{error.hint}" if error.hint else ""
        told = github.Annotation("error", f"toolkit {command}: {error.name}", f"{error}{hint}")
        _print(console_for(stderr=json), github.command(told))


def _is_offered() -> bool:
    return os.environ.get(ACTIONS) == "true"


def _root() -> Path | None:
    place = os.environ.get(ROOT)
    return Path(place) if place else None


def _failure(command: str, failure: Failure, place: Place | None) -> Annotation:
    from toolkit.report.github import Annotation

    hint = f"\n{failure.hint}" if failure.hint else ""
    title = f"toolkit {command}: {failure.name} ({failure.model}: {failure.stage})"
    message = f"{failure.message}{hint}"
    where = place.told_by(message) if place is not None else None
    return Annotation("error", title, message, failure.model, where)


def _summarise(document: Document, path: Path, console: Console) -> None:
    """Append to the summary of the step; what cannot be written there is said, and no more."""
    from toolkit.report.step_summary import LARGEST_SUMMARY_BYTES, format_summary

    try:
        there = path.stat().st_size if path.exists() else 0
        gap = "\n" if there else ""
        text = format_summary(document, LARGEST_SUMMARY_BYTES - there - len(gap))
        if not text:
            _warn("there is no room left in it", console)
            return
        with path.open("ab") as stream:
            stream.write(f"{gap}{text}".encode())
    except OSError as error:
        _warn(error.strerror or str(error), console)


def _warn(reason: str, console: Console) -> None:
    from toolkit.cli.session import say
    from toolkit.report import github

    message = f"the step summary was not written: {reason}"
    if _is_offered():
        told = github.Annotation("warning", "toolkit: step summary", message)
        _print(console, github.command(told))
    else:
        say(f"note: {message}")


def _print(console: Console, line: str) -> None:
    """One line as it is: no markup, and in an encoding that the console has."""
    safe = line.encode(console.encoding, "replace").decode(console.encoding)
    console.print(safe, soft_wrap=True, markup=False, highlight=False, emoji=False)

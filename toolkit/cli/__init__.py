"""The command line: words in, the pipeline, a report out, an exit code."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

from toolkit.errors import ToolkitError, UsageError

__all__ = ["main"]


def main(argv: list[str] | None = None) -> int:
    """Run one command; the exit codes are those of DESIGN's table."""
    words = sys.argv[1:] if argv is None else argv
    code = _run(words)
    if argv is None:
        sys.exit(code)
    return code


def _run(words: list[str]) -> int:
    from typer import Abort

    from toolkit.cli import verbs  # noqa: F401 - registers its commands
    from toolkit.cli.app import app
    from toolkit.cli.session import INTERRUPTED, TERMINATED, TerminationError, refuse

    command = next((word for word in words if not word.startswith("-")), "")
    json = "--json" in words and command != "report"  # there it names a file
    try:
        return int(app(words, prog_name="toolkit", standalone_mode=False) or 0)
    except ToolkitError as error:
        return refuse(command, error, json=json)
    except (KeyboardInterrupt, TerminationError) as error:
        return INTERRUPTED if isinstance(error, KeyboardInterrupt) else TERMINATED
    except Exception as error:
        if isinstance(error, Abort):  # what the library makes of Ctrl-C
            return INTERRUPTED
        if not words:  # a bare `toolkit`: its help is what is told
            return _help(error)
        return refuse(command, _usage(error) or _unforeseen(error), json=json)


def _help(error: Exception) -> int:
    context = getattr(error, "ctx", None)
    if context is not None:
        sys.stderr.write(f"{context.get_help()}\n")
    return UsageError.exit_code


def _unforeseen(error: Exception) -> ToolkitError:
    """A fault of the toolkit's own: one line with its place, and no verdict on any model."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).name}, line {frame.lineno}"
    return ToolkitError(
        f"a fault of the toolkit itself: {type(error).__name__}: {error} ({place})",
        hint="please report it with the command and the output of `toolkit doctor`",
    )


def _usage(error: Exception) -> UsageError | None:
    """A usage error of the command-line library, told in our own way; None for anything else."""
    tell = getattr(error, "format_message", None)
    if tell is None:
        return None
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "toolkit"
    return UsageError(str(tell()), hint=f"`{command} --help` shows its options")

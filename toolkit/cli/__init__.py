"""The command line: words in, the pipeline, a report out, an exit code."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import traceback
from pathlib import Path

from toolkit.errors import RefusedError, ToolkitError, UsageError

__all__ = ["main"]

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says where no more can be written."""


def main(argv: list[str] | None = None) -> int:
    """Run one command; the exit codes are those of DESIGN's table."""
    words = sys.argv[1:] if argv is None else argv
    code = _run(words)
    if argv is None:
        sys.exit(code)
    return code


def _run(words: list[str]) -> int:
    command = next((word for word in words if not word.startswith("-")), "")
    json = "--json" in words and command != "report"  # there it names a file
    try:  # Ctrl-C may come while these are imported
        from toolkit.cli import verbs  # noqa: F401 - registers its commands
        from toolkit.cli.app import app

        return int(app(words, prog_name="toolkit", standalone_mode=False) or 0)
    except BaseException as error:
        from toolkit.cli.session import refuse

        code = _ended(error)
        if code is not None:
            return code
        if not isinstance(error, Exception):
            raise
        if not words:  # a bare `toolkit`: its help is what is told
            return _help(error)
        own = error if isinstance(error, ToolkitError) else None
        return refuse(command, own or _usage(error) or _unforeseen(error), words, json=json)


def _ended(error: BaseException) -> int | None:
    """The exit code where the user or the system ended the command; None for any other error."""
    from typer import Abort

    from toolkit.cli.session import INTERRUPTED, TERMINATED, TerminationError

    if isinstance(error, KeyboardInterrupt | Abort):  # the library's name for Ctrl-C
        return INTERRUPTED
    if isinstance(error, TerminationError):
        return TERMINATED
    if isinstance(error, SystemExit):  # what libraries make of a reader that has gone
        return _cut_off(os.strerror(errno.EPIPE))
    if isinstance(error, OSError) and error.errno in (errno.EPIPE, *FULL):
        return _cut_off(str(error.strerror))
    return None


def _help(error: Exception) -> int:
    context = getattr(error, "ctx", None)
    if context is not None:
        sys.stderr.write(f"{context.get_help()}\n")
    return UsageError.exit_code


def _cut_off(reason: str) -> int:
    """Stdout takes no more; what is left in its buffer goes nowhere, as Python ends."""
    from toolkit.cli.session import say

    with contextlib.suppress(OSError, AttributeError, ValueError):  # a stdout of no file
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.__stdout__.fileno())  # type: ignore[union-attr]
        os.close(nowhere)
    say(f"toolkit: not everything was written to stdout: {reason}")
    return RefusedError.exit_code


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

"""What torch and onnxruntime say when they fail, cut down to the reason."""

from __future__ import annotations

import functools
import os
import re
import sys
import tempfile
import traceback
from pathlib import Path

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_ABSOLUTE_PATH = re.compile(r"(?<![\w.:/])(?:[A-Za-z]:)?/(?:[^\s/\"':,()<>]+/)+([^\s/\"':,()<>]*)")
_WINDOWS_PATH = re.compile(
    r"(?<!\w)(?:[A-Za-z]:\\+|\\\\)(?:[^\s\\/\"':,()<>]+[\\/]+)+([^\s\\/\"':,()<>]*)"
)
_QUOTED_FILE = re.compile(r"File \"([^\"]+)\", line (\d+)")
_ADVICE = re.compile(
    r"^(for more information|for extended logs|if you suspect|the error above occurred|"
    r"you can replace your|consider using|user stack|caused by:|see |please |hint:|"
    r"the following call raised|to fix the error|traceback|from user code|set torch)",
    re.IGNORECASE,
)
_TRAILING_ADVICE = re.compile(
    r" (?:For more information, run with|If you're using mark_dynamic,).*$"
)
_RAISED = re.compile(r"^(?:[\w.]*\.)?\w+(?:Error|Exception): [^\n]+", re.MULTILINE)
_LONGEST_LINE = 300
_MOST_LINES = 3


def plain(text: str) -> str:
    """Text without colour codes, and with the file's name in place of every absolute path."""
    text = _ANSI.sub("", text)
    for root in _known_roots():  # their names may hold what ends a path elsewhere
        text = text.replace(f"{root}{os.sep}", "/-/")
    for path in (_WINDOWS_PATH, _ABSOLUTE_PATH):
        text = path.sub(lambda match: match[1], text)
    return text


@functools.cache
def _known_roots() -> tuple[str, ...]:
    """Folders of this machine whose names tell of it, the longest first."""
    roots = {str(Path.home()), sys.prefix, sys.base_prefix, tempfile.gettempdir()}
    return tuple(sorted((root for root in roots if len(root) > 1), key=len, reverse=True))


def _without_advice(line: str) -> str:
    return _TRAILING_ADVICE.sub("", line).strip()


def one_line(text: str) -> str:
    """The first sentence-like line of a text, shortened."""
    lines = [line.strip() for line in plain(text).splitlines() if line.strip()]
    return _shortened(lines[0]) if lines else ""


def reason(error: BaseException) -> str:
    """One to three lines: the innermost cause in its own words, and the user's line if known."""
    cause = innermost(error)
    said = plain(str(cause))
    kept: list[str] = []
    # TorchScript's interpreter puts a listing first and the error last.
    raised = _RAISED.findall(said) if "TorchScript" in said else []
    for line in raised[-1:] or said.splitlines():
        stripped = _without_advice(line)
        if _ADVICE.match(stripped) or _QUOTED_FILE.search(line) or "~~" in line:
            if kept:
                break
            continue
        if stripped:
            kept.append(_shortened(stripped))
    text = "\n".join(kept[:_MOST_LINES]) or type(cause).__name__
    where = quoted_line(str(cause)) or user_line(cause)
    return f"{text} ({where})" if where else text


def innermost(error: BaseException) -> BaseException:
    """The end of the chain of explicit causes."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def causes(error: BaseException) -> list[BaseException]:
    """The error and everything that it came from, explicit or not."""
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in found:
        found.append(current)
        current = current.__cause__ or current.__context__
    return found


def quoted_line(text: str) -> str | None:
    """The first user's `file.py:line` that a message quotes."""
    for path, line in _QUOTED_FILE.findall(text):
        if Path(path).is_absolute() and is_users(path):
            return f"{Path(path).name}:{line}"
    return None


def user_line(error: BaseException) -> str | None:
    """The innermost `file.py:line` of the traceback that is neither a library's nor ours."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if is_users(frame.filename)]
    return f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else None


def is_users(filename: str) -> bool:
    """Whether a source file is neither a library's nor the toolkit's."""
    parts = Path(filename).parts
    toolkit = Path(__file__).parent
    library = "site-packages" in parts or "dist-packages" in parts
    standard = any(part.startswith("python3.") for part in parts) or _is_standard(filename)
    ours = Path(filename).is_relative_to(toolkit)
    return not (filename.startswith("<") or library or standard or ours)


def _is_standard(filename: str) -> bool:
    """Whether a file is of Python's own library, whose folder Windows calls `Lib`."""
    return Path(filename).is_relative_to(Path(os.__file__).parent)


def _shortened(line: str) -> str:
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…"

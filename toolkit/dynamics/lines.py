"""Which line of code an error or a specialisation comes from: the user's, else a library's."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from toolkit.reasons import is_users

_TOOLKIT = Path(__file__).parents[1]
_ENTRANCES = tuple(
    str(_TOOLKIT / name) for name in ("inputs.py", "formats/flat.py", "formats/capture.py")
)
"""Where the toolkit calls a model; what called the toolkit is no part of that."""
_TORCH = Path(torch.__file__).parent
_LONGEST_TEXT = 80


@dataclass(frozen=True)
class Line:
    """A line of source: the file's name, the number, and the text without its indentation."""

    file: str
    number: int
    text: str

    def __str__(self) -> str:
        text = self.text if len(self.text) <= _LONGEST_TEXT else f"{self.text[:_LONGEST_TEXT]}…"
        return f"{self.file} line {self.number}: `{text}`" if text else f"{self.file}:{self.number}"


def line_of_error(error: BaseException) -> Line | None:
    """Where in a model's code an error was raised; None where that is torch's own."""
    return line_in(traceback.extract_tb(error.__traceback__))


def line_of_call() -> Line | None:
    """Which line of a model's code is running."""
    return line_in(traceback.extract_stack(sys._getframe(1)))


def line_in(frames: Sequence[traceback.FrameSummary]) -> Line | None:
    """The innermost line of the user's among the frames, else of a library other than torch."""
    called = [place for place, frame in enumerate(frames) if frame.filename in _ENTRANCES]
    inner = frames[called[-1] + 1 :] if called else frames
    users = [frame for frame in inner if is_users(frame.filename)]
    libraries = [frame for frame in inner if _is_library(frame)]
    found = next(reversed(users), None) or next(reversed(libraries), None)
    if found is None:
        return None
    return Line(Path(found.filename).name, found.lineno or 0, (found.line or "").strip())


def _is_library(frame: traceback.FrameSummary) -> bool:
    installed = "site-packages" in Path(frame.filename).parts
    return installed and not _is_within(frame, _TORCH)


def _is_within(frame: traceback.FrameSummary, folder: Path) -> bool:
    return Path(frame.filename).is_relative_to(folder)

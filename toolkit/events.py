"""What a stage tells while it works: values for a progress display, never text on a screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Where a model is: `stage` (`train`, `export`, `check`, `bench`) and what it is doing.

    `detail` is a short line (`loss 0.12 · accuracy 97.3 %`); `done` of `total` steps where they
    can be counted; `form` is the format that is being worked on, if it is one alone; `place` is
    that of the model among several (`12/110`).
    """

    model: str
    stage: str
    detail: str = ""
    done: int | None = None
    total: int | None = None
    form: str | None = None
    place: str = ""


Observe = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """Observe nothing."""
    del progress

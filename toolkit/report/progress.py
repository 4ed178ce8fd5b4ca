"""What a stage is doing, on stderr: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console, OverflowMethod
from rich.progress import (
    BarColumn,
    ProgressColumn,
    Task,
    TaskID,
)
from rich.progress import (
    Progress as Bars,
)
from rich.text import Text

from toolkit.events import Progress
from toolkit.report.symbols import printable

WIDE = 100
WIDE_BAR, NARROW_BAR = 20, 8
REFRESHES_PER_S = 2
"""Few: what is being timed runs on the same machine."""
EVERY_S = 5.0
"""A plain line about the same stage comes at most this often, and never twice the same."""


class _Words(ProgressColumn):
    """One of the texts of a task, cut where the terminal ends."""

    def __init__(self, field: str, encoding: str) -> None:
        super().__init__()
        self._field = field
        self._encoding = encoding

    def render(self, task: Task) -> Text:
        text = printable(str(task.fields[self._field]), self._encoding)
        # rich cuts with an ellipsis, which not every encoding has.
        overflow: OverflowMethod = "ellipsis" if self._encoding.startswith("utf") else "crop"
        return Text(text.replace("\n", " "), no_wrap=True, overflow=overflow)


class _Times(ProgressColumn):
    """The time since the stage began, and the time left where it can be told."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        left = "" if task.time_remaining is None else f", {_clock(task.time_remaining)} left"
        return Text(f"{_clock(task.elapsed or 0.0)}{left}", no_wrap=True)


def _clock(seconds: float) -> str:
    """Minutes and seconds: `3:07`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


class ProgressDisplay:
    """Shows `Progress` values while it is entered; `observe` is what stages are given.

    With `silent` nothing is shown. The clock is in seconds. However the block is left, Ctrl-C
    included, the bar is taken down and the cursor is visible again.
    """

    def __init__(
        self,
        console: Console,
        *,
        silent: bool = False,
        clock: Callable[[], float] = time.monotonic,
        every_s: float = EVERY_S,
    ) -> None:
        self._console = console
        self._silent = silent
        self._clock = clock
        self._every_s = every_s
        self._bars: Bars | None = None
        self._task: TaskID | None = None
        self._stage: tuple[str, str, str | None] | None = None
        self._last_s = 0.0
        self._told: set[str] = set()

    def __enter__(self) -> Self:
        if self._console.is_terminal and not self._silent:
            self._bars = self._live()
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def _live(self) -> Bars:
        encoding = self._console.encoding
        return Bars(
            _Words("title", encoding),
            BarColumn(bar_width=WIDE_BAR if self._console.width >= WIDE else NARROW_BAR),
            _Words("detail", encoding),
            _Times(),
            console=self._console,
            refresh_per_second=REFRESHES_PER_S,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=True,
        )

    def observe(self, progress: Progress) -> None:
        """Show where a model is."""
        if self._silent:
            return
        if self._bars is not None:
            self._update(self._bars, progress)
        else:
            self._line(progress)

    def _update(self, bars: Bars, progress: Progress) -> None:
        stage = (progress.model, progress.stage, progress.form)
        title = _title(progress)
        if stage != self._stage or self._task is None:
            if self._task is not None:
                bars.remove_task(self._task)
            self._task = bars.add_task("", total=progress.total, title=title, detail="")
            self._stage = stage
        bars.update(
            self._task, completed=progress.done or 0, total=progress.total, detail=progress.detail
        )

    def _line(self, progress: Progress) -> None:
        now_s = self._clock()
        stage = (progress.model, progress.stage, None)
        if stage == self._stage and now_s - self._last_s < self._every_s:
            return
        self._stage, self._last_s = stage, now_s
        text = printable(format_progress(progress), self._console.encoding)
        if text in self._told:  # a step that takes long, or comes up again between others
            return
        self._told.add(text)
        self._console.print(Text(text.replace("\n", " ")), soft_wrap=True)


def format_progress(progress: Progress) -> str:
    """One line: `train lenet5 3/10: loss 0.12`."""
    steps = f" {progress.done}/{progress.total}" if progress.done and progress.total else ""
    detail = f": {progress.detail}" if progress.detail else ""
    return f"{_title(progress)}{steps}{detail}"


def _title(progress: Progress) -> str:
    place = f"[{progress.place}] " if progress.place else ""
    return f"{place}{progress.stage} {progress.model}"

"""What a stage tells while it works."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from toolkit.events import Progress
from toolkit.report.progress import ProgressDisplay

HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


class Clock:
    """Seconds that pass only when told."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def terminal(encoding: str = "utf-8") -> tuple[Console, io.BytesIO]:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    console = Console(
        file=stream, force_terminal=True, width=70, color_system=None, legacy_windows=False
    )
    return console, raw


def plain(*steps: tuple[float, Progress], every_s: float = 5.0) -> list[str]:
    """The lines shown off a terminal when each value comes at its second."""
    file, clock = io.StringIO(), Clock()
    with ProgressDisplay(Console(file=file, width=40), clock=clock, every_s=every_s) as display:
        for at_s, progress in steps:
            clock.now_s = at_s
            display.observe(progress)
    return file.getvalue().splitlines()


def test_a_line_stands_for_each_stage_that_begins() -> None:
    lines = plain(
        (0.0, Progress("lenet5", "train", "loss 2.31", 0, 10)),
        (0.1, Progress("lenet5", "export", "onnx")),
        (0.2, Progress("lstm", "export", "onnx")),
    )
    assert lines == ["train lenet5: loss 2.31", "export lenet5: onnx", "export lstm: onnx"]


def test_a_stage_speaks_again_only_after_some_seconds() -> None:
    lines = plain(
        (0.0, Progress("lenet5", "train", "loss 2.31", 0, 10)),
        (4.9, Progress("lenet5", "train", "loss 1.00", 1, 10)),
        (5.0, Progress("lenet5", "train", "loss 0.50", 2, 10)),
        (9.9, Progress("lenet5", "train", "loss 0.25", 3, 10)),
    )
    assert lines == ["train lenet5: loss 2.31", "train lenet5 2/10: loss 0.50"]


def test_what_takes_long_or_comes_up_again_is_told_once() -> None:
    script = Progress("net", "reproduce", "onnx value", form="onnx")
    case = Progress("net", "check", "onnx", 3, 9)
    other = Progress("net", "reproduce", "pt2 value", form="pt2")
    lines = plain((0.0, script), (6.0, script), (7.0, case), (8.0, script), (14.0, other))
    assert lines == ["reproduce net: onnx value", "check net 3/9: onnx", "reproduce net: pt2 value"]


def test_a_line_is_one_line_however_long_and_never_an_escape_sequence() -> None:
    (line,) = plain((0.0, Progress("x" * 90, "check", "a\nb\x1b[2J[red]")))
    assert line == f"check {'x' * 90}: a b\\x1b[2J[red]"


def test_silence_is_silent() -> None:
    console, raw = terminal()
    with ProgressDisplay(console, silent=True) as display:
        display.observe(Progress("lenet5", "train", "loss 2.31", 0, 10))
    assert raw.getvalue() == b""


def test_a_terminal_shows_the_stage_and_its_detail() -> None:
    console, raw = terminal()
    with ProgressDisplay(console) as display:
        display.observe(Progress("lenet5", "train", "loss 0.12", 3, 10))
    shown = raw.getvalue().decode()
    assert "train lenet5" in shown
    assert "loss 0.12" in shown


def test_a_new_stage_takes_the_place_of_the_last() -> None:
    console, raw = terminal()
    with ProgressDisplay(console) as display:
        display.observe(Progress("lenet5", "train", "loss 0.12", 3, 10))
        raw.truncate(0)
        display.observe(Progress("lenet5", "export", "onnx"))
    shown = raw.getvalue().decode()
    assert "export lenet5" in shown
    assert "train lenet5" not in shown


def test_an_ascii_terminal_can_show_a_bar_and_long_details() -> None:
    console, raw = terminal("ascii")
    with ProgressDisplay(console) as display:
        display.observe(Progress("модель", "bench", "p50 22 µs · " * 20, 1, 12))
    assert b"p50 22 us" in raw.getvalue()


def interrupt(display: ProgressDisplay) -> None:
    with display:
        display.observe(Progress("lenet5", "train", "loss 0.12", 3, 10))
        raise KeyboardInterrupt


def test_an_interruption_leaves_the_cursor_visible() -> None:
    console, raw = terminal()
    with pytest.raises(KeyboardInterrupt):
        interrupt(ProgressDisplay(console))
    shown = raw.getvalue().decode()
    assert HIDE_CURSOR in shown
    assert shown.rfind(SHOW_CURSOR) > shown.rfind(HIDE_CURSOR)

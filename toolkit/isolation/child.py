"""The child's side: the job, under the parent's word and within the parent's folder."""

from __future__ import annotations

import _thread
import contextlib
import importlib
import io
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Literal

from toolkit.errors import ToolkitError
from toolkit.events import Progress

LOG_NAME = "output.log"
TEMPORARY_VARIABLES = ("TMPDIR", "TEMP", "TMP")
"""What says where temporary files go, on POSIX and on Windows."""
INTERRUPT = "interrupt"
"""What the parent says when Ctrl-C is to end the job."""

DeathKind = Literal["timeout", "crash", "out-of-memory"]


def serve(
    connection: Connection,
    function: str,
    arguments: tuple[object, ...],
    folder: str,
    environment: Mapping[str, str],
) -> None:
    """Run in the child: the job, its output and temporary files kept in the parent's `folder`."""
    _obey(connection)
    signal.signal(signal.SIGTERM, _leave)
    _end_with_parent(folder)
    os.environ.clear()
    os.environ.update({**environment, **dict.fromkeys(TEMPORARY_VARIABLES, folder)})
    tempfile.tempdir = folder
    _redirect_output(Path(folder) / LOG_NAME)

    def observe(progress: Progress) -> None:
        connection.send(("progress", progress))

    with contextlib.suppress(BrokenPipeError, EOFError):
        try:
            job = getattr(importlib.import_module("toolkit.pipeline"), function)
            _share_no_lock_of_progress_bars()
            connection.send(("started", None))
            for value in job(*arguments, observe=observe):
                connection.send(("value", value))
        except ToolkitError as error:
            connection.send(("error", error))
        except KeyboardInterrupt:  # the parent's word, and nothing to show for it
            connection.send(("done", None))
        except (Exception, SystemExit) as error:  # a user's code may leave Python itself
            connection.send(("failed", _explained(error)))
        else:
            connection.send(("done", None))
    connection.close()


def _share_no_lock_of_progress_bars() -> None:
    """Exporters draw bars with tqdm, whose lock is a semaphore of the system unless it has one.

    One that is left over when a child ends early would be told of behind the report.
    """
    bars = sys.modules.get("tqdm")  # torch imports it where it is installed
    if bars is not None:
        bars.tqdm.set_lock(threading.RLock())


def _obey(connection: Connection) -> None:
    """Interrupt the job when the parent says so, once: it alone decides what Ctrl-C means.

    The signal that a terminal sends to both processes is of no effect here.
    """
    told: list[object] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        if told:
            told.clear()
            raise KeyboardInterrupt

    def listen() -> None:
        with contextlib.suppress(EOFError, OSError):
            told.append(connection.recv())  # INTERRUPT: there is no other word
            _thread.interrupt_main()

    signal.signal(signal.SIGINT, interrupt)
    threading.Thread(target=listen, daemon=True).start()


def _leave(number: int, frame: FrameType | None) -> None:
    """Unwind on SIGTERM: half a bundle is taken away, not left behind."""
    del frame
    raise SystemExit(128 + number)


def _end_with_parent(folder: str) -> None:
    """However the parent ended, nothing goes on without it and nothing of it is left behind."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _explained(error: BaseException) -> tuple[DeathKind, str]:
    said = f"{type(error).__name__}: {error}{_place(error)}"
    return ("out-of-memory" if isinstance(error, MemoryError) else "crash"), said


def _place(error: BaseException) -> str:
    """The innermost line of the trace, which tells more than a name and no more than one line."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""


def _redirect_output(log: Path) -> None:
    """Whatever a user's module or a library prints: `--json` promises one document alone.

    The log is UTF-8 whatever the terminal is: what it could not show must not end the job.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.flush()
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except FileNotFoundError:  # the parent gave up before this child began
        os._exit(1)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)

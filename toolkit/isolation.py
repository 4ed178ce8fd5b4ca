"""Jobs in a child process, so that a crash, a hang or a full memory ends one row and no sweep.

A job is a generator function of the pipeline, by name, with plain values as arguments. What it
yields crosses over as it comes; how the child ended is a value too. This contains accidents and
is no sandbox. The parent imports no torch. `TOOLKIT_CHILDREN=spawn` starts every child afresh
where a fork server would be used.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any, Literal

from toolkit.errors import ToolkitError
from toolkit.events import Observe, Progress, ignore

POLL_S = 0.1
GRACE_S = 3.0
START_S = 120.0
"""How long a child may take to import torch before its own time begins."""
DEFAULT_TIMEOUT_S = 600.0
START_VARIABLE = "TOOLKIT_CHILDREN"
LOG_NAME = "output.log"
PRELOAD = ["torch", "toolkit.pipeline"]
"""Imported once by the fork server: a child then starts within a tenth of a second."""

DeathKind = Literal["timeout", "crash", "out-of-memory"]


@dataclass(frozen=True)
class Limits:
    """What a child may use: seconds without any progress, and bytes of resident memory."""

    timeout_s: float = DEFAULT_TIMEOUT_S
    memory_bytes: int | None = None


@dataclass(frozen=True)
class Death:
    """How a child ended that did not finish, and where it was: `form` None means the model.

    `said` is the end of what it printed: for a report, and for no file that leaves the machine.
    """

    kind: DeathKind
    cause: str
    last: Progress | None = None
    said: str = ""

    @property
    def message(self) -> str:
        """The cause with what the child said."""
        return f"{self.cause}; it said: {self.said}" if self.said else self.cause

    @property
    def form(self) -> str | None:
        """The format that was being worked on."""
        return self.last.form if self.last else None


@dataclass
class _Child:
    process: Any
    connection: Connection
    folder: Path
    started: bool = False
    last: Progress | None = None
    heard_at: float = field(default_factory=time.monotonic)


def run_job(
    function: str,
    *arguments: object,
    limits: Limits | None = None,
    observe: Observe = ignore,
    fresh: bool = False,
    variables: Mapping[str, str] | None = None,
) -> Iterator[object]:
    """Yield what `toolkit.pipeline.FUNCTION(*arguments, observe=…)` yields, from a child.

    The last value may be a `Death`. A `ToolkitError` of the job is raised here. `fresh` starts a
    process of its own that has imported nothing yet, with `variables` in its environment.
    """
    child = _start(function, arguments, fresh, dict(variables or {}))
    try:
        yield from _listen(child, limits or Limits(), observe)
    finally:
        _end(child)


def _start(
    function: str, arguments: tuple[object, ...], fresh: bool, variables: dict[str, str]
) -> _Child:
    context = _context(fresh)
    folder = Path(tempfile.mkdtemp(prefix="toolkit-"))
    ours, theirs = context.Pipe()
    environment = {**os.environ, **variables}
    process = context.Process(
        target=_serve, args=(theirs, function, arguments, str(folder), environment), daemon=True
    )
    try:
        if context.get_start_method() == "forkserver":
            with _new_interpreter({}):
                forkserver.ensure_running()
            process.start()
        else:
            with _new_interpreter(variables):
                process.start()
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    theirs.close()
    return _Child(process, ours, folder)


def _context(fresh: bool) -> Any:
    """A fork server where there is one: children that share its imports start at once."""
    methods = multiprocessing.get_all_start_methods()
    spawned = fresh or os.environ.get(START_VARIABLE) == "spawn" or "forkserver" not in methods
    context: Any = multiprocessing.get_context("spawn" if spawned else "forkserver")
    if not spawned:
        context.set_forkserver_preload(PRELOAD)
    return context


@contextlib.contextmanager
def _new_interpreter(variables: Mapping[str, str]) -> Iterator[None]:
    """What a new interpreter is started with: `variables`, as thread counts are read on import.

    It does not see modules that lie in the working folder, and no Ctrl-C: a signal that is
    blocked here stays blocked there, and reaches this process afterwards.
    """
    with _environment({**variables, "PYTHONSAFEPATH": "1"}):
        blocks = getattr(signal, "pthread_sigmask", None)
        if blocks is None:  # Windows, where Ctrl-C is no signal
            yield
            return
        resource_tracker.ensure_running()  # its own start would lift the block
        before = blocks(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            blocks(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _listen(child: _Child, limits: Limits, observe: Observe) -> Iterator[object]:
    while True:
        try:
            if not child.connection.poll(POLL_S):
                death = _overdue(child, limits)
                if death is None:
                    continue
                yield death
                return
            kind, value = child.connection.recv()
        except (EOFError, OSError):
            yield _post_mortem(child)
            return
        child.heard_at = time.monotonic()
        child.started = True
        if kind == "progress":
            child.last = value
            observe(value)
        elif kind == "value":
            yield value
        elif kind == "error":
            raise value
        elif kind == "failed":
            yield Death(value[0], value[1], child.last)
            return
        elif kind == "done":
            return


def _overdue(child: _Child, limits: Limits) -> Death | None:
    silent_s = time.monotonic() - child.heard_at
    allowed_s = limits.timeout_s if child.started else max(START_S, limits.timeout_s)
    if silent_s > allowed_s:
        return Death("timeout", f"no progress for {allowed_s:g} s", child.last)
    if limits.memory_bytes is not None:
        resident = _resident_bytes(child.process.pid)
        if resident > limits.memory_bytes:
            text = f"resident memory reached {resident / 1e9:.2f} GB"
            return Death("out-of-memory", text, child.last)
    return None


def _resident_bytes(pid: int) -> int:
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def _post_mortem(child: _Child) -> Death:
    child.process.join(GRACE_S)
    code = child.process.exitcode
    said = _last_lines(child.folder / LOG_NAME)
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = ", which is how a system out of memory ends it" if -code == signal.SIGKILL else ""
        return Death("crash", f"the process was ended by {name}{hint}", child.last, said)
    return Death("crash", f"the process ended with exit code {code}", child.last, said)


def _last_lines(log: Path, count: int = 3) -> str:
    with contextlib.suppress(OSError):
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
        return " ".join(line.strip() for line in lines if line.strip())[-300 * count :]
    return ""


def _end(child: _Child) -> None:
    """End the child, which was started here, and wait for it."""
    if child.process.is_alive():
        child.process.terminate()
        child.process.join(GRACE_S)
    if child.process.is_alive():
        child.process.kill()
        child.process.join(GRACE_S)
    child.connection.close()
    shutil.rmtree(child.folder, ignore_errors=True)


def _serve(
    connection: Connection,
    function: str,
    arguments: tuple[object, ...],
    folder: str,
    environment: Mapping[str, str],
) -> None:
    """Run in the child: the job, its output and temporary files kept in the parent's `folder`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides on Ctrl-C
    signal.signal(signal.SIGTERM, _leave)
    _end_with_parent(folder)
    os.environ.clear()
    os.environ.update({**environment, "TMPDIR": folder})
    tempfile.tempdir = folder
    _redirect_output(Path(folder) / LOG_NAME)

    def observe(progress: Progress) -> None:
        connection.send(("progress", progress))

    with contextlib.suppress(BrokenPipeError, EOFError):
        try:
            job = getattr(importlib.import_module("toolkit.pipeline"), function)
            connection.send(("started", None))
            for value in job(*arguments, observe=observe):
                connection.send(("value", value))
        except ToolkitError as error:
            connection.send(("error", error))
        except (Exception, SystemExit) as error:  # a user's code may leave Python itself
            connection.send(("failed", _explained(error)))
        else:
            connection.send(("done", None))
    connection.close()


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
    """Whatever a user's module or a library prints: `--json` promises one document alone."""
    sys.stdout.flush()
    try:
        handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except FileNotFoundError:  # the parent gave up before this child began
        os._exit(1)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)

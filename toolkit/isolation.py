"""Jobs in a child process, so that a crash, a hang or a full memory ends one row and no sweep.

A job is a generator function of the pipeline, by name, with plain values as arguments. What it
yields crosses over as it comes; how the child ended is a value too. This contains accidents and
is no sandbox. The parent imports no torch.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

from toolkit.errors import ToolkitError
from toolkit.events import Observe, Progress, ignore

POLL_S = 0.1
GRACE_S = 3.0
DEFAULT_TIMEOUT_S = 600.0
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
    """How a child ended that did not finish, and where it was: `form` None means the model."""

    kind: DeathKind
    message: str
    last: Progress | None = None

    @property
    def form(self) -> str | None:
        """The format that was being worked on."""
        return self.last.form if self.last else None


@dataclass
class _Child:
    process: Any
    connection: Connection
    log: Path
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
    methods = multiprocessing.get_all_start_methods()
    forks = "forkserver" in methods and not fresh
    context: Any = multiprocessing.get_context("forkserver" if forks else "spawn")
    if forks:
        context.set_forkserver_preload(PRELOAD)
    ours, theirs = context.Pipe()
    handle, log = tempfile.mkstemp(prefix="toolkit-", suffix=".log")
    os.close(handle)
    environment = {**os.environ, **variables}
    process = context.Process(
        target=_serve, args=(theirs, function, arguments, log, environment), daemon=True
    )
    with _environment(variables):
        process.start()
    theirs.close()
    return _Child(process, ours, Path(log))


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """A spawned child inherits the environment of its start: thread counts are read on import."""
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
        death = _overdue(child, limits)
        if death is not None:
            yield death
            return
        try:
            if not child.connection.poll(POLL_S):
                continue
            kind, value = child.connection.recv()
        except (EOFError, OSError):
            yield _post_mortem(child)
            return
        child.heard_at = time.monotonic()
        if kind == "progress":
            child.last = value
            observe(value)
        elif kind == "value":
            yield value
        elif kind == "error":
            raise value
        elif kind == "failed":
            yield Death("crash", value, child.last)
            return
        else:
            return


def _overdue(child: _Child, limits: Limits) -> Death | None:
    silent_s = time.monotonic() - child.heard_at
    if silent_s > limits.timeout_s:
        return Death("timeout", f"no progress for {limits.timeout_s:g} s", child.last)
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
    lines = _last_lines(child.log)
    said = f"; it said: {lines}" if lines else ""
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = ", which is how a system out of memory ends it" if -code == signal.SIGKILL else ""
        return Death("crash", f"the process was ended by {name}{hint}{said}", child.last)
    return Death("crash", f"the process ended with exit code {code}{said}", child.last)


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
    child.log.unlink(missing_ok=True)


def _serve(
    connection: Connection,
    function: str,
    arguments: tuple[object, ...],
    log: str,
    environment: Mapping[str, str],
) -> None:
    """Run in the child: the job, its output kept out of the parent's terminal and pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides on Ctrl-C
    os.environ.clear()
    os.environ.update(environment)
    _redirect_output(log)

    def observe(progress: Progress) -> None:
        connection.send(("progress", progress))

    with contextlib.suppress(BrokenPipeError, EOFError):
        try:
            job = getattr(importlib.import_module("toolkit.pipeline"), function)
            for value in job(*arguments, observe=observe):
                connection.send(("value", value))
        except ToolkitError as error:
            connection.send(("error", error))
        except Exception as error:
            connection.send(("failed", f"{type(error).__name__}: {error}{_place(error)}"))
        else:
            connection.send(("done", None))
    connection.close()


def _place(error: BaseException) -> str:
    """The innermost line of the trace, which tells more than a name and no more than one line."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""


def _redirect_output(log: str) -> None:
    """Whatever a user's module or a library prints: `--json` promises one document alone."""
    sys.stdout.flush()
    handle = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)

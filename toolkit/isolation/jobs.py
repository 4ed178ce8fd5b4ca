"""The parent's side: what a job gives, how it ended, and what Ctrl-C means to it."""

from __future__ import annotations

import contextlib
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from toolkit.capacity import LIMIT_VARIABLE
from toolkit.errors import ToolkitError
from toolkit.events import Observe, Progress, ignore
from toolkit.isolation.child import INTERRUPT, LOG_NAME, DeathKind
from toolkit.isolation.starting import Child, start

POLL_S = 0.1
GRACE_S = 3.0
START_S = 120.0
"""How long a child may take to import torch before its own time begins."""
DEFAULT_TIMEOUT_S = 600.0


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


def run_job(
    function: str,
    *arguments: object,
    limits: Limits | None = None,
    observe: Observe = ignore,
    fresh: bool = False,
    variables: Mapping[str, str] | None = None,
    finish_s: float | None = None,
) -> Iterator[object]:
    """Yield what `toolkit.pipeline.FUNCTION(*arguments, observe=…)` yields, from a child.

    The last value may be a `Death`. A `ToolkitError` of the job is raised here. `fresh` starts a
    process of its own that has imported nothing yet, with `variables` in its environment.

    Ctrl-C ends the child, and goes on as `KeyboardInterrupt`. With `finish_s` the job is
    interrupted in its turn and may come to an end of its own, with so many seconds between two
    signs of life: what it yields then comes first. A second Ctrl-C does not wait.
    """
    limits = limits or Limits()
    child = start(function, arguments, fresh, {**(variables or {}), **_told(limits)})
    try:
        yield from _listen(child, limits, observe)
    except KeyboardInterrupt:
        if finish_s is not None:
            yield from _finish(child, finish_s, observe)
        raise
    finally:
        _end(child)


def _told(limits: Limits) -> dict[str, str]:
    """What a child must know of its limits, to refuse what would break them."""
    return {} if limits.memory_bytes is None else {LIMIT_VARIABLE: str(limits.memory_bytes)}


def _finish(child: Child, finish_s: float, observe: Observe) -> Iterator[object]:
    """What an interrupted job still has to give; its own failures no longer matter."""
    with contextlib.suppress(OSError, ToolkitError):
        child.connection.send(INTERRUPT)
        child.heard_at = time.monotonic()
        for value in _listen(child, Limits(finish_s), observe):
            if not isinstance(value, Death):
                yield value


def _listen(child: Child, limits: Limits, observe: Observe) -> Iterator[object]:
    while True:
        try:
            if not child.connection.poll(POLL_S):
                death = _overdue(child, limits)
                if death is None:
                    continue
                yield death
                return
            with _undisturbed():
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


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold Ctrl-C back: a message that is read by half would be lost, and all after it."""
    blocks = getattr(signal, "pthread_sigmask", None)
    if blocks is None:  # Windows, where Ctrl-C does not break into a read
        yield
        return
    before = blocks(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        blocks(signal.SIG_SETMASK, before)


def _overdue(child: Child, limits: Limits) -> Death | None:
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


def _resident_bytes(pid: int | None = None) -> int:
    """What a process (None: this one) holds in memory; 0 where that is not told."""
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except (psutil.Error, OSError, NotImplementedError):
        return 0


def unenforced(limits: Limits) -> list[str]:
    """The limits that this system cannot hold a child to, in words."""
    if limits.memory_bytes is None or _resident_bytes():
        return []
    return ["--memory-limit is not enforced: this system does not tell what memory a process holds"]


def _post_mortem(child: Child) -> Death:
    child.process.join(GRACE_S)
    code = child.process.exitcode
    said = _last_lines(child.folder / LOG_NAME)
    return Death("crash", _told_end(code), child.last, said)


def _told_end(code: int | None) -> str:
    """What an exit code says; a signal by its name, where it has one."""
    if code is None or code >= 0:
        return f"the process ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:  # a real-time signal, or one of another system
        name = f"signal {-code}"
    hint = ", which is how a system out of memory ends it" if name == "SIGKILL" else ""
    return f"the process was ended by {name}{hint}"


def _last_lines(log: Path, count: int = 3) -> str:
    with contextlib.suppress(OSError):
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
        return " ".join(line.strip() for line in lines if line.strip())[-300 * count :]
    return ""


def _end(child: Child) -> None:
    """End the child, which was started here, and wait for it."""
    if child.process.is_alive():
        child.process.terminate()
        child.process.join(GRACE_S)
    if child.process.is_alive():
        child.process.kill()
        child.process.join(GRACE_S)
    child.connection.close()
    shutil.rmtree(child.folder, ignore_errors=True)

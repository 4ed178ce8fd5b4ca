"""How a child is started: from a fork server that has imported torch, or afresh."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import platform
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from toolkit.events import Progress
from toolkit.isolation.child import serve

START_VARIABLE = "TOOLKIT_CHILDREN"
PRELOAD = ["torch", "toolkit.pipeline"]
"""Imported once by the fork server: a child then starts within a tenth of a second."""
PRELOAD_FOR_EXPORTS = [*PRELOAD, "toolkit.formats.preloaded"]
"""And what exporters need on top, which would cost every child seconds of its own."""


@dataclass
class Child:
    """A child at work, and what was heard of it."""

    process: Any
    connection: Connection
    folder: Path
    started: bool = False
    last: Progress | None = None
    heard_at: float = field(default_factory=time.monotonic)


def expect_exports() -> None:
    """Start the fork server at once, with what exporters need; this does not wait for it.

    What has to be known before may meanwhile be found out in a `fresh` child. Nothing happens
    where a server runs already, or where there is none.
    """
    context = _context(fresh=False, preload=PRELOAD_FOR_EXPORTS)
    if context.get_start_method() == "forkserver":
        with _new_interpreter({}):
            forkserver.ensure_running()


def start(
    function: str, arguments: tuple[object, ...], fresh: bool, variables: dict[str, str]
) -> Child:
    """A new child at its job; `variables` stand in its environment."""
    context = _context(fresh)
    folder = Path(tempfile.mkdtemp(prefix="toolkit-"))
    ours, theirs = context.Pipe()
    environment = {**os.environ, **variables}
    process = context.Process(
        target=serve, args=(theirs, function, arguments, str(folder), environment), daemon=True
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
    return Child(process, ours, folder)


def _context(fresh: bool, preload: Sequence[str] = PRELOAD) -> Any:
    """A fork server where there is one: children that share its imports start at once."""
    spawned = fresh or not _has_fork_server()
    context: Any = multiprocessing.get_context("spawn" if spawned else "forkserver")
    if not spawned:
        context.set_forkserver_preload(list(preload))  # of no effect on one that runs
    return context


def _has_fork_server() -> bool:
    """Whether children may be forked: not on Windows, nor on macOS unless that is asked for.

    Libraries of macOS start threads as they are imported, and a fork of those may crash:
    https://docs.python.org/3/library/multiprocessing.html#contexts-and-start-methods
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return False
    usual = "spawn" if platform.system() == "Darwin" else "forkserver"
    return os.environ.get(START_VARIABLE, usual) != "spawn"


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

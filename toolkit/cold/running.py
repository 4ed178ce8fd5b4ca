"""One fresh process, from its start to what it said: a figure, or why there is none."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from toolkit.capacity import LIMIT_VARIABLE
from toolkit.reasons import one_line
from toolkit.results import Cold

STARTER = Path(__file__).with_name("starter.py")
POLL_S = 0.2
DEFAULT_TIMEOUT_S = 300.0
"""For one start: torch.compile may take minutes for its first call."""
SHARE_OF_TIMEOUT = 0.9
"""Of the time after which the process that starts is ended itself: it has to tell what it saw."""
LOG_NAME = "said.log"
_TAIL_BYTES = 4_000
_THREADS = (
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"),
    "TORCHINDUCTOR_COMPILE_THREADS",
)
_INDUCTOR_CACHE = "TORCHINDUCTOR_CACHE_DIR"
_DISTURBING = ("PYTHONINSPECT", "PYTHONDEVMODE", "PYTHONTRACEMALLOC", "PYTHONPROFILEIMPORTTIME")
"""What makes an interpreter start otherwise than a deployment's."""

FailureKind = Literal["error", "crash", "timeout", "out-of-memory", "refused", "not started"]


@dataclass(frozen=True)
class Failure:
    """Why a variant has no figures of a cold start."""

    kind: FailureKind
    message: str


@dataclass(frozen=True)
class Limits:
    """What one start may use: seconds in all, bytes of resident memory."""

    timeout_s: float = DEFAULT_TIMEOUT_S
    memory_bytes: int | None = None

    @classmethod
    def told(cls, timeout_s: float | None = None) -> Limits:
        """The usual time, and of memory what `--memory-limit` allows this process itself.

        Less time where this process is ended after `timeout_s` without progress.
        """
        told = os.environ.get(LIMIT_VARIABLE, "")
        own_s = DEFAULT_TIMEOUT_S if timeout_s is None else SHARE_OF_TIMEOUT * timeout_s
        memory_bytes = int(told) if told.isdigit() else None
        return cls(min(DEFAULT_TIMEOUT_S, own_s), memory_bytes)


@dataclass(frozen=True)
class Start:
    """One start that came to its first result; `modules` are the packages it had imported."""

    cold: Cold
    modules: tuple[str, ...]


def start_once(job: Path, threads: int, limits: Limits) -> Start | Failure:
    """Run the starter once; it is ended, and waited for, whatever happens here."""
    log = job.with_name(LOG_NAME)
    environment = _environment(job, threads)
    with log.open("wb") as said:
        spawned_ns = time.perf_counter_ns()
        process = subprocess.Popen(
            [sys.executable, *_flags(), str(STARTER), str(job), str(spawned_ns)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            env=environment,
            start_new_session=True,  # Ctrl-C is the parent's to answer
        )
        try:
            text = _awaited(process, limits)
        finally:
            _end(process)
    return text if isinstance(text, Failure) else _read(text, process.returncode, log)


def _flags() -> list[str]:
    """Nothing of the working folder is imported; else as this interpreter was started."""
    return ["-I"] if sys.flags.isolated else ["-P"]


def _environment(job: Path, threads: int) -> dict[str, str]:
    """Threads before any library reads them; each start compiles anew where it compiles."""
    kept = {name: value for name, value in os.environ.items() if name not in _DISTURBING}
    cache = job.with_name(f"inductor_{time.monotonic_ns()}")
    return {**kept, **dict.fromkeys(_THREADS, str(threads)), _INDUCTOR_CACHE: str(cache)}


def _awaited(process: subprocess.Popen[bytes], limits: Limits) -> bytes | Failure:
    """What it prints; looked at often, because an interrupt from another thread wakes no wait."""
    ends_at = time.monotonic() + limits.timeout_s
    while (left_s := ends_at - time.monotonic()) > 0:
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=min(left_s, POLL_S))[0]
        resident = 0 if limits.memory_bytes is None else _resident_bytes(process.pid)
        if limits.memory_bytes is not None and resident > limits.memory_bytes:
            return Failure("out-of-memory", f"resident memory reached {resident / 1e9:.2f} GB")
    return Failure("timeout", f"no first result within {limits.timeout_s:g} s")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process with all that it started, as compilers do, and wait for it."""
    with suppress(OSError):  # mostly it has ended long since
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
    process.communicate()


def _resident_bytes(pid: int) -> int:
    import psutil

    with suppress(psutil.Error, OSError, NotImplementedError):
        return int(psutil.Process(pid).memory_info().rss)
    return 0


def _read(text: bytes, code: int, log: Path) -> Start | Failure:
    said = _parsed(text)
    if said is None:
        return Failure("crash", _told_end(code, log))
    if "failed" in said:
        kind: FailureKind = "out-of-memory" if said["failed"] == "out-of-memory" else "error"
        return Failure(kind, one_line(str(said["message"])))
    try:
        return Start(Cold.model_validate(said), tuple(map(str, said["modules"])))
    except (ValidationError, KeyError) as error:
        return Failure("crash", f"the start told no figures: {one_line(str(error))}")


def _parsed(text: bytes) -> Mapping[str, Any] | None:
    try:
        said = json.loads(text)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _told_end(code: int, log: Path) -> str:
    """How a process ended that said nothing, and the last line that it printed."""
    how = f"the process ended with exit code {code}"
    if code < 0:
        with suppress(ValueError):  # a real-time signal, or one of another system
            how = f"the process was ended by {signal.Signals(-code).name}"
    last = _last_line(log)
    return f"{how}; it said: {last}" if last else how


def _last_line(log: Path) -> str:
    with suppress(OSError), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode("utf-8", errors="replace").splitlines()
        return one_line(next((line for line in reversed(lines) if line.strip()), ""))
    return ""

"""One cold start: run by its path in a fresh interpreter, told everything by a JSON file.

    python -P starter.py JOB.json SPAWNED_NS

It prints one line of JSON: how long each step took, the peak of its memory, what it had imported;
or why it failed. Nothing is imported before the clock runs but what reads a clock, and of the
toolkit nothing at all unless the variant is the user's own module, which is found by its word.

Counted is what a deployment would have to do as well: the interpreter's own start, the imports,
loading, the first call. Left out is what this starter alone does: reading its job and the example
inputs, and finding the code behind a model word. `perf_counter_ns` is one clock for all processes
of a machine (https://docs.python.org/3/library/time.html#time.perf_counter), so that the moment
of spawning can be passed from one to the other.
"""

import time

BEGAN_NS = time.perf_counter_ns()

import importlib.util  # noqa: E402 - the clock comes first
import json  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
import warnings  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, NoReturn  # noqa: E402

GRACE_S = 10
"""So long after its time a start ends itself, should its parent be gone."""
KILOBYTE = 1024
NANOSECONDS = 1e9
LONGEST_REASON = 2_000


class Clock:
    """Nanoseconds since the process was spawned, but for those spent in a `with` block of it."""

    def __init__(self, spawned_ns: int) -> None:
        self.spawned_ns = spawned_ns
        self.aside_ns = 0
        self._since_ns = BEGAN_NS

    def now_ns(self) -> int:
        """What counts of the time until now."""
        return time.perf_counter_ns() - self.spawned_ns - self.aside_ns

    def __enter__(self) -> None:
        self._since_ns = time.perf_counter_ns()

    def __exit__(self, *raised: object) -> None:
        self.put_aside()

    def put_aside(self) -> None:
        """Leave out what passed since the block, or the whole process, began."""
        self.aside_ns += time.perf_counter_ns() - self._since_ns


def started(job: dict[str, Any], clock: Clock) -> dict[str, Any]:
    """Go through one start; the steps are those at which the loader hands over."""
    loaders = _beside("loaders")
    steps = loaders.LOADERS[job["loader"]](job, clock)
    clock.put_aside()
    began = clock.now_ns()
    next(steps)
    imported = clock.now_ns()
    next(steps)
    loaded = clock.now_ns()
    with clock:
        call = next(steps)
    ready = clock.now_ns()
    value = call()
    called_ns = clock.now_ns() - ready
    said = {
        "start_s": began / NANOSECONDS,
        "import_s": (imported - began) / NANOSECONDS,
        "load_s": (loaded - imported) / NANOSECONDS,
        "first_call_us": called_ns / 1e3,
        "first_result_s": (loaded + called_ns) / NANOSECONDS,
        "peak_rss_bytes": peak_rss_bytes(),
        "modules": sorted({name.partition(".")[0] for name in sys.modules}),
    }
    if job["outputs"]:
        loaders.save(steps.send(value), job["outputs"])
    return said


def _beside(name: str) -> Any:
    """A module of this folder by its path: no package around it is imported."""
    place = Path(__file__).with_name(f"{name}.py")
    found = importlib.util.spec_from_file_location(f"_cold_{name}", place)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def peak_rss_bytes() -> int | None:
    """The resident memory of this process at its largest, in bytes.

    On Linux `ru_maxrss` begins at the peak of the parent, which execve hands on (fs/exec.c of the
    kernel, `setmax_mm_hiwater_rss`); VmHWM of /proc/self/status is of this program alone.
    """
    if sys.platform == "linux":
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        found = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
        return int(found[0]) * KILOBYTE if found else None
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * KILOBYTE  # macOS counts bytes


def _failed(error: BaseException) -> dict[str, str]:
    kind = "out-of-memory" if isinstance(error, MemoryError) else "error"
    return {"failed": kind, "message": f"{type(error).__name__}: {error}"[:LONGEST_REASON]}


def _end_in_time(timeout_s: float) -> None:
    """However the parent ended, this process does not outlive its time by much."""
    if hasattr(signal, "alarm"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(int(timeout_s) + GRACE_S)


def main(path: str, spawned_ns: int) -> NoReturn:
    """Run the job; what a user's code prints goes to the log, the one line to the parent."""
    clock = Clock(spawned_ns)
    line = os.dup(1)
    os.dup2(2, 1)
    job = json.loads(Path(path).read_text(encoding="utf-8"))
    _end_in_time(job["timeout_s"])
    warnings.simplefilter("ignore")
    try:
        said = started(job, clock)
    except BaseException as error:  # a user's code may leave Python itself
        said = _failed(error)
    os.write(line, json.dumps(said).encode())
    sys.stderr.flush()
    os._exit(1 if "failed" in said else 0)  # what libraries do at their end is no part of a start


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

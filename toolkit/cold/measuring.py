"""Cold starts of several variants, in turn, and what a table shows of them."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from toolkit.cold.jobs import OUTPUTS_NAME, Jobs
from toolkit.cold.loaders import saved
from toolkit.cold.running import Failure, Limits, Start, start_once
from toolkit.cold.starts import ColdStart, why_not
from toolkit.errors import RefusedError, ToolkitError, UsageError
from toolkit.folders import temporary_folder
from toolkit.results import Cold
from toolkit.spec import ModelSpec

TIMES = 3
SAME: Mapping[str, float] = {"float32": 1e-2, "float16": 3e-2, "bfloat16": 0.25}
"""Of the largest value: more apart than this is another model, or other weights. No parity check:
that has been passed. In halves it is 32 roundings, as code compiled anew rounds elsewhere."""

Told = Callable[[int, int], None]


@dataclass(frozen=True)
class ColdStarts:
    """What the starts of one variant gave, the first one first, and why they ended early, if so.

    `modules` are the packages that had been imported at the first result.
    """

    cold: tuple[Cold, ...] = ()
    failure: Failure | None = None
    modules: tuple[str, ...] = ()


def measure(
    starts: Sequence[ColdStart],
    times: int = TIMES,
    *,
    seed: int = 0,
    limits: Limits | None = None,
    observe: Told | None = None,
) -> dict[str, ColdStarts]:
    """Start each variant so many times, each time in a process of its own.

    The variants take turns in an order that `seed` decides. The system's page cache is warm: the
    files and libraries have been read in this run already, and the first start after the machine's
    own is slower. A variant that fails is not started again, and keeps what it gave before.
    `observe` is told how many of how many starts are done, before each and at the end. Without
    `limits` each start may use what this process may.

    Raises `UsageError` where two starts have one name, or for fewer than one time.
    """
    _require_sound(starts, times)
    limits = limits or Limits.told()
    turns = order([start.name for start in starts], times, seed)
    found = {start.name: ColdStarts() for start in starts}
    with temporary_folder() as folder:
        written = _written(starts, Jobs(Path(folder), limits.timeout_s))
        for done, name in enumerate(turns):
            if observe is not None:
                observe(done, len(turns))
            if found[name].failure is None:
                found[name] = _after(found[name], *written[name], limits)
    if observe is not None:
        observe(len(turns), len(turns))
    return found


def order(names: Sequence[str], times: int, seed: int) -> list[str]:
    """Every name once in each of so many rounds, each round in a seeded random order."""
    generator = random.Random(seed)  # noqa: S311 - no secret
    return [name for _ in range(times) for name in generator.sample(names, len(names))]


def summary(cold: Sequence[Cold]) -> Cold:
    """The medians of the times, and the largest peak of memory; None where there are none."""
    peaks = [one.peak_rss_bytes for one in cold if one.peak_rss_bytes is not None]
    return Cold(
        start_s=_median([one.start_s for one in cold]),
        import_s=_median([one.import_s for one in cold]),
        load_s=_median([one.load_s for one in cold]),
        first_call_us=_median([one.first_call_us for one in cold]),
        first_result_s=_median([one.first_result_s for one in cold]),
        peak_rss_bytes=max(peaks, default=None),
    )


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _require_sound(starts: Sequence[ColdStart], times: int) -> None:
    names = [start.name for start in starts]
    if len(set(names)) < len(names):
        raise UsageError("two variants are to be started by one name")
    if times < 1:
        raise UsageError(f"a variant cannot be started {times} times")


_Written = tuple[ColdStart, Path | Failure]


def _written(starts: Sequence[ColdStart], jobs: Jobs) -> dict[str, _Written]:
    return {start.name: (start, _job(start, jobs, number)) for number, start in enumerate(starts)}


def _job(start: ColdStart, jobs: Jobs, number: int) -> Path | Failure:
    reason = why_not(start)
    if reason is not None:
        return Failure("not started", reason)
    try:
        return jobs.write(start, number)
    except RefusedError as error:
        return Failure("refused", error.message)
    except ToolkitError as error:
        return Failure("error", error.message)
    except OSError as error:
        return Failure("error", f"the start cannot be prepared: {error.strerror}")


def _after(before: ColdStarts, start: ColdStart, job: Path | Failure, limits: Limits) -> ColdStarts:
    """What is known of a variant after one more start of it."""
    said = job if isinstance(job, Failure) else _judged(start, job, limits)
    if isinstance(said, Failure):
        return ColdStarts(before.cold, said, before.modules)
    return ColdStarts((*before.cold, said.cold), None, said.modules)


def _judged(start: ColdStart, job: Path, limits: Limits) -> Start | Failure:
    """A start, unless what it computed is not what the variant computes."""
    said = start_once(job, start.threads, limits)
    if isinstance(said, Failure) or not start.expected:
        return said
    given = saved(str(job.with_name(OUTPUTS_NAME)))
    differing = _differing(start.expected, given, _same(start.built.spec))
    if differing is None:
        return said
    return Failure("error", f"started anew it gives another {differing} than before")


def _same(spec: ModelSpec) -> float:
    """What the coarsest dtype of a model lets its values be apart."""
    dtypes = [port.dtype for port in (*spec.inputs, *spec.outputs)]
    return max(SAME.get(dtype, SAME["float32"]) for dtype in dtypes)


def _differing(
    expected: Mapping[str, np.ndarray], given: Mapping[str, np.ndarray], same: float
) -> str | None:
    """The first output that is another one; None where all are those expected."""
    for name, wanted in expected.items():
        got = given.get(name)
        if got is None or got.shape != wanted.shape or not _close(wanted, got, same):
            return name
    return None


def _close(wanted: np.ndarray, got: np.ndarray, same: float) -> bool:
    if not np.issubdtype(wanted.dtype, np.inexact):
        return True  # which of two nearly equal values is larger may differ between processes
    finite = np.isfinite(wanted)
    if not np.array_equal(finite, np.isfinite(got)):
        return False
    if not finite.any():
        return True
    scale = float(np.abs(wanted[finite]).max())
    return float(np.abs(wanted[finite] - got[finite]).max()) <= same * scale

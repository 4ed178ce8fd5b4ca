"""Timings as pytest-benchmark saves them: `pytest-benchmark compare FILE` prints them.

A group is a model, its parameters are variant, runtime, device and so on. Every timed call is one
of pytest-benchmark's rounds, so that its figures are of single calls as ours are.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.report.entries import Entry, entries
from toolkit.results import Document, Environment

Floats = NDArray[np.float64]
Tree = dict[str, Any]

NS_PER_S = 1e9
FORMAT_VERSION = "5.1.0"
"""The version of pytest-benchmark whose files these are like; no older key has changed since."""

_FENCE = 1.5
"""Tukey's: data further than so many quartile ranges outside the quartiles are outliers."""

_PLATFORM = re.compile(
    r"(?P<system>[^-]*)-?(?P<release>.*?)"
    r"(-(?P<machine>x86_64|AMD64|aarch64|arm64|i[3-6]86|ppc64le|s390x|riscv64)\b.*)?"
)
"""As Python's `platform.platform()` puts them together; Windows leaves the machine out."""

_PARAMS = ("model", "variant", "runtime", "device", "dtype", "threads", "batch")


def format_pytest_benchmark(documents: Sequence[Document]) -> str:
    """The rows that have raw samples, as one file."""
    first = documents[0]
    tree = {
        "machine_info": _machine(first.environment),
        "commit_info": _commit(first.commit),
        "benchmarks": [_benchmark(entry) for entry in entries(documents) if _samples(entry).size],
        "datetime": None,
        "version": FORMAT_VERSION,
    }
    return json.dumps(tree, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def _machine(held: Environment) -> Tree:
    """What pytest-benchmark compares between runs; it has a name for the host, we have none."""
    found = _PLATFORM.fullmatch(held.platform)
    return {
        "node": "",
        "processor": held.cpu,
        "machine": (found and found["machine"]) or "",
        "python_implementation": "CPython",
        "python_version": held.python,
        "system": found["system"] if found else "",
        "release": found["release"] if found else held.platform,
        "cpu": {"brand_raw": held.cpu, "count": held.cores},
    }


def _commit(commit: str | None) -> Tree:
    own, plus, _ = (commit or "unversioned").partition("+")
    times = {"time": None, "author_time": None}
    return {"id": own, **times, "dirty": bool(plus), "project": "", "branch": "(unknown)"}


def _benchmark(entry: Entry) -> Tree:
    return {
        "group": entry.model,
        "name": entry.name,
        "fullname": f"toolkit bench::{entry.name}",
        "params": {name: getattr(entry.variant, name) for name in _PARAMS},
        "param": entry.param,
        "extra_info": _extra(entry),
        "options": {"timer": "perf_counter_ns", "disable_gc": True},
        "stats": stats(_samples(entry) / NS_PER_S),
    }


def _samples(entry: Entry) -> NDArray[np.int64]:
    blocks = entry.variant.samples_ns
    return np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.int64)


def _extra(entry: Entry) -> Tree:
    """What pytest-benchmark has no place for: the verdict and what it stands on."""
    variant, held = entry.variant, entry.row.comparison
    speedup = variant.speedup.model_dump() if variant.speedup else None
    return {
        "parity_score": variant.parity_score,
        "verdict": "baseline" if entry.row.is_baseline else variant.verdict,
        "speedup": speedup,
        "baseline": held.baseline,
        "aa_band": held.aa_band,
        "p50_us": [variant.p50_us, variant.p50_low_us, variant.p50_high_us],
        "items_per_s": variant.items_per_s,
        "rounds": held.rounds,
        "sets": held.sets,
        "seed": held.seed,
    }


def stats(seconds: Floats) -> Tree:
    """Every figure that pytest-benchmark computes, by its own rules, of at least one call."""
    data = np.sort(seconds)
    q1, q3 = _quartiles(data)
    fence = _FENCE * (q3 - q1)
    inside = data[(data >= q1 - fence) & (data <= q3 + fence)]
    mean = math.fsum(data) / data.size
    stddev = float(data.std(ddof=1)) if data.size > 1 else 0.0
    spread = int(np.sum((data < mean - stddev) | (data > mean + stddev)))
    outliers = data.size - inside.size
    total = math.fsum(data)
    return {
        "min": float(data[0]),
        "max": float(data[-1]),
        "mean": mean,
        "stddev": stddev,
        "rounds": int(data.size),
        "median": float(np.median(data)),
        "iqr": q3 - q1,
        "q1": q1,
        "q3": q3,
        "iqr_outliers": outliers,
        "stddev_outliers": spread,
        "outliers": f"{spread};{outliers}",
        "ld15iqr": float(inside[0]),
        "hd15iqr": float(inside[-1]),
        "ops": data.size / total if total else 0,
        "total": total,
        "iterations": 1,
    }


def _quartiles(data: Floats) -> tuple[float, float]:
    """Medians of the halves of an even number; of an odd one weighted neighbours."""
    count = data.size
    if count == 1:
        return float(data[0]), float(data[0])
    if count % 2 == 0:
        half = count // 2
        return float(np.median(data[:half])), float(np.median(data[half:]))
    n, rest = divmod(count, 4)
    if rest == 1:
        return _between(data, n - 1, 0.25), _between(data, 3 * n, 0.75)
    return _between(data, n, 0.75), _between(data, 3 * n + 1, 0.25)


def _between(data: Floats, index: int, weight: float) -> float:
    """The datum at `index` by `weight`, the next by the rest."""
    return float(weight * data[index] + (1 - weight) * data[index + 1])

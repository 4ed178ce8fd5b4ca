"""Documents of runs whose true times are known: what is timed takes turns, in several sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.report.examples import check, comparison, document, variant
from toolkit.results import CheckResult, Comparison, Document, Samples, Variant

CALLS = 5
COMMIT = "0123456789abcdef" * 2
FILED = ("onnx", "trace", "script", "pt2")
USUAL: Mapping[str, float] = {"eager": 232.0, "onnx": 22.0, "trace": 170.0}
"""Microseconds a call."""


def sha_of(content: str) -> str:
    """A hash in place of a file's."""
    return (content.encode().hex() * 64)[:64]


def samples(
    time_us: float,
    rng: np.random.Generator,
    machine: np.ndarray[Any, Any],
    noise: float,
    set_spread: float,
) -> list[Samples]:
    """Blocks of calls: all sets share the `machine`, whose state each round is by."""
    own = np.exp(set_spread * rng.standard_normal((machine.shape[0], 1)))
    rounds = machine * own * np.exp(noise * rng.standard_normal(machine.shape))
    middle_ns = 1_000 * time_us * rounds.reshape(-1, 1)
    blocks = middle_ns * np.exp(noise * rng.standard_normal((rounds.size, CALLS)))
    return list(np.rint(blocks).astype(np.int64))


def table(
    times_us: Mapping[str, float] = USUAL,
    *,
    seed: int = 0,
    sets: int = 5,
    rounds: int = 8,
    noise: float = 0.004,
    set_spread: float = 0.002,
    slowness: float = 1.0,
    again_us: Mapping[str, float] | None = None,
    rows: Mapping[str, Mapping[str, Any]] | None = None,
    every_row: Mapping[str, Any] | None = None,
    **keys: Any,
) -> Comparison:
    """A comparison of true times; `slowness` is the whole machine's, which also drifts.

    `again_us` are a baseline's artefacts; `rows` holds keys of single variants.
    """
    rng = np.random.default_rng(seed)
    machine = slowness * np.exp(np.cumsum(0.02 * rng.standard_normal((sets, rounds)), axis=1))

    def row(name: str, time_us: float) -> Variant:
        blocks = samples(time_us, rng, machine, noise, set_spread)
        filed = {"sha256": sha_of(f"{name} as it was")} if name in FILED else {}
        own = {**filed, **(every_row or {}), **(rows or {}).get(name, {})}
        p50_us = own.pop("p50_us", time_us * slowness)
        return variant(name, p50_us, None, **{"samples_ns": blocks, **own})

    held: dict[str, Any] = {
        "sets": sets,
        "rounds": sets * rounds,
        "set_rounds": [rounds] * sets,
        "seed": seed,
        "preset": "usual",
        "aa_band": 0.01,
        "remeasured": [row(name, time) for name, time in (again_us or {}).items()],
    }
    timed = [row(name, time) for name, time in times_us.items()]
    return comparison(*timed, **{**held, **keys})


def run(
    *comparisons: Comparison,
    checks: list[CheckResult] | None = None,
    machine: Mapping[str, Any] | None = None,
    toolkit: str = "0.1.0",
    exit_code: int = 0,
    **keys: Any,
) -> Document:
    """A run of `bench` in which every form passed its check; `machine` is what is another one."""
    if checks is None:
        rows = [row for one in comparisons for row in one.variants]
        formats = dict.fromkeys(row.format for row in rows if row.format)
        checks = [check(name) for name in formats]
    made = document("bench", exit_code, comparisons=list(comparisons), results=checks)
    environment = made.environment.model_copy(update=dict(machine or {}))
    own = {"environment": environment, "toolkit": toolkit, "toolkit_commit": COMMIT}
    return made.model_copy(update={**own, **keys})


def changed(*names: str) -> dict[str, dict[str, Any]]:
    """Rows whose file is another than it was."""
    return {name: {"sha256": sha_of(f"{name} as it is")} for name in names}


def untimed(note: str, **keys: Any) -> dict[str, Any]:
    """What a row holds that was not timed."""
    return {"verdict": "not timed", "samples_ns": [], "p50_us": None, "note": note, **keys}

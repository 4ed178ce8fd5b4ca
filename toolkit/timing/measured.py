"""What one process measured: the raw samples of a set of rounds, small enough for a pipe."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from toolkit.timing import statistics
from toolkit.timing.conditions import Conditions
from toolkit.timing.statistics import Floats

Samples = tuple[NDArray[np.int64], ...]
"""Durations of single calls in nanoseconds: one array a round."""

SAMPLES = ("samples_ns", "extras_ns")
FASTEST_LEVEL = 1
"""zlib's: what the other levels save costs more time than the pipe does."""


@dataclass(frozen=True)
class Measured:
    """The raw samples of one set of rounds, and how they were taken.

    `samples_ns` leaves out what is in `failed` (name → reason); `twin_ns` is empty when the
    baseline or its twin failed. `extras_ns` are what took turns with the rest without being a row,
    and `failed` names them too. `unsettled` names whose warm-up never came to rest.
    `warm_up_calls` counts calls; `load_*` is the machine's load average; `harness_ns` is what
    the timed loop adds to a call. Pickled, samples are packed.
    """

    baseline: str
    seed: int
    items: dict[str, int]
    samples_ns: dict[str, Samples]
    twin_ns: Samples
    failed: dict[str, str]
    warm_up_calls: dict[str, int]
    unsettled: tuple[str, ...]
    conditions: tuple[Conditions, ...]
    load_start: float | None
    load_end: float | None
    harness_ns: float
    extras_ns: dict[str, Samples] = field(default_factory=dict)

    @property
    def rounds(self) -> int:
        """How many rounds were run."""
        return len(self.conditions)

    @property
    def spent_s(self) -> float:
        """The wall time of all rounds, in seconds."""
        return sum(one.wall_s or 0.0 for one in self.conditions)

    def ratios(self, name: str) -> Floats:
        """log(baseline / variant) of the block medians, one a round."""
        return statistics.log_ratios(self.samples_ns[self.baseline], self.samples_ns[name])

    def twin_ratios(self) -> Floats:
        """log(baseline / its twin) of the block medians, one a round."""
        return statistics.log_ratios(self.samples_ns[self.baseline], self.twin_ns)

    def __getstate__(self) -> dict[str, object]:
        state = {one.name: getattr(self, one.name) for one in fields(self)}
        for name in SAMPLES:
            state[name] = {key: _packed(blocks) for key, blocks in state[name].items()}
        return {**state, "twin_ns": _packed(self.twin_ns)}

    def __setstate__(self, state: dict[str, object]) -> None:
        unpacked = {name: _all_unpacked(state[name]) for name in SAMPLES}
        for name, value in {**state, **unpacked, "twin_ns": _unpacked(state["twin_ns"])}.items():
            object.__setattr__(self, name, value)


def _packed(blocks: Samples) -> tuple[list[int], str, bytes]:
    """Lengths, dtype and bytes of durations, which fit into half of their width as a rule."""
    joined = np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.int64)
    dtype = np.min_scalar_type(int(joined.max())) if joined.size else joined.dtype
    raw = zlib.compress(joined.astype(dtype).tobytes(), FASTEST_LEVEL)
    return [block.size for block in blocks], dtype.str, raw


def _all_unpacked(packed: object) -> dict[str, Samples]:
    assert isinstance(packed, dict)
    return {name: _unpacked(one) for name, one in packed.items()}


def _unpacked(packed: object) -> Samples:
    assert isinstance(packed, tuple)
    lengths, dtype, raw = packed
    joined = np.frombuffer(zlib.decompress(raw), dtype=dtype).astype(np.int64)
    edges = np.cumsum(lengths)[:-1]
    return tuple(np.split(joined, edges)) if lengths else ()

"""What the harness can resolve here: identical code many times, then a planted slow-down of 5 %.

    python bench/aa.py [--runs 20] [--preset usual|quick|rigorous] [--budget 60] [--neighbour]

Every set of rounds is a fresh process. Prints how often the ratio of identical code lay within 2 %
of 1, how often a verdict was false, how often the slow-down was found, and how often the intervals
held the truth. The bounds are those of 20 runs: within 2 % in 19, one false verdict, the slow-down
found in 19 (none beside a neighbour, where no verdict may be wrong), the truth held in 18. Exits 1
when the share of a bound is broken.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.timing import BUFFERS, Contestant, Measured, Protocol, Timing, compare, measure
from toolkit.timing.sets import enough, share

SIDE = 32
CACHE_LINE = 64
WORK = 40
SLOWER = 42
PLANTED = SLOWER / WORK

WITHIN = 0.02
# Shares of the runs, as of 20: 19, 1, 19, 18.
NEAR, FALSE, FOUND, HELD = 0.95, 0.05, 0.95, 0.90


def workload(steps: int) -> list[Callable[[], object]]:
    """Calls that take time in proportion to `steps`, about 1 µs each, over rotated buffers."""
    weights = aligned(np.eye(SIDE, dtype=np.float32))

    def over(vector: np.ndarray) -> Callable[[], object]:
        def call() -> object:
            value = vector
            for _ in range(steps):
                value = weights @ value
            return value

        return call

    return [over(aligned(np.ones(SIDE, dtype=np.float32))) for _ in range(BUFFERS)]


def aligned(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """A copy on a cache line of its own, as torch and onnxruntime place theirs.

    NumPy aligns to 16 bytes: the same code on other arrays was seen to take 3 % longer, in every
    process alike.
    """
    room = np.empty(values.nbytes + CACHE_LINE, dtype=np.uint8)
    start = -room.ctypes.data % CACHE_LINE
    copy = room[start : start + values.nbytes].view(np.float32).reshape(values.shape)
    copy[...] = values
    return copy


@dataclass(frozen=True)
class Run:
    """One comparison of the workload with itself and with the slower one."""

    same: Timing
    slower: Timing
    band: float
    sets: int


def protocol_of(preset: str, seed: int, budget_s: float) -> Protocol:
    """The preset as the command line of `toolkit bench` means it."""
    if preset == "usual":
        return Protocol.usual(seed, budget_s)
    return Protocol.rigorous(seed) if preset == "rigorous" else Protocol.quick(seed)


def run(protocol: Protocol) -> Run:
    """As many processes as the protocol asks for, one after the other."""
    measured: list[Measured] = []
    context = multiprocessing.get_context("spawn")
    while enough(measured, protocol) is None:
        with context.Pool(1) as fresh:
            measured.append(fresh.apply(one_set, (share(protocol, len(measured)),)))
    outcome = compare(measured)
    _, same, slower = outcome.timings
    assert outcome.aa_band is not None
    return Run(same, slower, outcome.aa_band, outcome.sets)


def one_set(protocol: Protocol) -> Measured:
    """What one fresh process measures."""
    contestants = [
        Contestant("base", workload(WORK)),
        Contestant("same", workload(WORK)),
        Contestant("slower", workload(SLOWER)),
    ]
    return measure(contestants, protocol, twin=Contestant("twin", workload(WORK)))


def _busy() -> None:
    while True:
        pass


@contextmanager
def neighbour(wanted: bool) -> Iterator[None]:
    """A process that burns a core, where wanted."""
    if not wanted:
        yield
        return
    process = multiprocessing.get_context("spawn").Process(target=_busy, daemon=True)
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()


def _holds(timing: Timing, truth: float) -> bool:
    assert timing.speedup is not None
    return timing.speedup.low <= truth <= timing.speedup.high


def _line(run: Run) -> str:
    cells = []
    for timing in (run.same, run.slower):
        ratio = timing.speedup
        assert ratio is not None
        assert timing.minima_ratio is not None
        cells.append(
            f"{ratio.estimate:.4f} [{ratio.low:.4f} {ratio.high:.4f}]"
            f" minima {timing.minima_ratio:.4f} {timing.verdict:8}"
        )
    return " | ".join([*cells, f"band {100 * run.band:.1f} %", f"{run.sets} sets"])


@dataclass(frozen=True)
class Counts:
    """Of `runs` comparisons: how many came out as they should, and how many did not."""

    runs: int
    near: int
    false: int
    found: int
    wrong: int
    unclaimed: int
    held: int
    held_slower: int

    def broken(self, beside_neighbour: bool) -> list[str]:
        """The bounds that do not hold."""
        bounds = {
            "identical code within 2 %": self.near >= NEAR * self.runs,
            "false verdicts": self.false <= (0 if beside_neighbour else FALSE * self.runs),
            "slow-downs found": beside_neighbour or self.found >= FOUND * self.runs,
            "slow-downs taken for speed-ups": self.wrong == 0,
            "intervals": min(self.held, self.held_slower) >= HELD * self.runs,
        }
        return [told for told, holds in bounds.items() if not holds]


def counts(runs: list[Run]) -> Counts:
    """What the runs come to."""
    same, slower = [one.same for one in runs], [one.slower for one in runs]
    return Counts(
        runs=len(runs),
        near=sum(abs(one.speedup.estimate - 1) <= WITHIN for one in same if one.speedup),
        false=sum(one.verdict in ("faster", "slower") for one in same),
        found=sum(one.verdict == "slower" for one in slower),
        wrong=sum(one.verdict == "faster" for one in slower),
        unclaimed=sum(one.verdict in ("noisy", "unstable") for one in slower),
        held=sum(_holds(one, 1.0) for one in same),
        held_slower=sum(_holds(one, 1 / PLANTED) for one in slower),
    )


def summary(runs: list[Run], got: Counts) -> str:
    """Two lines: of identical code, and of the planted slow-down."""
    logs = [math.log(one.same.speedup.estimate) for one in runs if one.same.speedup]
    return "\n".join(
        [
            f"identical code: ratio within 2 % of 1 in {got.near} of {got.runs}"
            f" (sd {100 * float(np.std(logs)):.2f} %, worst {100 * max(map(abs, logs)):.2f} %),"
            f" {got.false} false verdicts; the interval held 1 in {got.held} of {got.runs}",
            f"planted slow-down of {100 * (PLANTED - 1):.0f} %: found in {got.found} of {got.runs}"
            f" ({got.unclaimed} without a claim, {got.wrong} wrong);"
            f" the interval held {1 / PLANTED:.3f} in {got.held_slower} of {got.runs}",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="what the harness can resolve on this machine")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--preset", choices=("usual", "quick", "rigorous"), default="usual")
    parser.add_argument("--budget", type=float, default=60.0, help="seconds of the usual preset")
    parser.add_argument("--neighbour", action="store_true", help="beside a process burning a core")
    given = parser.parse_args()
    runs = []
    with neighbour(given.neighbour):
        for seed in range(given.runs):
            runs.append(run(protocol_of(given.preset, seed, given.budget)))
            print(f"{seed + 1:3} {_line(runs[-1])}", flush=True)
    got = counts(runs)
    print(summary(runs, got))
    broken = got.broken(given.neighbour)
    print(f"broken: {', '.join(broken)}" if broken else "every bound holds")
    sys.exit(int(bool(broken)))


if __name__ == "__main__":
    main()

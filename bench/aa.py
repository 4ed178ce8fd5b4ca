"""What the harness can resolve here: identical code many times, then a planted slow-down of 5 %.

    python bench/aa.py [--runs 20] [--full] [--neighbour]

Prints how often the ratio of identical code lay within 2 % of 1, how often a verdict was false,
how often the slow-down was found, and how often the intervals held the truth.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from toolkit.timing import BUFFERS, Contestant, Protocol, Timing, compare, measure

WORK = 40
SLOWER = 42
PLANTED = SLOWER / WORK


def workload(steps: int) -> list[Callable[[], object]]:
    """Calls that take time in proportion to `steps`, about 1 µs each, over rotated buffers."""
    weights = np.eye(32, dtype=np.float32)

    def over(vector: np.ndarray) -> Callable[[], object]:
        def call() -> object:
            value = vector
            for _ in range(steps):
                value = weights @ value
            return value

        return call

    return [over(np.ones(32, dtype=np.float32)) for _ in range(BUFFERS)]


@dataclass(frozen=True)
class Run:
    """One comparison of the workload with itself and with the slower one."""

    same: Timing
    slower: Timing
    band: float


def run(seed: int, full: bool) -> Run:
    protocol = Protocol.full(seed, budget_s=20.0) if full else Protocol.quick(seed)
    contestants = [
        Contestant("base", workload(WORK)),
        Contestant("same", workload(WORK)),
        Contestant("slower", workload(SLOWER)),
    ]
    outcome = compare(measure(contestants, protocol))
    _, same, slower = outcome.timings
    assert outcome.aa_band is not None
    return Run(same, slower, outcome.aa_band)


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
    return " | ".join([*cells, f"band {100 * run.band:.1f} %"])


def _summary(runs: list[Run]) -> str:
    count = len(runs)
    ratios = [one.same.speedup.estimate for one in runs if one.same.speedup]
    near = sum(abs(ratio - 1) <= 0.02 for ratio in ratios)
    false = sum(one.same.verdict in ("faster", "slower") for one in runs)
    found = sum(one.slower.verdict == "slower" for one in runs)
    wrong = sum(one.slower.verdict == "faster" for one in runs)
    noisy = sum(one.slower.verdict in ("noisy", "unstable") for one in runs)
    held = sum(_holds(one.same, 1.0) for one in runs)
    held_slower = sum(_holds(one.slower, 1 / PLANTED) for one in runs)
    spread = float(np.std(np.log(ratios)))
    worst = max(abs(math.log(ratio)) for ratio in ratios)
    return "\n".join(
        [
            f"identical code: ratio within 2 % of 1 in {near} of {count}"
            f" (sd {100 * spread:.2f} %, worst {100 * worst:.2f} %)",
            f"identical code: {false} false verdicts; the interval held 1 in {held} of {count}",
            f"planted slow-down of {100 * (PLANTED - 1):.0f} %: found in {found} of {count}"
            f" ({noisy} without a claim, {wrong} wrong);"
            f" the interval held {1 / PLANTED:.3f} in {held_slower} of {count}",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="what the harness can resolve on this machine")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--full", action="store_true", help="the full protocol, 20 s a run")
    parser.add_argument("--neighbour", action="store_true", help="beside a process burning a core")
    options = parser.parse_args()
    runs = []
    with neighbour(options.neighbour):
        for seed in range(options.runs):
            runs.append(run(seed, options.full))
            print(f"{seed + 1:3} {_line(runs[-1])}", flush=True)
    print(_summary(runs))


if __name__ == "__main__":
    main()

"""`onnx` against eager for LeNet-5 as `toolkit bench` times it, beside a bare loop over both.

    python -m bench.bare_loop [--runs 20] [--budget 60]

The bare loop takes its turn in every round of the toolkit's: the same module and the same session,
called as their libraries are called. In a process or a minute of its own it would find them
elsewhere in memory, or the machine in another state, and either is worth some percent. Prints both
ratios of every run, and in how many the interval of the toolkit holds that of the loop. Exits 1
when in fewer than 18 of 20.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from time import perf_counter_ns as clock
from typing import Any
from unittest import mock

from bench.planted import bounds
from toolkit.options import BenchOptions
from toolkit.results import Variant
from toolkit.sweep import Sweep
from toolkit.words import ModelWords

SHARE = 0.90
EAGER_CALLS, ONNX_CALLS = 250, 2_000
"""Both take some 50 ms, as a block of the toolkit does."""


@dataclass
class Beside(Sweep):
    """The sweep of `toolkit bench`, whose sets time a bare loop too."""

    by_hand: list[float] = field(default_factory=list)

    def _job(self, function: str, *arguments: Any, **how: Any) -> Iterator[Any]:
        if function != "time_set":
            yield from super()._job(function, *arguments, **how)
            return
        # The libraries read these when they are imported.
        read = mock.patch.dict(os.environ, how["variables"])
        with read, multiprocessing.get_context("spawn").Pool(1) as fresh:
            found, ratio = fresh.apply(set_beside_loop, arguments)
        self.by_hand.append(ratio)
        yield found


def set_beside_loop(*arguments: Any) -> tuple[Any, float]:
    """The toolkit's own set of rounds, and the loop's ratio over what that has loaded."""
    from toolkit import pipeline
    from toolkit.timing import Contestant, measure

    ratios: list[float] = []

    def measure_beside_loop(contestants: Sequence[Any], *more: Any, **how: Any) -> Any:
        eager, onnx = (one.calls for one in contestants)
        by_hand = Contestant("(by hand)", (lambda: ratios.append(loop(eager, onnx)),), brief=True)
        how["extras"] = [*how["extras"], by_hand]
        return measure(contestants, *more, **how)

    with mock.patch("toolkit.benching.rounds.measure", measure_beside_loop):
        (found,) = pipeline.time_set(*arguments)
    # The warm-up is no part of it; the calls of a round that the toolkit does not time are.
    a_round = 1 + arguments[-1].protocol.switch_calls
    return found, statistics.median(ratios[-found.measured.rounds * a_round :])


def loop(eager: Sequence[Any], onnx: Sequence[Any]) -> float:
    """The ratio of both medians; nothing is between the clock and the libraries."""
    module, images = eager[0].func, [call.args[0] for call in eager]
    run, names, feeds = onnx[0].func, onnx[0].args[0], [call.args[1] for call in onnx]
    by_eager, by_onnx = [], []
    for image in islice(cycle(images), EAGER_CALLS):
        start = clock()
        module(image)
        by_eager.append(clock() - start)
    for feed in islice(cycle(feeds), ONNX_CALLS):
        start = clock()
        run(names, feed)
        by_onnx.append(clock() - start)
    return statistics.median(by_eager) / statistics.median(by_onnx)


def run(budget_s: float, seed: int) -> tuple[Variant, list[float]]:
    """The row of `onnx`, and the loop's ratio in each process."""
    sweep = Beside()
    options = BenchOptions(variants=("eager", "onnx"), budget_s=budget_s)
    sweep.bench([ModelWords("lenet5", weights="random", seed=seed)], options)
    (comparison,) = sweep.benched
    return comparison.variants[1], sweep.by_hand


def main() -> None:
    parser = argparse.ArgumentParser(description="the table beside a bare loop")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--budget", type=float, default=60.0, help="seconds of rounds of one table")
    given = parser.parse_args()
    within = 0
    for seed in range(given.runs):
        row, ratios = run(given.budget, seed)
        estimate, low, high = bounds(row)
        hand = statistics.geometric_mean(ratios)
        within += low <= hand <= high
        told = f"toolkit {estimate:.3f} [{low:.3f} {high:.3f}], bare loop {hand:.3f}"
        print(f"{seed + 1:3} {told} in {len(ratios)} processes", flush=True)
    print(f"the interval holds the bare loop's ratio in {within} of {given.runs}")
    sys.exit(int(within < SHARE * given.runs))


if __name__ == "__main__":
    main()

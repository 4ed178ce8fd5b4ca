"""`onnx` against eager for LeNet-5 as `toolkit bench` times it, beside a bare loop over both.

    python -m bench.bare_loop [--runs 20] [--budget 60]

The bare loop is what one would write by hand: the module and the session, in turns, one thread,
one image. Four images take turns, for eager takes 5 % less where every call gets the same one,
whose branches the processor learns. A fresh process of it runs before and after every set of
rounds, so that what the machine does meanwhile happens to both, and its ratio is known better than
the one that is judged. Prints both ratios of every run, and in how many the interval of the toolkit
holds that of the loop. Exits 1 when in fewer than 18 of 20.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter_ns as clock
from typing import Any

import toolkit
from bench.planted import bounds
from toolkit import registry
from toolkit.options import BenchOptions
from toolkit.results import Variant
from toolkit.sweep import Sweep
from toolkit.timing import BUFFERS
from toolkit.words import ModelWords

SHARE = 0.90
ROUNDS = 30
EAGER_CALLS, ONNX_CALLS = 100, 800
"""Of one turn: both take some tens of milliseconds."""
WARM_UP_TURNS = 10


@dataclass
class Beside(Sweep):
    """The sweep of `toolkit bench`, with a bare loop before and after each of its sets."""

    bundle: Path = Path()
    ratios: list[float] = field(default_factory=list)

    def _add_set(self, timing: Any) -> bool:
        self.ratios.append(in_fresh_process(self.bundle))
        added = super()._add_set(timing)
        self.ratios.append(in_fresh_process(self.bundle))
        return added


def run(bundle: Path, budget_s: float, seed: int) -> tuple[Variant, list[float]]:
    """The row of `onnx`, and the ratio in each process of the bare loop."""
    options = BenchOptions(variants=("eager", "onnx"), budget_s=budget_s)
    sweep = Beside(bundle=bundle)
    sweep.bench([ModelWords("lenet5", weights="random", seed=seed)], options)
    (comparison,) = sweep.benched
    return comparison.variants[1], sweep.ratios


def in_fresh_process(bundle: Path) -> float:
    with multiprocessing.get_context("spawn").Pool(1) as fresh:
        return fresh.apply(by_hand, (bundle,))


def by_hand(bundle: Path) -> float:
    """The median ratio over rounds of turns, each called as its own library's users call it."""
    import onnxruntime
    import torch

    torch.set_num_threads(1)
    images = [torch.randn(1, 1, 32, 32) for _ in range(BUFFERS)]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        bundle / "model.onnx", options, providers=["CPUExecutionProvider"]
    )
    feeds = [{session.get_inputs()[0].name: image.numpy()} for image in images]
    names = [output.name for output in session.get_outputs()]
    module = registry.find(ModelWords("lenet5")).build().eval()

    # Written out: a lambda around `session.run`, or None for the names, adds 2.5 % to its 25 µs.
    def eager() -> float:
        durations = []
        for image in islice(cycle(images), EAGER_CALLS):
            start = clock()
            module(image)
            durations.append(clock() - start)
        return statistics.median(durations)

    def onnx() -> float:
        durations = []
        for feed in islice(cycle(feeds), ONNX_CALLS):
            start = clock()
            session.run(names, feed)
            durations.append(clock() - start)
        return statistics.median(durations)

    with torch.inference_mode():
        for _ in range(WARM_UP_TURNS):
            eager(), onnx()
        return statistics.median([eager() / onnx() for _ in range(ROUNDS)])


def main() -> None:
    parser = argparse.ArgumentParser(description="the command beside a bare loop")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument(
        "--budget", type=float, default=60.0, help="seconds of rounds of one comparison"
    )
    given = parser.parse_args()
    within = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        toolkit.export("lenet5", weights="random", formats=["onnx"], out=folder)
        for seed in range(given.runs):
            row, ratios = run(folder / "lenet5", given.budget, seed)
            estimate, low, high = bounds(row)
            hand = statistics.geometric_mean(ratios)
            within += low <= hand <= high
            told = f"toolkit {estimate:.3f} [{low:.3f} {high:.3f}]"
            between = f"{min(ratios):.3f} to {max(ratios):.3f} in {len(ratios)} processes"
            print(f"{seed + 1:3} {told}, bare loop {hand:.3f} ({between})", flush=True)
    print(f"the interval holds the bare loop's ratio in {within} of {given.runs}")
    sys.exit(int(within < SHARE * given.runs))


if __name__ == "__main__":
    main()

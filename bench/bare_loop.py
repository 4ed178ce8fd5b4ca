"""`onnx` against eager for LeNet-5 by `toolkit bench`, beside a bare loop over both.

    python -m bench.bare_loop [--runs 20] [--budget 60]

The bare loop is what one would write by hand: the module and the session, in turns, one thread,
one image, in as many fresh processes as the command takes. Prints both ratios of every run, and in
how many the interval of the command holds that of the loop. Exits 1 when in fewer than 18 of 20.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import toolkit
from bench.planted import bounds
from toolkit import registry
from toolkit.results import load
from toolkit.words import ModelWords

SHARE = 0.90
ROUNDS = 30
EAGER_CALLS, ONNX_CALLS = 100, 800
"""Of one turn: both take some tens of milliseconds."""
WARM_UP_TURNS = 10


def by_command(folder: Path, budget: str, seed: int) -> tuple[tuple[float, float, float], int]:
    """The speed-up of `onnx` with its interval, and in how many processes it was timed."""
    results = folder / f"{seed}.json"
    words = ["lenet5", "--variants", "eager,onnx", "--weights", "random", "--budget", budget]
    words += ["--seed", str(seed), "--results", str(results)]
    command = [sys.executable, "-m", "toolkit", "bench", *words]
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True)
    (comparison,) = load(results).all_comparisons
    return bounds(comparison.variants[1]), comparison.sets


def by_hand(bundle: Path) -> float:
    """The median ratio over rounds of turns, both as their own libraries are called."""
    import onnxruntime
    import torch

    torch.set_num_threads(1)
    image = torch.randn(1, 1, 32, 32)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        bundle / "model.onnx", options, providers=["CPUExecutionProvider"]
    )
    feed = {session.get_inputs()[0].name: image.numpy()}
    module = registry.find(ModelWords("lenet5")).build().eval()
    with torch.inference_mode():
        for _ in range(WARM_UP_TURNS):
            _turn(lambda: module(image), EAGER_CALLS)
            _turn(lambda: session.run(None, feed), ONNX_CALLS)
        ratios = [
            _turn(lambda: module(image), EAGER_CALLS)
            / _turn(lambda: session.run(None, feed), ONNX_CALLS)
            for _ in range(ROUNDS)
        ]
    return statistics.median(ratios)


def _turn(call: Callable[[], object], calls: int) -> float:
    """The median time of a call, in nanoseconds."""
    durations = []
    for _ in range(calls):
        start = time.perf_counter_ns()
        call()
        durations.append(time.perf_counter_ns() - start)
    return statistics.median(durations)


def by_hands(bundle: Path, processes: int) -> float:
    """The geometric mean over fresh processes."""
    logs = []
    for _ in range(processes):
        with multiprocessing.get_context("spawn").Pool(1) as fresh:
            logs.append(math.log(fresh.apply(by_hand, (bundle,))))
    return math.exp(statistics.fmean(logs))


def main() -> None:
    parser = argparse.ArgumentParser(description="the command beside a bare loop")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--budget", default="60", help="seconds of rounds of one comparison")
    given = parser.parse_args()
    within = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        toolkit.export("lenet5", weights="random", formats=["onnx"], out=folder)
        for seed in range(given.runs):
            (estimate, low, high), processes = by_command(folder, given.budget, seed)
            hand = by_hands(folder / "lenet5", processes)
            within += low <= hand <= high
            told = f"command {estimate:.3f} [{low:.3f} {high:.3f}]"
            print(f"{seed + 1:3} {told}, bare loop {hand:.3f}", flush=True)
    print(f"the interval holds the bare loop's ratio in {within} of {given.runs}")
    sys.exit(int(within < SHARE * given.runs))


if __name__ == "__main__":
    main()

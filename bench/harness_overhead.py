"""What the harness adds: its p50 for a model of about 20 µs against a bare loop around it.

    python bench/harness_overhead.py [--rounds 100]

Blocks of both take turns in random order, in one process.
Exits 1 when the ratio is more than 2 % from 1 or a call costs more than 2 µs extra.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable
from itertools import cycle

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from toolkit.timing import BUFFERS
from toolkit.timing.calls import Call, collector_off, overhead_ns, timed, untimed
from toolkit.timing.statistics import log_ratios, speedup

BOUND = 0.02
BOUND_NS = 2_000
CALLS = 1_000
SIDE = 20

Floats = NDArray[np.float32]
Nanoseconds = NDArray[np.int64]


def lenet() -> bytes:
    """An ONNX model like LeNet-5 for images of 20 pixels, about 20 µs a call, seeded weights."""
    rng = np.random.default_rng(0)
    shapes = {
        "c1": (6, 1, 5, 5),
        "c3": (16, 6, 5, 5),
        "f5": (120, 64),
        "f6": (84, 120),
        "f7": (10, 84),
    }
    weights = [
        numpy_helper.from_array((0.1 * rng.standard_normal(shape)).astype(np.float32), name)
        for name, shape in shapes.items()
    ]
    nodes = [
        helper.make_node("Conv", ["x", "c1"], ["a"]),
        helper.make_node("Tanh", ["a"], ["b"]),
        _pool("b", "c"),
        helper.make_node("Conv", ["c", "c3"], ["d"]),
        helper.make_node("Tanh", ["d"], ["e"]),
        _pool("e", "f"),
        helper.make_node("Flatten", ["f"], ["g"]),
        helper.make_node("Gemm", ["g", "f5"], ["h"], transB=1),
        helper.make_node("Gemm", ["h", "f6"], ["i"], transB=1),
        helper.make_node("Gemm", ["i", "f7"], ["y"], transB=1),
    ]
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, SIDE, SIDE])
    logits = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 10])
    graph = helper.make_graph(nodes, "lenet", [image], [logits], weights)
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])
    return bytes(model.SerializeToString())


def _pool(source: str, target: str) -> NodeProto:
    size = [2, 2]
    return helper.make_node("AveragePool", [source], [target], kernel_shape=size, strides=size)


def session() -> onnxruntime.InferenceSession:
    """The model on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(lenet(), options, providers=["CPUExecutionProvider"])


def calls(model: onnxruntime.InferenceSession, images: Floats) -> list[Call]:
    """What the harness is given: one call for each rotated input buffer."""

    def over(image: Floats) -> Call:
        feed = {"x": image}
        return lambda: model.run(None, feed)

    return [over(image) for image in images]


def bare(model: onnxruntime.InferenceSession, image: Floats) -> Nanoseconds:
    """What one would write by hand: the clock, the model's own method, the clock."""
    feed, run, clock = {"x": image}, model.run, time.perf_counter_ns
    durations = []
    for _ in range(CALLS):
        start = clock()
        run(None, feed)
        durations.append(clock() - start)
    return np.array(durations)


def interleaved(rounds: int) -> tuple[list[Nanoseconds], list[Nanoseconds]]:
    """Blocks by the harness and by the bare loop, in random order in every round."""
    rng = np.random.default_rng(1)
    images = rng.standard_normal((BUFFERS, 1, 1, SIDE, SIDE)).astype(np.float32)
    model, chance = session(), random.Random(0)
    work = cycle(calls(model, images))
    harness: list[Nanoseconds] = []
    loop: list[Nanoseconds] = []
    turns: list[Callable[[], None]] = [
        lambda: harness.append(timed(work, CALLS, time.perf_counter_ns)),
        lambda: loop.append(bare(model, images[0])),
    ]
    untimed(work, 10 * CALLS)
    with collector_off():
        for _ in range(rounds):
            chance.shuffle(turns)
            for turn in turns:
                untimed(work, 2)
                turn()
    return harness, loop


def main() -> None:
    parser = argparse.ArgumentParser(description="the harness against a bare loop")
    parser.add_argument("--rounds", type=int, default=100)
    harness, loop = interleaved(parser.parse_args().rounds)
    ratio = speedup([log_ratios(harness, loop)])
    added_ns = overhead_ns(time.perf_counter_ns)
    print(f"p50 by the harness   {np.median(np.concatenate(harness)) / 1000:8.2f} µs")
    print(f"p50 by a bare loop   {np.median(np.concatenate(loop)) / 1000:8.2f} µs")
    print(
        f"ratio                {ratio.estimate:8.4f}"
        f"    95 % [{ratio.low:.4f} {ratio.high:.4f}], bound 1 ± {BOUND}"
    )
    print(f"added to a call      {added_ns:8.0f} ns of the loop's time, bound {BOUND_NS} ns")
    sys.exit(int(abs(ratio.estimate - 1) > BOUND or added_ns > BOUND_NS))


if __name__ == "__main__":
    main()

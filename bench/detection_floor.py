"""The smallest fault that is found: one channel of one layer, multiplied by 1 + d.

    python bench/detection_floor.py [--quick] [--trials N] [NAME…]

Each trial takes a layer of the exported ONNX file and one of its output channels by chance, and
looks by bisection for the least d from 1e-7 to 1 that is found: by the judge over its case plan,
and by what is usual, `numpy.allclose` with atol = rtol = 1e-5 between eager and the file on one
random input at the traced sizes. Printed are the d that is found in 95 % and in half of the trials,
and their ratios; then how much of either limit the right file uses up: beyond 1 it is called wrong.
A change that moves no output by a single bit in any case is drawn again.

Where the judge's floor is over a fifth of the other, the reason stands below the table, if it is
one of two: the right file all but uses up the tolerance, so that what this finds is luck; or what
the judge allows, 30 times the noise, is itself over a fifth of what the tolerance allows there.

`--quick`: 20 trials a network, coarser steps, and of a network with over a million parameters the
cases alone that a check without any time would run.
Exits 1 where the judge's floor is over a fifth of the other without such a reason.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from toolkit import formats, registry, runtimes
from toolkit.inputs import Array, draw, run_module
from toolkit.parity.budget import Budget
from toolkit.parity.compare import tolerance_used
from toolkit.parity.limits import MAX_SCORE
from toolkit.parity.plan import plan
from toolkit.parity.reference import Reference
from toolkit.parity.referring import refer
from toolkit.parity.verdict import judge
from toolkit.runtimes.base import Runner, RunOptions
from toolkit.weights import Built, WeightsRecord, construct

NETWORKS = ("lenet5", "cnn_3_5_10", "mlp_784_128_64_10", "lstm", "vae", "resnet18")
TOLERANCE = 1e-5
LEAST, MOST = 1e-7, 1.0
SHARE = 0.95
BOUND = 0.2
QUICK_TRIALS = 20
TRIALS = 100
QUICK_STEPS = 6
STEPS = 8
LARGE = 1_000_000
USED_UP = 0.5
"""Of a tolerance: what the next network of the kind may well exceed."""
MOST_REDRAWN = 1000
OTHER_SEED = 7_000_000
"""Of the inputs of the usual way, which are of no case plan."""

CHANNEL_AXIS = {"MatMul": -1, "ConvTranspose": 1, "LSTM": 1, "GRU": 1, "RNN": 1}
"""Of a weight's axes the one of the output channels, by the operator that takes it; else 0."""


@dataclass(frozen=True)
class Channel:
    """One output channel of one layer's weight."""

    weight: str
    axis: int
    index: int


@dataclass
class Network:
    """A network of the catalogue with seeded weights, its file and its reference."""

    name: str
    folder: Path
    quick: bool
    reference: Reference = field(init=False)
    model: onnx.ModelProto = field(init=False)

    def __post_init__(self) -> None:
        spec = registry.catalogue()[self.name]
        module = construct(spec, 0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            built = Built(spec, module, WeightsRecord("random", ""))
            made = formats.get("onnx").export(built, self.folder / "right.onnx")
        self.model = onnx.load(made.path)
        self.reference = refer(module, spec, plan(spec), budget=self.budget)
        self.weights = dict(_weights(self.model))

    @property
    def budget(self) -> Budget:
        """The time for the cases: none, or as much as they take."""
        large = (registry.catalogue()[self.name].parameters or 0) > LARGE
        return Budget(0.0 if self.quick and large else None)

    def channel(self, generator: np.random.Generator) -> Channel:
        """A layer by chance, and one of its channels."""
        name = str(generator.choice(sorted(self.weights)))
        axis, extent = self.weights[name]
        return Channel(name, axis, int(generator.integers(extent)))

    def planted(self, channel: Channel, change: float) -> Runner:
        """The file with a channel multiplied by 1 + change, loaded."""
        path = self.folder / "planted.onnx"
        (entry,) = [one for one in self.model.graph.initializer if one.name == channel.weight]
        right = entry.SerializeToString()
        values = numpy_helper.to_array(entry).copy()
        place = [slice(None)] * values.ndim
        place[channel.axis] = slice(channel.index, channel.index + 1)
        values[tuple(place)] *= np.float32(1 + change)
        entry.CopyFrom(numpy_helper.from_array(values, entry.name))
        onnx.save(self.model, path)
        entry.ParseFromString(right)
        return self.load(path)

    def load(self, path: Path) -> Runner:
        """A file of this network, in onnxruntime with one thread."""
        return runtimes.runtime_for("onnx").load(path, self.reference.spec, RunOptions(threads=1))

    def judged_wrong(self, runner: Runner) -> bool:
        """Whether our judge finds a fault."""
        return judge(self.reference, runner, budget=self.budget, until_failed=True).status == "fail"

    def tolerated_not(self, seed: int) -> Callable[[Runner], bool]:
        """Whether the usual way finds one, on the random input of that seed."""
        spec, module = self.reference.spec, self.reference.module
        inputs = draw(spec, spec.traced_sizes, OTHER_SEED + seed)
        eager = run_module(module, spec, inputs)
        return lambda runner: _departs(runner.run(inputs), eager)

    def used_by_right(self, trials: int) -> tuple[float, float]:
        """Of either limit what the right file uses up, over the inputs of the trials."""
        right = self.load(self.folder / "right.onnx")
        score = judge(self.reference, right, budget=self.budget).score or 0.0
        spec, module = self.reference.spec, self.reference.module
        used = 0.0
        for seed in range(trials):
            inputs = draw(spec, spec.traced_sizes, OTHER_SEED + seed)
            outputs, eager = right.run(inputs), run_module(module, spec, inputs)
            for name, values in eager.items():
                share = tolerance_used(outputs[name], values, TOLERANCE, TOLERANCE)
                used = max(used, float(share.max(initial=0.0)))
        return score / MAX_SCORE, used

    def allowed(self) -> float:
        """What the judge allows as a share of what the tolerance does, where it allows most."""
        shares = []
        for port in self.reference.spec.outputs:
            noise = self.reference.noise.get((port.name, "ordinary"))
            if noise is not None:
                sizes = [np.abs(judged.eager[port.name]).mean() for judged in self.reference.cases]
                tolerance = TOLERANCE * (1 + float(np.median(sizes)))
                shares.append(MAX_SCORE * float(np.median(noise)) / tolerance)
        return max(shares)

    def moves_something(self, runner: Runner) -> bool:
        """Whether any value of any case comes out otherwise than from the right file."""
        right = self.load(self.folder / "right.onnx")
        inputs = (judged.inputs for judged in self.reference.cases)
        return any(_moved(runner.run(one), right.run(one)) for one in inputs)


def _weights(model: onnx.ModelProto) -> Iterator[tuple[str, tuple[int, int]]]:
    """Every floating weight of rank two and more: its axis of channels, and how many these are."""
    takers = {name: node for node in model.graph.node for name in node.input}
    for entry in model.graph.initializer:
        rank = len(entry.dims)
        if entry.data_type == onnx.TensorProto.FLOAT and rank > 1 and entry.name in takers:
            axis = _channel_axis(takers[entry.name])
            yield entry.name, (axis, entry.dims[axis])


def _channel_axis(node: onnx.NodeProto) -> int:
    if node.op_type == "Gemm":
        transposed = any(one.name == "transB" and one.i for one in node.attribute)
        return 0 if transposed else 1
    return CHANNEL_AXIS.get(node.op_type, 0)


def _departs(outputs: dict[str, Array], eager: dict[str, Array]) -> bool:
    return not all(
        np.allclose(outputs[name], values, atol=TOLERANCE, rtol=TOLERANCE)
        for name, values in eager.items()
    )


def _moved(outputs: dict[str, Array], right: dict[str, Array]) -> bool:
    return any(not np.array_equal(outputs[name], values) for name, values in right.items())


def least_found(found: Callable[[float], bool], steps: int) -> float:
    """The least change that is found, by bisection of its logarithm; infinite where none is."""
    if not found(MOST):
        return math.inf
    low, high = math.log(LEAST), math.log(MOST)
    for _ in range(steps):
        middle = (low + high) / 2
        if found(math.exp(middle)):
            high = middle
        else:
            low = middle
    return math.exp(high)


@dataclass(frozen=True)
class Floors:
    """The least changes found, trial by trial, by either way."""

    judged: list[float]
    tolerance: list[float]
    redrawn: int
    used: tuple[float, float]

    @staticmethod
    def at(found: Sequence[float], share: float) -> float:
        """The change that is found in so many of the trials."""
        return sorted(found)[math.ceil(share * len(found)) - 1]


def floors_of(network: Network, trials: int) -> Floors:
    """The trials of one network; the same at every run."""
    generator = np.random.default_rng(0)
    steps = QUICK_STEPS if network.quick else STEPS
    judged: list[float] = []
    tolerance: list[float] = []
    redrawn = 0
    while len(judged) < trials and redrawn < MOST_REDRAWN:
        channel = network.channel(generator)
        ours = _least(network, channel, network.judged_wrong, steps)
        if ours == math.inf and not network.moves_something(network.planted(channel, MOST)):
            redrawn += 1
            continue
        usual = _least(network, channel, network.tolerated_not(len(judged)), steps)
        judged.append(ours)
        tolerance.append(usual)
    return Floors(judged, tolerance, redrawn, network.used_by_right(trials))


def _least(network: Network, channel: Channel, way: Callable[[Runner], bool], steps: int) -> float:
    return least_found(lambda change: way(network.planted(channel, change)), steps)


def shown(value: float) -> str:
    """A change, or that none is found."""
    return f"{value:.1e}" if math.isfinite(value) else f"> {MOST:.0f}"


def ratio(judged: float, tolerance: float) -> float:
    """How much less the judge needs; of a change that is never found at most 1 over the most."""
    return judged / min(tolerance, MOST)


def row(network: Network, floors: Floors) -> str:
    """The network's line."""
    cells = []
    for share in (SHARE, 0.5):
        ours, usual = Floors.at(floors.judged, share), Floors.at(floors.tolerance, share)
        least = "≤ " if math.isinf(usual) else ""
        cells += [shown(ours), shown(usual), f"{least}{ratio(ours, usual):.2g}"]
    cells += [f"{used:.2g}" for used in floors.used]
    columns = "".join(f"{cell:>11}" for cell in cells)
    return f"{network.name:20}{columns}{floors.redrawn:>9}"


def within(floors: Floors) -> bool:
    """Whether the judge's floor is at most a fifth of the other."""
    at_share = (Floors.at(found, SHARE) for found in (floors.judged, floors.tolerance))
    return ratio(*at_share) <= BOUND


def reason(network: Network, floors: Floors) -> str | None:
    """Why the judge's floor is not that much lower, where it is known."""
    used = floors.used[1]
    if used > USED_UP:
        return f"the right file uses up {used:.0%} of the tolerance: what this finds is luck"
    allowed = network.allowed()
    if allowed > BOUND:
        return f"of its outputs the judge allows {allowed:.2g} of what the tolerance does"
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description="the smallest fault that is found")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--trials", type=int)
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    names = options.names or NETWORKS
    unknown = set(names) - set(registry.catalogue())
    if unknown:
        parser.error(f"the catalogue has no {', '.join(sorted(unknown))}")
    trials = options.trials or (QUICK_TRIALS if options.quick else TRIALS)
    torch.set_num_threads(1)
    print(f"{'':20}{'found in 95 %':>33}{'found in half':>33}{'used by right':>22}{'no':>9}")
    heads = [*(["judge", "1e-5", "ratio"] * 2), "judge", "1e-5"]
    print(f"{'network':20}{''.join(f'{head:>11}' for head in heads)}{'effect':>9}", flush=True)
    good, reasons = 0, {}
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            network = Network(name, Path(folder), options.quick)
            floors = floors_of(network, trials)
        print(row(network, floors), flush=True)
        good += within(floors)
        if not within(floors):
            reasons[name] = reason(network, floors)
    print(f"at most {BOUND:g} of the usual floor on {good} of {len(names)} networks")
    for name, why in reasons.items():
        print(f"{name}: {why or 'for no reason that is known'}")
    sys.exit(int(any(why is None for why in reasons.values())))


if __name__ == "__main__":
    main()

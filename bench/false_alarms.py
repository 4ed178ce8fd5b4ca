"""How often the judge calls a right export wrong: networks with one output, in ONNX.

    python bench/false_alarms.py [--networks 2000] [--fresh 20]

A network with one output is where a lucky case hurts most: its noise is one number. Linear layers
and small MLPs by turns, every one from a seed of its own. Each is judged over its whole case plan.
The graph of an architecture is exported once, and a seed's weights are put into it: what a fresh
export would hold, as `--fresh` of them show, whose graph and weights must be the same to the bit.
Prints how many were called wrong and the largest score; exits 1 when one was.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import nn

from toolkit import formats, runtimes
from toolkit.parity.limits import MAX_SCORE
from toolkit.parity.plan import plan
from toolkit.parity.referring import refer
from toolkit.parity.verdict import judge
from toolkit.probing import complete
from toolkit.runtimes.base import RunOptions
from toolkit.spec import ModelSpec, Port
from toolkit.weights import Built, WeightsRecord


def linear() -> nn.Module:
    return nn.Linear(784, 1)


def short_linear() -> nn.Module:
    return nn.Linear(5, 1)


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1))


def deep_mlp() -> nn.Module:
    hidden = [nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 16), nn.ReLU()]
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), *hidden, nn.Linear(16, 1), nn.Sigmoid())


ARCHITECTURES: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "Linear(784, 1)": (linear, 784),
    "Linear(5, 1)": (short_linear, 5),
    "MLP 64-32-1": (mlp, 64),
    "MLP 8-16-16-16-1": (deep_mlp, 8),
}
"""How each is built, and how many inputs it has."""


@dataclass
class Architecture:
    """One architecture, exported once."""

    name: str
    folder: Path

    def __post_init__(self) -> None:
        self.build, width = ARCHITECTURES[self.name]
        ports = (Port("input", ("batch", width)),)
        first = self.module(0)
        self.spec = complete(ModelSpec("single", lambda: first, ports), first)
        self.graph = self.exported(first)

    def module(self, seed: int) -> nn.Module:
        """The network that a seed makes."""
        torch.manual_seed(seed)
        return self.build().eval()

    def exported(self, module: nn.Module) -> onnx.ModelProto:
        """The network exported afresh."""
        built = Built(self.spec, module, WeightsRecord("random", ""))
        path = formats.get("onnx").export(built, self.folder / "fresh.onnx").path
        model: onnx.ModelProto = onnx.load(path)
        return model

    def with_weights_of(self, module: nn.Module) -> onnx.ModelProto:
        """The graph with another seed's weights; every weight must have its place."""
        state = {name: value.numpy() for name, value in module.state_dict().items()}
        made: onnx.ModelProto = onnx.ModelProto.FromString(self.graph.SerializeToString())
        put = [entry for entry in made.graph.initializer if entry.name in state]
        assert len(put) == len(state), f"{self.name}: weights without a place in the graph"
        for entry in put:
            entry.CopyFrom(numpy_helper.from_array(state[entry.name], entry.name))
        return made

    def score(self, seed: int) -> tuple[str, float]:
        """The status and score of one seed's network."""
        module = self.module(seed)
        path = self.folder / "seed.onnx"
        onnx.save(self.with_weights_of(module), path)
        runner = runtimes.runtime_for("onnx").load(path, self.spec, RunOptions(threads=1))
        verdict = judge(refer(module, self.spec, plan(self.spec)), runner)
        assert verdict.score is not None
        return verdict.status, verdict.score

    def is_as_fresh(self, seed: int) -> bool:
        """Whether a fresh export of a seed's network is the same graph with the same weights."""
        fresh, exchanged = self.exported(self.module(seed)), self.with_weights_of(self.module(seed))
        return _content(fresh) == _content(exchanged)


def _content(model: onnx.ModelProto) -> tuple[bytes, dict[str, tuple[tuple[int, ...], bytes]]]:
    held = {entry.name: numpy_helper.to_array(entry) for entry in model.graph.initializer}
    bare = onnx.ModelProto.FromString(model.SerializeToString())
    del bare.graph.initializer[:]
    return (
        bare.SerializeToString(deterministic=True),
        {name: (array.shape, array.tobytes()) for name, array in held.items()},
    )


def report(name: str, rows: Sequence[tuple[str, float]]) -> int:
    """Print an architecture's line, and give how many of its networks were called wrong."""
    scores = sorted(score for _, score in rows)
    alarms = sum(status != "pass" for status, _ in rows)
    print(
        f"{name:18} {len(rows):9} {alarms:7} {scores[-1]:14.2f} {scores[len(scores) // 2]:13.2f}",
        flush=True,
    )
    return alarms


def main() -> None:
    parser = argparse.ArgumentParser(description="false alarms on right single-output networks")
    parser.add_argument("--networks", type=int, default=2000)
    parser.add_argument("--fresh", type=int, default=20, help="so many are exported afresh too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(
        f"{'network':18} {'networks':>9} {'alarms':>7} {'largest score':>14} {'median score':>13}"
    )
    alarms, other, everything = 0, 0, []
    for place, name in enumerate(ARCHITECTURES):
        seeds = range(place, options.networks, len(ARCHITECTURES))
        fresh = range(place, options.fresh, len(ARCHITECTURES))
        if not seeds:
            continue
        with tempfile.TemporaryDirectory() as folder:
            architecture = Architecture(name, Path(folder))
            rows = [architecture.score(seed) for seed in seeds]
            other += sum(not architecture.is_as_fresh(seed) for seed in fresh)
        alarms += report(name, rows)
        everything += rows
    report("all", everything)
    print(f"limit {MAX_SCORE:.0f}; {other} of {options.fresh} fresh exports hold something else")
    sys.exit(int(bool(alarms or other)))


if __name__ == "__main__":
    main()

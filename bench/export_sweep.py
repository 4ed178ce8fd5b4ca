"""What ONNX exports of many models cost: through the toolkit against a loop over torch.onnx.export.

    python bench/export_sweep.py [--rounds 5] [--layers] [MODEL ...]

All networks of the catalogue with fewer than 5 million parameters, with seeded weights; both ways
write one file at the same opset with the same names and dynamic dimensions. In every round the
models, and the two ways of each, take turns in random order in one process.
Exits 1 when the ratio of the sums is over 0.7.
"""

from __future__ import annotations

import argparse
import gc
import logging
import random
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from toolkit import formats, registry, weights
from toolkit.formats.base import DEFAULT_OPSET
from toolkit.inputs import example, to_tensors
from toolkit.spec import PART_FAMILIES, ModelSpec
from toolkit.weights import Built, WeightsRecord

BOUND = 0.7
LARGEST_PARAMETERS = 5_000_000
RESAMPLES = 2_000
SEED = 0

Export = Callable[[Built, Path], object]


def through_the_toolkit(built: Built, path: Path) -> None:
    """The `onnx` format."""
    formats.get("onnx").export(built, path)


def plainly(built: Built, path: Path) -> None:
    """What one would write by hand."""
    spec = built.spec
    with torch.no_grad():
        torch.onnx.export(
            built.module,
            to_tensors(spec, example(spec)),
            path,
            input_names=[port.name for port in spec.inputs],
            output_names=[port.name for port in spec.outputs],
            dynamic_shapes=tuple(
                {axis: size for axis, size in enumerate(port.shape) if isinstance(size, str)}
                for port in spec.inputs
            ),
            opset_version=DEFAULT_OPSET,
            external_data=False,
            dynamo=True,
            verbose=False,
        )


WAYS: Mapping[str, Export] = {"toolkit": through_the_toolkit, "plain": plainly}


@dataclass(frozen=True)
class Sums:
    """Seconds by model and round, for both ways."""

    names: Sequence[str]
    toolkit_s: np.ndarray
    plain_s: np.ndarray

    @property
    def ratio(self) -> float:
        """Of the sums over all models and rounds."""
        return float(self.toolkit_s.sum() / self.plain_s.sum())

    def interval(self) -> tuple[float, float]:
        """95 % by resampling the rounds, both ways of a round together."""
        rng = np.random.default_rng(SEED)
        rounds = self.plain_s.shape[1]
        picks = rng.integers(rounds, size=(RESAMPLES, rounds))
        ratios = self.toolkit_s.sum(0)[picks].sum(1) / self.plain_s.sum(0)[picks].sum(1)
        low, high = np.percentile(ratios, [2.5, 97.5])
        return float(low), float(high)


def built(spec: ModelSpec) -> Built:
    """The entry with seeded weights, or the twin of it that the toolkit exports to ONNX."""
    module = weights.construct(spec, SEED)
    twin = spec.twin_for("onnx")
    if twin is not None:
        module = twin.build(module)
    return Built(spec, module.eval(), WeightsRecord("random", "", SEED))


def chosen(names: Sequence[str], layers: bool) -> list[Built]:
    """The small entries of the catalogue without a limit for ONNX; of these `names`, if any."""
    found = []
    for spec in registry.catalogue().values():
        wanted = spec.name in names if names else layers or spec.family not in PART_FAMILIES
        if wanted and "onnx" not in spec.limits:
            one = built(spec)
            if sum(p.numel() for p in one.module.parameters()) < LARGEST_PARAMETERS:
                found.append(one)
    return found


def seconds(export: Export, one: Built, folder: Path) -> float:
    """The wall time of one export; nothing that an earlier one left behind is counted."""
    gc.collect()
    began = time.perf_counter()
    export(one, folder / "model.onnx")
    return time.perf_counter() - began


def exportable(models: Sequence[Built], folder: Path) -> list[Built]:
    """The models that both ways export, which also warms both up; others are named."""
    kept = []
    for one in models:
        try:
            for export in WAYS.values():
                export(one, folder / "model.onnx")
        except Exception as error:  # an exporter may raise anything
            print(f"left out: {one.spec.name}: {str(error).splitlines()[0][:80]}")
        else:
            kept.append(one)
    return kept


def measured(models: Sequence[Built], rounds: int, folder: Path) -> Sums:
    """Every model by both ways in every round, in random order."""
    chance = random.Random(SEED)
    taken = {way: np.zeros((len(models), rounds)) for way in WAYS}
    for number in range(rounds):
        for place in chance.sample(range(len(models)), len(models)):
            for way in chance.sample(list(WAYS), len(WAYS)):
                taken[way][place, number] = seconds(WAYS[way], models[place], folder)
    return Sums([one.spec.name for one in models], taken["toolkit"], taken["plain"])


def told(sums: Sums) -> str:
    """A line a model, and the sums."""
    lines = [f"{'model':34} {'toolkit':>9} {'plain':>9} {'ratio':>6}"]
    for name, ours, theirs in zip(sums.names, sums.toolkit_s, sums.plain_s, strict=True):
        a, b = float(np.median(ours)), float(np.median(theirs))
        lines.append(f"{name:34} {a:7.2f} s {b:7.2f} s {a / b:6.2f}")
    low, high = sums.interval()
    a, b = float(sums.toolkit_s.sum(0).mean()), float(sums.plain_s.sum(0).mean())
    lines.append(f"{'sum, mean of the rounds':34} {a:7.2f} s {b:7.2f} s {sums.ratio:6.2f}")
    lines.append(f"ratio of the sums {sums.ratio:.3f}, 95 % [{low:.3f} {high:.3f}], bound {BOUND}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="many ONNX exports against a plain loop")
    parser.add_argument("models", nargs="*", metavar="MODEL")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--layers", action="store_true", help="layers and losses too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable(logging.ERROR)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        models = exportable(chosen(options.models, options.layers), Path(folder))
        sums = measured(models, options.rounds, Path(folder))
    print(told(sums))
    sys.exit(int(sums.ratio > BOUND))


if __name__ == "__main__":
    main()

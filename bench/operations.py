"""What every network of the catalogue has to do, counted twice: by its exported graph and by torch.

    python bench/operations.py [--layers] [MODEL ...]

One image or sample, seeded weights, other dimensions as `toolkit bench` sets them. FLOPs are two
to a multiply-add, of products alone; bytes are weights, inputs and outputs, each moved once.
Exits 1 when the two counts differ by more than 3 % for a reason that is not known, or when a
network has no count by its graph.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from toolkit import formats, registry, weights
from toolkit.errors import ToolkitError
from toolkit.operations import AGREEMENT, Work, work_of
from toolkit.spec import BATCH, PART_FAMILIES, ModelSpec
from toolkit.timing import roofline
from toolkit.weights import Built, WeightsRecord

SEED = 0
FORMAT = "onnx"
EXPLAINED: Mapping[str, str] = {
    "bidirectional_lstm_classifier": (
        "eager packs its sequences and leaves out the steps behind their ends; the graph runs all"
    ),
}


@dataclass(frozen=True)
class Row:
    """One network; `work` is None where `failure` says why."""

    name: str
    sizes: Mapping[str, int]
    work: Work | None
    failure: str = ""

    @property
    def verdict(self) -> str:
        """`agree`, `known` or what is wrong."""
        if self.work is None:
            return self.failure or "nothing can be counted"
        if self.work.disagreement is None or not self.work.source.startswith("the exported graph"):
            return self.work.source
        if self.work.disagreement <= AGREEMENT:
            return "agree"
        return "known" if self.name in EXPLAINED else "differ"


def counted(spec: ModelSpec, folder: Path) -> Row:
    """One network exported and counted, as it is timed: one sample, its largest tested sizes."""
    sizes = {dimension.name: dimension.tested[-1] for dimension in spec.dimensions}
    sizes |= {BATCH: 1} if BATCH in sizes else {}
    module = weights.construct(spec, SEED)
    twin = spec.twin_for(FORMAT)
    exported = module if twin is None else twin.build(module)
    built = Built(spec, exported.eval(), WeightsRecord("random", "", SEED))
    path = folder / "model.onnx"
    try:
        formats.get(FORMAT).export(built, path)
    except ToolkitError as refusal:
        return Row(spec.name, sizes, None, refusal.message)
    return Row(spec.name, sizes, work_of(spec, sizes, path=path, module=module.eval()))


def chosen(names: Sequence[str], layers: bool) -> Iterator[ModelSpec]:
    """The entries that can be had as ONNX; of these `names`, if any."""
    for spec in registry.catalogue().values():
        wanted = spec.name in names if names else layers or spec.family not in PART_FAMILIES
        if wanted and FORMAT not in spec.limits:
            yield spec


def line(row: Row) -> str:
    """One row of the table."""
    sizes = " ".join(f"{name}={size}" for name, size in row.sizes.items())
    if row.work is None:
        return f"{row.name:34} {sizes:32} {row.verdict}"
    work = row.work
    torch_flops = "-" if work.torch_flops is None else f"{work.torch_flops:,}"
    per_byte = roofline.intensity(work) or 0.0
    figures = f"{work.flops:>16,} {torch_flops:>16} {work.bytes:>13,} {per_byte:>9.2f}"
    return f"{row.name:34} {sizes:32} {figures}  {row.verdict}"


def main() -> None:
    parser = argparse.ArgumentParser(description="operations and bytes of the catalogue")
    parser.add_argument("models", nargs="*", metavar="MODEL")
    parser.add_argument("--layers", action="store_true", help="layers and losses too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable(logging.ERROR)
    warnings.simplefilter("ignore")
    print(
        f"{'model':34} {'sizes':32} {'FLOPs, graph':>16} {'FLOPs, torch':>16} {'bytes':>13} "
        f"{'FLOP/byte':>9}"
    )
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for spec in chosen(options.models, options.layers):
            rows.append(counted(spec, Path(folder)))
            print(line(rows[-1]), flush=True)
    told(rows)
    sys.exit(int(not rows or any(row.verdict not in ("agree", "known") for row in rows)))


def told(rows: Sequence[Row]) -> None:
    """The known reasons, and how many agree."""
    for row in rows:
        if row.verdict == "known":
            print(f"{row.name}: {EXPLAINED[row.name]}")
    agreeing = sum(row.verdict == "agree" for row in rows)
    known = sum(row.verdict == "known" for row in rows)
    print(f"{len(rows)} counted: {agreeing} agree within {AGREEMENT:.0%}, {known} differ as known")


if __name__ == "__main__":
    main()

"""A slow-down of 5 % between two user modules, and a module beside its like, by `toolkit bench`.

    python -m bench.planted [--runs 20] [--budget 60] [--neighbour]

Every run is one comparison of three modules on the command line: the baseline, one that computes
the same, and one that does 5 % more. Prints each, then how often the slower one was called slower
with an interval that holds the truth, and how often the like one was called the same. The bounds
are 18 and 19 of 20; beside a neighbour process no verdict may be wrong. Exits 1 when one is broken.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.aa import neighbour
from toolkit.results import Speedup, Variant, load

STEPS = 1_000
MORE = 1_050
"""So many that what a call costs besides does not count."""
TRUTH = STEPS / MORE
FOUND, SAME = 0.90, 0.95
MODULES = f"""
import torch


class Base(torch.nn.Module):
    steps = {STEPS}

    def forward(self, x):
        weight = self.weight  # its lookup in every step takes longer in a class with a base
        for _ in range(self.steps):
            x = torch.mv(weight, x)
        return x

    def __init__(self):
        super().__init__()
        self.register_buffer("weight", torch.eye(32))


class Like(Base):
    pass


class Slower(Base):
    steps = {MORE}
"""


@dataclass(frozen=True)
class Run:
    """The rows of one comparison, beside its A/A band."""

    like: Variant
    slower: Variant
    band: float | None

    @property
    def found(self) -> bool:
        """Whether the slow-down was said, and as large as it is."""
        _, low, high = bounds(self.slower)
        return self.slower.verdict == "slower" and low <= TRUTH <= high

    @property
    def wrong(self) -> bool:
        """Whether a verdict says what is not so."""
        return self.slower.verdict == "faster" or self.like.verdict in ("faster", "slower")

    def __str__(self) -> str:
        told = " | ".join(f"{_ratio(row)} {row.verdict:8}" for row in (self.like, self.slower))
        return told if self.band is None else f"{told} | band {100 * self.band:.1f} %"


def bounds(row: Variant) -> tuple[float, float, float]:
    """The speed-up with its interval; what is not known is no number."""
    found = row.speedup or Speedup(estimate=None, low=None, high=None)
    estimate, low, high = (
        math.nan if one is None else one for one in (found.estimate, found.low, found.high)
    )
    return estimate, low, high


def _ratio(row: Variant) -> str:
    estimate, low, high = bounds(row)
    return f"{estimate:.4f} [{low:.4f} {high:.4f}]"


def run(folder: Path, budget: str, seed: int) -> Run:
    """One comparison by the command, in processes of its own."""
    results = folder / f"{seed}.json"
    words = [f"net.py:{name}" for name in ("Base", "Like", "Slower")]
    words += ["--input", "x=32", "--variants", "eager", "--seed", str(seed), "--budget", budget]
    command = [sys.executable, "-m", "toolkit", "bench", *words, "--results", str(results)]
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True)
    (comparison,) = load(results).all_comparisons
    _, like, slower = comparison.variants
    return Run(like, slower, comparison.aa_band)


def broken(runs: Sequence[Run], beside_neighbour: bool) -> list[str]:
    """The bounds that do not hold."""
    same = sum(one.like.verdict == "same" for one in runs)
    bounds = {
        "slow-downs found": sum(one.found for one in runs) >= FOUND * len(runs),
        "like modules called the same": same >= SAME * len(runs),
    }
    if beside_neighbour:
        bounds = {"wrong verdicts": not any(one.wrong for one in runs)}
    return [told for told, holds in bounds.items() if not holds]


def main() -> None:
    parser = argparse.ArgumentParser(description="5 % between two user modules")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--budget", default="60", help="seconds of rounds of one comparison")
    parser.add_argument("--neighbour", action="store_true", help="beside a process burning a core")
    given = parser.parse_args()
    runs = []
    with tempfile.TemporaryDirectory() as name, neighbour(given.neighbour):
        Path(name, "net.py").write_text(MODULES, encoding="utf-8")
        for seed in range(given.runs):
            runs.append(run(Path(name), given.budget, seed))
            print(f"{seed + 1:3} {runs[-1]}", flush=True)
    print(
        f"5 % more work: called slower, {TRUTH:.3f} within the interval, in"
        f" {sum(one.found for one in runs)} of {len(runs)}; a like module: called the same in"
        f" {sum(one.like.verdict == 'same' for one in runs)} of {len(runs)};"
        f" {sum(one.wrong for one in runs)} with a wrong verdict"
    )
    failed = broken(runs, given.neighbour)
    print(f"broken: {', '.join(failed)}" if failed else "every bound holds")
    sys.exit(int(bool(failed)))


if __name__ == "__main__":
    main()

"""How often the judge calls a right export wrong: `Linear(784, 1)` of many seeds, in ONNX.

    python bench/false_alarms.py [--networks 200]

A network with one output is where a lucky case hurts most: its noise is one number. Every network
is exported anew and judged over its whole case plan. Prints how many passed and the largest score
of all; exits 1 when one did not pass.
"""

from __future__ import annotations

import argparse
import sys

import torch
from torch import nn

import toolkit


class Single(nn.Module):
    """One linear output of 784 inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(784, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 784) → (B, 1)."""
        output: torch.Tensor = self.linear(x)
        return output


def score_of(seed: int) -> tuple[str, float | None]:
    """The status and score of the network that this seed makes."""
    torch.manual_seed(seed)
    (row,) = toolkit.check(Single(), inputs={"x": "batch,784"}, formats=["onnx"])
    return row.status, row.score


def main() -> None:
    parser = argparse.ArgumentParser(description="false alarms on right single-output networks")
    parser.add_argument("--networks", type=int, default=200)
    networks = parser.parse_args().networks
    torch.set_num_threads(1)
    rows = [score_of(seed) for seed in range(networks)]
    passed = sum(status == "pass" for status, _ in rows)
    scores = sorted(score for _, score in rows if score is not None)
    print(f"passed         {passed} of {networks}")
    print(f"largest score  {scores[-1]:.2f} (limit 30)")
    print(f"median score   {scores[len(scores) // 2]:.2f}")
    sys.exit(int(passed < networks))


if __name__ == "__main__":
    main()

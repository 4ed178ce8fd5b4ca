"""A small project of tests that use the plugin, and a run of it."""

from __future__ import annotations

import pytest

NETWORKS = '''
import pytest, torch
from dataclasses import dataclass
from torch import nn

class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.layer = nn.Linear(width, 4)

    def forward(self, x):
        return torch.relu(self.layer(x))

class Frozen(Net):
    """Right at the sizes that are traced, wrong above them; right as a script."""

    def forward(self, x):
        y = torch.relu(self.layer(x))
        return 2 * y if x.shape[0] > 2 else y

class NoScript(Net):
    def forward(self, x):
        return (lambda y: torch.relu(y))(self.layer(x))
'''


QUICK = "budget=0, reproductions=False"


IN_WORDS = '{"x": "batch,8"}'


def run(pytester: pytest.Pytester, tests: str, *words: str) -> pytest.RunResult:
    """The outcome of a file of tests over the networks above."""
    pytester.makepyfile(test_net=NETWORKS + tests)
    return pytester.runpytest_inprocess("-p", "no:benchmark", "-p", "no:cacheprovider", *words)

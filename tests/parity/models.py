"""Small modules and candidates that parity is tested on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from toolkit.errors import RunError
from toolkit.inputs import Array, run_module
from toolkit.parity.plan import plan
from toolkit.parity.reference import Reference
from toolkit.parity.referring import refer
from toolkit.probing import complete
from toolkit.spec import ModelSpec, Port


def two_layers(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)).eval()


def spec_of(module: nn.Module, *inputs: Port) -> ModelSpec:
    ports = inputs or (Port("input", ("batch", 6)),)
    return complete(ModelSpec("subject", lambda: module, ports), module)


def reference_of(module: nn.Module, *inputs: Port) -> Reference:
    spec = spec_of(module, *inputs)
    return refer(module, spec, plan(spec))


Change = Callable[[Mapping[str, Array], dict[str, Array]], dict[str, Array]]


@dataclass
class Altered:
    """A candidate that is the module itself with its outputs changed by a function."""

    module: nn.Module
    spec: ModelSpec
    change: Change = lambda inputs, outputs: outputs

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        return self.change(inputs, run_module(self.module, self.spec, inputs))


@dataclass
class Refusing:
    """A candidate that takes one batch size and no other."""

    inner: Altered
    size: int

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        if next(iter(inputs.values())).shape[0] != self.size:
            raise RunError(f"expected batch {self.size}")
        return self.inner.run(inputs)

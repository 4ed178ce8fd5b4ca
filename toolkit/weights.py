"""Weights for a spec: trained, reused, read from a file or seeded; the way from spec to `Built`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import nn

from toolkit.spec import ModelSpec

Origin = Literal["trained", "pretrained", "random", "file", "constructed", "bundle"]


@dataclass(frozen=True)
class WeightsRecord:
    """Where the weights came from, the hash of their values and what they were trained on."""

    origin: Origin
    sha256: str
    seed: int | None = None
    data: str | None = None


@dataclass(frozen=True)
class Built:
    """A module in eval mode with its weights, and the spec that describes it."""

    spec: ModelSpec
    module: nn.Module
    weights: WeightsRecord

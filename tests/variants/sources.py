"""Models with all that their variants are made of: two of the catalogue, one that nests outputs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from toolkit import formats, registry
from toolkit.hashing import state_dict_sha256
from toolkit.inputs import draw
from toolkit.runtimes.base import Array
from toolkit.spec import ModelSpec, Port
from toolkit.variants import Source
from toolkit.weights import Built, WeightsRecord


class Nested(nn.Module):
    """Images and labels in; a pair out, one of whose members is a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3)
        self.embed = nn.Embedding(10, 4)

    def forward(self, image: Tensor, label: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        features = torch.relu(self.first(image)).mean((2, 3))
        parts = {"features": features, "largest": features.amax(1)}
        return features + self.embed(label), parts


NESTED = ModelSpec(
    "nested",
    Nested,
    (Port("image", ("batch", 3, 6, 6)), Port("label", ("batch",), "int64", 0, 9)),
)
NAMES = ("lenet5", "lstm", "nested")


def built(name: str) -> Built:
    """The model with seeded weights, in eval mode."""
    spec = NESTED if name == "nested" else registry.catalogue()[name]
    torch.manual_seed(0)
    module = spec.build().eval()
    return Built(spec, module, WeightsRecord("random", state_dict_sha256(module.state_dict()), 0))


def arrays(spec: ModelSpec, batch: int = 2, seed: int = 0) -> dict[str, Array]:
    """Inputs with that many samples."""
    return draw(spec, {**spec.traced_sizes, "batch": batch}, seed)


def bare(name: str) -> Source:
    """The model without any form."""
    model = built(name)
    return Source(model, {}, arrays(model.spec), Path())


def source(name: str, folder: Path, wanted: Sequence[str] = formats.NAMES) -> Source:
    """The model with those forms, its files in `folder`."""
    model = built(name)
    forms = {one: folder / formats.get(one).filename for one in wanted}
    for one, path in forms.items():
        formats.get(one).export(model, path)
    return Source(model, forms, arrays(model.spec), folder / "scratch")

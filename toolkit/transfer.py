"""Transfer from a network that has learned before: its features taken out, its head replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from toolkit.errors import BuildError

if TYPE_CHECKING:
    from torch.fx import GraphModule

_FEATURES = "features"


class Features(nn.Module):
    """One input (B, …) → features (B, N): what `extractor` gives, flattened."""

    def __init__(self, extractor: GraphModule) -> None:
        super().__init__()
        self.extractor = extractor

    def forward(self, x: Tensor) -> Tensor:
        """The features of each sample, one row a sample."""
        return torch.flatten(self.extractor(x)["features"], 1)


def features(network: nn.Module, layer: str) -> Features:
    """A module that runs `network` as far as `layer` and gives that layer's output, flattened.

    `layer` is the dotted path of a submodule (`avgpool`, `layer4.1`). What comes after it is left
    out; the parameters are shared with `network` and go by the same names under `extractor.`. What
    `forward` does in one mode alone is that of the mode in which `network` is.
    Raises `BuildError` for a layer that there is not, or a network that cannot be taken apart.
    """
    from torch.fx import GraphModule
    from torchvision.models.feature_extraction import create_feature_extractor

    if layer not in dict(network.named_modules()) or not layer:
        parts = ", ".join(name for name, _ in network.named_children())
        raise BuildError(f"the network has no layer {layer!r}", hint=f"its parts are: {parts}")
    try:
        extractor = create_feature_extractor(network, {layer: _FEATURES})
    except Exception as error:  # symbolic tracing runs the network's own code
        raise BuildError(
            f"the network cannot be taken apart: {type(error).__name__}: {error}",
            hint="torch.fx traces it: a forward whose branches depend on values is refused",
        ) from error
    # torchvision's own module has a graph for each mode, and a copy of it is in train mode.
    return Features(GraphModule(network, extractor.graph)).train(network.training)


def replace_head(network: nn.Module, classes: int) -> nn.Module:
    """Replace the last linear layer by a new one with `classes` outputs, in place.

    The new layer is drawn by torch's default, with the bias, dtype and device of the old one.
    Raises `BuildError` where there is no linear layer.
    """
    linear = [name for name, part in network.named_modules() if isinstance(part, nn.Linear)]
    if not linear or not linear[-1]:
        raise BuildError("the network has no linear layer that could be replaced")
    old = network.get_submodule(linear[-1])
    assert isinstance(old, nn.Linear)
    new = nn.Linear(
        old.in_features,
        classes,
        bias=old.bias is not None,
        device=old.weight.device,
        dtype=old.weight.dtype,
    )
    network.set_submodule(linear[-1], new.train(old.training))
    return network

"""Initialisers of weights by the name that a training plan gives them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import init

from toolkit.errors import TrainingError

CONSTANT = 0.3

_INITIALISERS: dict[str, Callable[[Tensor], Tensor]] = {
    "uniform": init.uniform_,
    "normal": init.normal_,
    "constant": partial(init.constant_, val=CONSTANT),
    "xavier_uniform": partial(init.xavier_uniform_, gain=init.calculate_gain("relu")),
    "xavier_normal": init.xavier_normal_,
    "kaiming_uniform": init.kaiming_uniform_,
    "kaiming_normal": partial(init.kaiming_normal_, mode="fan_out"),
    "orthogonal": init.orthogonal_,
    "eye": init.eye_,
    "dirac": init.dirac_,
}
_LEAST_RANK = 2

INITIALISERS = tuple(_INITIALISERS)


def initialise(module: nn.Module, name: str) -> None:
    """Draw every weight of two axes or more anew, in place; biases, norms, frozen ones stay.

    `uniform` is in [0, 1), `normal` standard. Raises `TrainingError` for an unknown name, and for
    a weight that the initialiser does not fit: `eye` takes matrices, `dirac` convolutions alone.
    """
    draw = _INITIALISERS.get(name)
    if draw is None:
        raise TrainingError(
            f"there is no initialiser {name!r}",
            hint=f"the initialisers are: {', '.join(INITIALISERS)}",
        )
    for path, weight in module.named_parameters():
        if weight.requires_grad and weight.ndim >= _LEAST_RANK:
            try:
                draw(weight)
            except ValueError as error:
                raise TrainingError(
                    f"the initialiser {name} does not fit {path} {tuple(weight.shape)}: {error}"
                ) from error
    _empty_padding(module)


def _empty_padding(module: nn.Module) -> None:
    """The vector of an embedding's padding stays 0: it is never trained away from what it is."""
    for part in module.modules():
        if isinstance(part, nn.Embedding) and part.padding_idx is not None:
            with torch.no_grad():
                part.weight[part.padding_idx].zero_()

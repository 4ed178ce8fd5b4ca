"""Seeded weights for a library's network: none trivial, signals of about one size at any depth.

What a library leaves at zero or one (heads, the last scale of a residual branch, normalisations)
would hide a form that leaves it out, and a head of zeros makes every output the same.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

JITTER = 0.1
"""How far a scale lies around its constant, and the deviation of a shift."""
LEAST_SCALE, MOST_SCALE = 0.2, 0.4
"""For scales of residual branches that are drawn at, or near, zero."""
TINY = 0.1
_SHIFTS = ("bias", "token", "embed")


def draw_well(network: nn.Module) -> nn.Module:
    """Draw convolutions, linear layers and what is constant anew, in place, from torch's generator.

    Kaiming's normal for convolutions and linear layers (He et al., "Delving deep into rectifiers",
    2015); batch normalisations get statistics of their own.
    """
    for part in network.modules():
        if isinstance(part, _ConvNd | nn.Linear):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
        elif isinstance(part, _BatchNorm) and part.running_var is not None:
            nn.init.normal_(part.running_mean, std=JITTER)  # type: ignore[arg-type]
            nn.init.uniform_(part.running_var, 1 - JITTER, 1 + JITTER)
    return break_constants(network)


def break_constants(network: nn.Module) -> nn.Module:
    """Draw the floating parameters anew whose values are all the same, in place."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.is_floating_point() and _is_constant(parameter):
                _redraw(name.rpartition(".")[2], parameter)
    return network


def _is_constant(tensor: Tensor) -> bool:
    return tensor.numel() > 0 and bool((tensor == tensor.flatten()[0]).all())


def _redraw(leaf: str, parameter: Tensor) -> None:
    value = float(parameter.flatten()[0])
    matrix = sum(size > 1 for size in parameter.shape) > 1
    if matrix:
        parameter.normal_(std=1 / math.sqrt(parameter[0].numel()))
    elif value == 0 and any(word in leaf for word in _SHIFTS):
        parameter.normal_(std=JITTER)
    elif abs(value) < TINY:
        parameter.uniform_(LEAST_SCALE, MOST_SCALE)
    else:
        parameter.mul_(torch.empty_like(parameter).uniform_(1 - JITTER, 1 + JITTER))

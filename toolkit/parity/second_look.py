"""The second look: how far eager itself moves when every number is off by one rounding.

What a right export may get wrong in an ill-conditioned case (ties of argmax, cancellation, a value
on a threshold) is what eager gets wrong too when its inputs and parameters are multiplied by
1 ± eps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from toolkit.inputs import Array, run_module
from toolkit.parity.compare import EPS, difference
from toolkit.spec import ModelSpec, Port

DRAWS = 16


@dataclass(frozen=True)
class Spread:
    """How far eager moves: each output element by element, and the shapes that it takes."""

    changes: dict[str, Array]
    shapes: dict[str, set[tuple[int, ...]]]


def spread(
    module: nn.Module,
    spec: ModelSpec,
    arrays: Mapping[str, Array],
    eager: Mapping[str, Array],
    *,
    device: str = "cpu",
    draws: int = DRAWS,
    alive: Callable[[], None] = lambda: None,
) -> Spread:
    """Element by element the largest change of each output; for integers 1 where one changed.

    `alive` is called before every draw: those of a large model take long.
    """
    widest = {name: np.zeros(output.shape) for name, output in eager.items()}
    shapes = {name: {output.shape} for name, output in eager.items()}
    with torch.random.fork_rng(devices=[]):
        for draw in range(draws):
            alive()
            generator = np.random.default_rng(draw)
            moved = {
                port.name: _perturbed_array(port, arrays[port.name], generator)
                for port in spec.inputs
            }
            torch.manual_seed(draw)
            try:
                with _perturbed_parameters(module, draw):
                    outputs = run_module(module, spec, moved, device=device)
            except Exception:  # noqa: S112 - eager does not take this draw: it tells nothing
                continue
            for name in widest.keys() & outputs.keys():
                output = outputs[name]
                shapes[name].add(output.shape)
                if output.shape == widest[name].shape:
                    widest[name] = np.maximum(widest[name], _change(output, eager[name]))
    return Spread(widest, shapes)


def _change(output: Array, eager: Array) -> Array:
    if np.issubdtype(output.dtype, np.floating):
        return difference(output, eager)
    return np.asarray(output != eager, dtype=np.float64)


def _perturbed_array(port: Port, values: Array, generator: np.random.Generator) -> Array:
    """Floating values off by one rounding, inside the port's range as every draw is."""
    if not port.is_float:
        return values
    signs = generator.choice(np.array([-1.0, 1.0]), size=values.shape)
    moved = values * (1.0 + EPS[port.dtype] * signs)
    if port.low is not None:
        moved = np.clip(moved, port.low, port.high)
    return np.asarray(moved, dtype=values.dtype)


@contextmanager
def _perturbed_parameters(module: nn.Module, draw: int) -> Iterator[None]:
    """Every floating parameter times 1 ± eps, put back to the bit afterwards."""
    generator = torch.Generator().manual_seed(draw)
    kept: list[tuple[nn.Parameter, torch.Tensor]] = []
    try:
        with torch.no_grad():
            for parameter in module.parameters():
                if not parameter.is_floating_point():
                    continue
                kept.append((parameter, parameter.detach().clone()))
                eps = torch.finfo(parameter.dtype).eps
                coins = torch.randint(
                    0, 2, parameter.shape, generator=generator, dtype=parameter.dtype
                )
                # 1 ± eps and 2 eps are numbers of that dtype: nothing is rounded but the product.
                factor = coins.mul_(2 * eps).add_(1 - eps)
                parameter.mul_(factor.to(parameter.device))
        yield
    finally:
        with torch.no_grad():
            for parameter, values in kept:
                parameter.copy_(values)

"""Named arrays for a spec: drawn from a seed, handed to a module, and taken back flattened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from toolkit.errors import InputsError
from toolkit.flattening import flatten
from toolkit.spec import ModelSpec, Port

Array = NDArray[Any]
Kind = Literal[
    "ordinary", "flipped", "scaled", "zeros", "ones", "lowest", "highest", "outliers", "full-range"
]

SCALE = 10.0
OUTLIER_SCALE = 1000.0
OUTLIER_SHARE = 0.01
NORMAL_BOUND = 4.0
DEFAULT_INTEGERS = (0, 9)

TORCH_DTYPES: Mapping[str, torch.dtype] = {
    name: getattr(torch, name)
    for name in (
        *("float16", "bfloat16", "float32", "float64"),
        *("uint8", "int8", "int16", "int32", "int64", "bool"),
    )
}


def draw(
    spec: ModelSpec, sizes: Mapping[str, int], seed: int, kind: Kind = "ordinary"
) -> dict[str, Array]:
    """One array an input port, the same for the same seed, every value inside the port's range."""
    generator = np.random.default_rng(seed)
    return {
        port.name: _draw_port(port.bounded(sizes), port.at(sizes), generator, kind)
        for port in spec.inputs
    }


def _draw_port(
    port: Port, shape: tuple[int, ...], generator: np.random.Generator, kind: Kind
) -> Array:
    if port.mask:
        return _draw_mask(port, shape, generator, kind)
    if port.dtype == "bool":
        return _draw_booleans(shape, generator, kind)
    if port.is_float:
        return _draw_floats(port, shape, generator, kind)
    return _draw_integers(port, shape, generator, kind)


def _draw_mask(
    port: Port, shape: tuple[int, ...], generator: np.random.Generator, kind: Kind
) -> Array:
    """Ones as far as a sample is long, then zeros: a row of zeros alone would mask everything."""
    longest = shape[-1]
    constants = {"zeros": 1, "lowest": 1, "ones": longest, "highest": longest}
    lengths = np.full(shape[:-1], constants.get(kind, longest))
    if kind not in constants and longest:
        lengths = generator.integers(1, longest, size=shape[:-1], endpoint=True)
    return (np.arange(longest) < lengths[..., None]).astype(port.dtype)


def _draw_booleans(shape: tuple[int, ...], generator: np.random.Generator, kind: Kind) -> Array:
    if kind in ("zeros", "lowest"):
        return np.zeros(shape, dtype=bool)
    if kind in ("ones", "highest"):
        return np.ones(shape, dtype=bool)
    return generator.random(shape) < 0.5  # noqa: PLR2004 - an even coin


def _integer_range(port: Port) -> tuple[int, int]:
    if port.low is None or port.high is None:
        return DEFAULT_INTEGERS
    return int(port.low), int(port.high)


def _draw_integers(
    port: Port, shape: tuple[int, ...], generator: np.random.Generator, kind: Kind
) -> Array:
    low, high = _integer_range(port)
    constants = {"zeros": min(max(0, low), high), "ones": min(max(1, low), high)}
    constants |= {"lowest": low, "highest": high}
    if kind in constants:
        return np.full(shape, constants[kind], dtype=port.dtype)
    drawn = generator.integers(low, high, size=shape, endpoint=True, dtype=np.int64)
    if kind == "full-range" and drawn.size:
        flat = drawn.reshape(-1)
        flat[:: max(2, flat.size // 4)] = high
        flat[0] = low
    return drawn.astype(port.dtype)


def _draw_floats(
    port: Port, shape: tuple[int, ...], generator: np.random.Generator, kind: Kind
) -> Array:
    low, high = _float_range(port)
    bounded = port.low is not None
    constants = {"zeros": 0.0, "ones": 1.0, "lowest": low, "highest": high}
    if kind in constants:
        values = np.full(shape, constants[kind])
    else:
        ordinary = generator.uniform(low, high, shape) if bounded else generator.normal(size=shape)
        values = _reshape_distribution(ordinary, generator, kind)
    clipped = np.clip(values, low, high) if bounded else values
    if port.dtype == "bfloat16":
        # numpy has no bfloat16: float32 carries it, rounded here so that all runs see one value.
        return torch.tensor(clipped).bfloat16().float().numpy()
    return np.asarray(clipped, dtype=port.dtype)


def _float_range(port: Port) -> tuple[float, float]:
    if port.low is None or port.high is None:
        return -NORMAL_BOUND, NORMAL_BOUND
    return port.low, port.high


def _reshape_distribution(values: Array, generator: np.random.Generator, kind: Kind) -> Array:
    if kind == "flipped":
        return -values
    if kind == "scaled":
        return values * SCALE
    if kind == "outliers":
        chosen = generator.random(values.shape) < OUTLIER_SHARE
        if chosen.size:
            chosen.reshape(-1)[generator.integers(chosen.size)] = True
        return np.where(chosen, values * OUTLIER_SCALE, values)
    return values


def example(spec: ModelSpec, seed: int = 0) -> dict[str, Array]:
    """The inputs that exporters see: every dynamic dimension at its traced size."""
    return draw(spec, spec.traced_sizes, seed)


def to_tensors(
    spec: ModelSpec,
    arrays: Mapping[str, Array],
    *,
    device: str = "cpu",
    float_dtype: torch.dtype | None = None,
) -> tuple[torch.Tensor, ...]:
    """One tensor an input, in order; `float_dtype` replaces every floating dtype."""
    missing = [port.name for port in spec.inputs if port.name not in arrays]
    if missing:
        raise InputsError(f"inputs are missing: {', '.join(missing)}", model=spec.name)
    return tuple(_to_tensor(port, arrays[port.name], device, float_dtype) for port in spec.inputs)


def _to_tensor(
    port: Port, array: Array, device: str, float_dtype: torch.dtype | None
) -> torch.Tensor:
    dtype = TORCH_DTYPES[port.dtype]
    if float_dtype is not None and port.is_float:
        dtype = float_dtype
    return torch.tensor(np.ascontiguousarray(array), dtype=dtype, device=device)


def to_array(tensor: torch.Tensor) -> Array:
    """A tensor of any device and dtype as an array; bfloat16 widens to float32."""
    plain = tensor.detach().cpu()
    widened = plain.float() if plain.dtype is torch.bfloat16 else plain
    return np.array(widened.contiguous().numpy())  # a copy: a module may reuse its buffers


def arguments(spec: ModelSpec, tensors: Sequence[object]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What `forward` is called with, for tensors in the order of the spec's inputs."""
    return (tuple(tensors), {}) if spec.call is None else spec.call.bind(tensors)


def run_module(
    module: nn.Module,
    spec: ModelSpec,
    arrays: Mapping[str, Array],
    *,
    device: str = "cpu",
    float_dtype: torch.dtype | None = None,
) -> dict[str, Array]:
    """Named arrays through a module, without gradients; what its code raises goes through."""
    outputs = run_tensors(module, spec, arrays, device=device, float_dtype=float_dtype)
    return {name: to_array(tensor) for name, tensor in outputs.items()}


def run_tensors(
    module: nn.Module,
    spec: ModelSpec,
    arrays: Mapping[str, Array],
    *,
    device: str = "cpu",
    float_dtype: torch.dtype | None = None,
) -> dict[str, torch.Tensor]:
    """As `run_module`, the outputs still tensors: bfloat16 has no array of its own."""
    tensors = to_tensors(spec, arrays, device=device, float_dtype=float_dtype)
    positional, keywords = arguments(spec, tensors)
    with torch.no_grad():
        value = module(*positional, **keywords)
    return flatten(value, [port.name for port in spec.outputs])

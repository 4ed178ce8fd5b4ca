"""Named arrays for a spec: drawn from a seed, handed to a module, and taken back flattened."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from toolkit.errors import InputsError
from toolkit.flattening import flatten
from toolkit.spec import ModelSpec, Port

Array = NDArray[Any]
FlatKind = Literal["zeros", "ones", "lowest", "highest", "constant"]
LengthKind = Literal["full-length", "length-one", "sorted", "unsorted"]
SomeKind = Literal["full-range", "false", "true", LengthKind]
Kind = Literal["ordinary", "flipped", "scaled", "outliers", "wide", FlatKind, SomeKind]
"""How values are drawn, see `draw`: `wide` is ordinary, of many samples."""
FLAT_KINDS: tuple[FlatKind, ...] = get_args(FlatKind)
LENGTH_KINDS: tuple[LengthKind, ...] = get_args(LengthKind)
OF_SOME_INPUTS: tuple[SomeKind, ...] = get_args(SomeKind)
"""What integers, booleans, masks and lengths can be; the other inputs are ordinary."""

SCALE = 10.0
OUTLIER_SCALE = 1000.0
OUTLIER_SHARE = 0.01
NORMAL_BOUND = 4.0
DEFAULT_INTEGERS = (0, 9)
LARGEST_SPAN = 2**62
"""Of integers that are gone through in turn: sums with it stay in 64 bits."""

TORCH_DTYPES: Mapping[str, torch.dtype] = {
    name: getattr(torch, name)
    for name in (
        *("float16", "bfloat16", "float32", "float64"),
        *("uint8", "int8", "int16", "int32", "int64", "bool"),
    )
}


def draw(
    spec: ModelSpec,
    sizes: Mapping[str, int],
    seed: int,
    kind: Kind = "ordinary",
    flag: str | None = None,
) -> dict[str, Array]:
    """One array an input port, the same for the same seed, every value inside the port's range.

    `scaled`, `outliers`, `flipped` and the flat kinds are about all values. Of the others each is
    about some inputs, and the rest are drawn as ordinary: `full-range` has both ends of every
    integer, `false` and `true` have one value in every boolean (in `flag` alone where it is named,
    and the opposite in the others), and the kinds of length are about masks and lengths.
    """
    generator = np.random.default_rng(seed)
    return {
        port.name: _draw_port(port, sizes, _Drawing(generator, seed, kind, flag))
        for port in spec.inputs
    }


@dataclass(frozen=True)
class _Drawing:
    """What the inputs of one case are drawn with."""

    generator: np.random.Generator
    seed: int
    kind: Kind
    flag: str | None


def _draw_port(port: Port, sizes: Mapping[str, int], drawing: _Drawing) -> Array:
    bounded, shape = port.bounded(sizes), port.at(sizes)
    if port.mask:
        return _draw_mask(bounded, shape, drawing)
    if port.dtype == "bool":
        return _draw_booleans(port, shape, drawing)
    if port.is_float:
        return _draw_floats(bounded, shape, drawing)
    if port.up_to is not None:
        return _draw_lengths(bounded, shape, drawing)
    return _draw_integers(bounded, shape, drawing)


def _draw_mask(port: Port, shape: tuple[int, ...], drawing: _Drawing) -> Array:
    """Ones as far as a sample is long, then zeros: a row of zeros alone would mask everything."""
    longest = shape[-1]
    lengths = _lengths(shape[:-1], (min(1, longest), longest), drawing)
    return (np.arange(longest) < lengths[..., None]).astype(port.dtype)


def _draw_lengths(port: Port, shape: tuple[int, ...], drawing: _Drawing) -> Array:
    return _lengths(shape, _integer_range(port), drawing).astype(port.dtype)


def _lengths(shape: tuple[int, ...], ends: tuple[int, int], drawing: _Drawing) -> Array:
    """How long each sample is; with integers over their full range none of them is cut off."""
    low, high = ends
    one = min(max(1, low), high)
    constants = {"zeros": low, "lowest": low, "length-one": one}
    constants |= dict.fromkeys(("ones", "highest", "full-length", "full-range"), high)
    if drawing.kind in constants:
        return np.full(shape, constants[drawing.kind])
    if drawing.kind == "wide" and drawing.seed % 2 == 0:
        return np.full(shape, high)  # every integer counts
    if drawing.kind in ("sorted", "unsorted"):
        falling = np.linspace(high, one, math.prod(shape)).round().astype(np.int64)
        # Turned by one place: to sort it and to undo the sorting are two different permutations.
        turned = falling if drawing.kind == "sorted" else np.roll(falling, 1)
        return turned.reshape(shape)
    size = () if drawing.kind == "constant" else shape
    drawn = drawing.generator.integers(low, high, size=size, endpoint=True)
    return np.broadcast_to(drawn, shape)


def _draw_booleans(port: Port, shape: tuple[int, ...], drawing: _Drawing) -> Array:
    kind = drawing.kind
    if kind in ("false", "true"):
        meant = drawing.flag in (None, port.name)
        return np.full(shape, (kind == "true") is meant)
    if kind in ("zeros", "lowest"):
        return np.zeros(shape, dtype=bool)
    if kind in ("ones", "highest"):
        return np.ones(shape, dtype=bool)
    size = () if kind == "constant" else shape
    coins = drawing.generator.random(size) < 0.5  # noqa: PLR2004 - an even coin
    return np.array(np.broadcast_to(coins, shape))


def _integer_range(port: Port) -> tuple[int, int]:
    if port.low is None or port.high is None:
        return DEFAULT_INTEGERS
    return int(port.low), int(port.high)


def landmarks(port: Port) -> tuple[int, ...]:
    """The integers that a full range must hold: the least, the largest, and 0 between them."""
    low, high = _integer_range(port)
    return tuple(dict.fromkeys((low, high, *((0,) if low < 0 < high else ()))))


def _draw_integers(port: Port, shape: tuple[int, ...], drawing: _Drawing) -> Array:
    low, high = _integer_range(port)
    constants = {"zeros": min(max(0, low), high), "ones": min(max(1, low), high)}
    constants |= {"lowest": low, "highest": high}
    if drawing.kind in constants:
        return np.full(shape, constants[drawing.kind], dtype=port.dtype)
    size = () if drawing.kind == "constant" else shape
    if drawing.kind == "wide":
        drawn = _all_in_turn(low, high, shape, drawing)
    else:
        drawn = drawing.generator.integers(low, high, size=size, endpoint=True, dtype=np.int64)
    values = np.array(np.broadcast_to(drawn, shape))
    if drawing.kind == "full-range" and values.size:
        # A lone value cannot be all of them: each seed begins with another.
        held = np.roll(landmarks(port), -drawing.seed)
        flat = values.reshape(-1)
        places = np.arange(min(len(held), flat.size)) * max(1, flat.size // len(held))
        flat[places] = held[: len(places)]
    return values.astype(port.dtype)


def _all_in_turn(low: int, high: int, shape: tuple[int, ...], drawing: _Drawing) -> Array:
    """Every integer of a range before any comes again, in random order: a row of a table shows."""
    span = min(high - low + 1, LARGEST_SPAN)
    first = int(drawing.generator.integers(span, dtype=np.int64))
    in_turn = (first + drawing.generator.permutation(math.prod(shape))) % span
    return (low + in_turn).reshape(shape)


def _draw_floats(port: Port, shape: tuple[int, ...], drawing: _Drawing) -> Array:
    low, high = float_range(port)
    bounded = port.low is not None
    constants = {"zeros": 0.0, "ones": 1.0, "lowest": low, "highest": high}
    if drawing.kind in constants:
        values = np.full(shape, constants[drawing.kind])
    else:
        generator = drawing.generator
        size = () if drawing.kind == "constant" else shape
        ordinary = generator.uniform(low, high, size) if bounded else generator.normal(size=size)
        middle = (low + high) / 2
        values = _reshape_distribution(np.broadcast_to(ordinary, shape), middle, drawing)
    clipped = np.clip(values, low, high) if bounded else np.array(values)
    if port.dtype == "bfloat16":
        # numpy has no bfloat16: float32 carries it, rounded here so that all runs see one value.
        return torch.tensor(clipped).bfloat16().float().numpy()
    return np.asarray(clipped, dtype=port.dtype)


def float_range(port: Port) -> tuple[float, float]:
    """The ends of what a floating port is given."""
    if port.low is None or port.high is None:
        return -NORMAL_BOUND, NORMAL_BOUND
    return port.low, port.high


def _reshape_distribution(values: Array, middle: float, drawing: _Drawing) -> Array:
    """Values as the kind has them; a sign is flipped about the middle of the port's range."""
    if drawing.kind == "flipped":
        return 2 * middle - values
    if drawing.kind == "scaled":
        return values * SCALE
    if drawing.kind == "outliers":
        generator = drawing.generator
        chosen = generator.random(values.shape) < OUTLIER_SHARE
        if chosen.size:
            chosen.reshape(-1)[generator.integers(chosen.size)] = True
        large = np.copysign(np.maximum(np.abs(values), 1.0), values) * OUTLIER_SCALE
        return np.where(chosen, large, values)
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

"""What a user's model does not say of itself, found by looking at it and running it once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import nn

from toolkit.errors import InputsError
from toolkit.inputs import draw, run_module, run_tensors
from toolkit.spec import INTEGERS, ModelSpec, Port, Size
from toolkit.user_code import parameter_names, said
from toolkit.words import nearest_words

Shapes = Mapping[str, tuple[int, ...]]


def complete(spec: ModelSpec, module: nn.Module) -> ModelSpec:
    """The spec with inputs in `forward`'s order, integer ranges, and the outputs of a first run.

    A spec that names its outputs is whole already. Raises `InputsError` when the module does not
    take the inputs.
    """
    if spec.outputs:
        return spec
    inputs = tuple(_with_range(port, module) for port in _in_order(spec, module))
    ready = replace(spec, inputs=inputs)
    return replace(ready, outputs=_outputs(ready, module))


def _in_order(spec: ModelSpec, module: nn.Module) -> list[Port]:
    names = parameter_names(module)
    if not names:
        return list(spec.inputs)
    places = {port.name: _place(spec, port.name, names) for port in spec.inputs}
    ordered = sorted(spec.inputs, key=lambda port: places[port.name])
    if sorted(places.values()) != list(range(len(places))):
        free = [name for place, name in enumerate(names) if place not in places.values()]
        raise InputsError(
            f"forward({', '.join(names)}) needs {free[0]} too, which comes before one given",
            model=spec.name,
            hint=f"add --input {free[0]}=…",
        )
    return ordered


def _place(spec: ModelSpec, name: str, names: list[str]) -> int:
    """The position of an input among forward's parameters, by name or as `arg0`, `arg1` …."""
    if name in names:
        return names.index(name)
    if name.startswith("arg") and name[3:].isdigit() and int(name[3:]) < len(names):
        return int(name[3:])
    near = nearest_words(name, names)
    raise InputsError(
        f"forward({', '.join(names)}) has no parameter {name}",
        model=spec.name,
        hint=f"did you mean {near[0]}?" if near else "inputs go by the names of its parameters",
    )


def _with_range(port: Port, module: nn.Module) -> Port:
    """Integers without a range stay inside the smallest embedding, if there is one."""
    sizes = [part.num_embeddings for part in module.modules() if isinstance(part, nn.Embedding)]
    if port.dtype not in INTEGERS or port.low is not None or not sizes:
        return port
    return replace(port, low=0.0, high=float(min(sizes) - 1))


def _outputs(spec: ModelSpec, module: nn.Module) -> tuple[Port, ...]:
    traced = spec.traced_sizes
    try:
        tensors = run_tensors(module, spec, draw(spec, traced, seed=0))
    except Exception as error:
        shapes = ", ".join(f"{port.name} {port.at(traced)}" for port in spec.inputs)
        raise InputsError(
            f"running it on {shapes} raised {said(error)}",
            model=spec.name,
            hint="the sizes, dtypes or ranges of --input may not be those of the model",
        ) from error
    if not tensors:
        raise InputsError("it returns no tensor", model=spec.name)
    at_traced = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    elsewhere = _shapes_elsewhere(spec, module)
    return tuple(
        Port(name, _symbolic(spec, name, at_traced, elsewhere), _dtype_name(tensor))
        for name, tensor in tensors.items()
    )


def _dtype_name(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _shapes_elsewhere(spec: ModelSpec, module: nn.Module) -> dict[str, tuple[int, Shapes]]:
    """For each dimension another size at which the model runs, and its output shapes there."""
    found: dict[str, tuple[int, Shapes]] = {}
    for dimension in spec.dimensions:
        others = [size for size in reversed(dimension.tested) if size != dimension.traced]
        for size in others:
            sizes = {**spec.traced_sizes, dimension.name: size}
            try:
                arrays = run_module(module, spec, draw(spec, sizes, seed=0))
            except Exception:  # noqa: S112 - the plan reports what eager refuses
                continue
            found[dimension.name] = size, {name: array.shape for name, array in arrays.items()}
            break
    return found


def _symbolic(
    spec: ModelSpec, name: str, traced: Shapes, elsewhere: Mapping[str, tuple[int, Shapes]]
) -> tuple[Size, ...]:
    """The output's shape with a name on each axis that varies with a dimension of the inputs."""
    shape: list[Size] = list(traced[name])
    for dimension, (size, shapes) in elsewhere.items():
        other = shapes.get(name, ())
        if len(other) != len(shape):
            continue
        for axis, (before, after) in enumerate(zip(traced[name], other, strict=True)):
            if before != after:
                same = (before, after) == (spec.traced_sizes[dimension], size)
                shape[axis] = dimension if same else f"{name}_{axis}"
    return tuple(shape)

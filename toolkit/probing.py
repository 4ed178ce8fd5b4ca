"""What a user's model does not say of itself, found by looking at it and running it once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import nn

from toolkit.errors import InputsError
from toolkit.inputs import draw, run_module, run_tensors
from toolkit.signatures import call_of, parameter_names, takes_any_keyword
from toolkit.spec import INTEGERS, ModelSpec, Port, Size
from toolkit.user_code import said
from toolkit.words import nearest_words

Shapes = Mapping[str, tuple[int, ...]]


def complete(spec: ModelSpec, module: nn.Module) -> ModelSpec:
    """The spec with inputs in `forward`'s order, integer ranges, and the outputs of a first run.

    A spec that names its outputs is whole already, but for how nested inputs are handed over.
    Raises `InputsError` when the module does not take the inputs.
    """
    ready = placed(spec, module)
    if spec.outputs:
        return ready
    ready = replace(ready, inputs=tuple(_with_range(port, module) for port in ready.inputs))
    return replace(ready, outputs=_outputs(ready, module))


def placed(spec: ModelSpec, module: nn.Module) -> ModelSpec:
    """The spec with inputs in `forward`'s order, and how they are handed over; nothing is run.

    Raises `InputsError` where `forward` has no such parameters.
    """
    nested = spec.call is not None or spec.constants or any(port.path for port in spec.inputs)
    if spec.outputs:
        return _with_call(spec, module) if nested else spec
    return _with_call(replace(spec, inputs=tuple(_in_order(spec, module))), module)


def _with_call(spec: ModelSpec, module: nn.Module) -> ModelSpec:
    call = call_of(module, spec)
    return replace(spec, call=None if call.is_plain else call)


def _in_order(spec: ModelSpec, module: nn.Module) -> list[Port]:
    """The inputs in the order of forward's parameters, `arg0` by the name of the first."""
    names = parameter_names(module)
    if not names:
        return list(spec.inputs)
    by_place = [_by_name(port, names) for port in spec.inputs]
    return sorted(by_place, key=lambda port: _place(spec, port, names, module))


def _by_name(port: Port, names: list[str]) -> Port:
    """The port with its path below the parameter's name, where it goes by `arg0`, `arg1` …."""
    head, dot, rest = port.dotted.partition(".")
    if head in names or not head.startswith("arg") or not head[3:].isdigit():
        return port
    number = int(head[3:])
    return port if number >= len(names) else replace(port, path=f"{names[number]}{dot}{rest}")


def _place(spec: ModelSpec, port: Port, names: list[str], module: nn.Module) -> int:
    head = port.dotted.partition(".")[0]
    if head in names:
        return names.index(head)
    if takes_any_keyword(module):
        return len(names)
    near = nearest_words(head, names)
    raise InputsError(
        f"forward({', '.join(names)}) has no parameter {head}",
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
            hint=_missing_key(spec, error)
            or "the sizes, dtypes or ranges of --input may not be those of the model",
        ) from error
    if not tensors:
        raise InputsError("it returns no tensor", model=spec.name)
    at_traced = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    elsewhere = _shapes_elsewhere(spec, module)
    return tuple(
        Port(name, _symbolic(spec, name, at_traced, elsewhere), _dtype_name(tensor))
        for name, tensor in tensors.items()
    )


def _missing_key(spec: ModelSpec, error: Exception) -> str | None:
    """How to say an entry that `forward` looks for in a dict of its inputs."""
    key = error.args[0] if isinstance(error, KeyError) and error.args else None
    nested = [port.dotted for port in spec.inputs if "." in port.dotted]
    if not isinstance(key, str) or not key.isidentifier() or not nested:
        return None
    heads = dict.fromkeys(path.rpartition(".")[0] for path in nested)
    said = " or ".join(f"--input {head}.{key}=…" for head in heads)
    return f"forward asks for the entry {key!r}: {said} gives it"


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

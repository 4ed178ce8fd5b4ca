"""The reference's inputs handed to another module: by the names of its parameters, or by place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from toolkit import probing
from toolkit.errors import InputsError
from toolkit.parity.matching import PortsError
from toolkit.signatures import parameter_names, required_parameters
from toolkit.spec import ModelSpec, Port
from toolkit.weights import Built


def with_inputs_of(reference: ModelSpec, built: Built) -> Built:
    """The module with the reference's inputs; raises `PortsError` where it does not take them."""
    names = parameter_names(built.module)
    kept = {
        path: value
        for path, value in {**reference.constants, **built.spec.constants}.items()
        if not names or _head(path) in names
    }
    inputs = _inputs_like(reference.inputs, names, required_parameters(built.module))
    spec = replace(built.spec, inputs=inputs, constants=kept)
    try:
        return replace(built, spec=probing.placed(spec, built.module))
    except InputsError as error:
        hint = f" ({error.hint})" if error.hint else ""
        raise PortsError(f"{error.message}{hint}", model=error.model) from error


def _inputs_like(
    ports: Sequence[Port], names: Sequence[str], required: Sequence[str]
) -> tuple[Port, ...]:
    """The reference's inputs by the names of forward's parameters, in their order if need be."""
    heads = list(dict.fromkeys(_head(port.dotted) for port in ports))
    if not names or set(heads) <= set(names):
        return tuple(ports)
    nested = [one for port in ports if (one := _inside(port, names)) is not None]
    if len(nested) == len(ports) and {_head(one.dotted) for one in nested} >= set(required):
        return tuple(nested)  # a file's names for what lies inside a parameter
    if len(heads) > len(names):
        raise PortsError(
            f"the candidate's forward({', '.join(names)}) cannot take the reference's inputs "
            f"{', '.join(port.dotted for port in ports)}"
        )
    moved = dict(zip(heads, names, strict=False))
    return tuple(_moved(port, moved[_head(port.dotted)]) for port in ports)


def _inside(port: Port, names: Sequence[str]) -> Port | None:
    """`states_1` as `states.1`, where that is a parameter; None where its name says of none."""
    if port.name in names:
        return port
    fitting = [name for name in names if port.name.startswith(f"{name}_")]
    if not fitting:
        return None
    parameter = max(fitting, key=len)
    return replace(port, path=f"{parameter}.{port.name.removeprefix(f'{parameter}_')}")


def _moved(port: Port, parameter: str) -> Port:
    _, dot, rest = port.dotted.partition(".")
    path = f"{parameter}{dot}{rest}"
    return replace(port, name=path.replace(".", "_"), path=path if dot else None)


def _head(path: str) -> str:
    return path.partition(".")[0]

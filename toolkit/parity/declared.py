"""What a file says of itself against what the model is: names, dtypes and static axes (rule 1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from toolkit.parity.findings import Finding, error
from toolkit.spec import ModelSpec, Port, Size


class Declared(Protocol):
    """An input or output as a file declares it; None where the file says nothing."""

    @property
    def name(self) -> str:
        """The name in the file."""
        ...

    @property
    def shape(self) -> tuple[Size | None, ...] | None:
        """Static extents as numbers, dynamic ones as names or None."""
        ...

    @property
    def dtype(self) -> str | None:
        """The dtype by torch's name."""
        ...


def declared_findings(
    spec: ModelSpec, inputs: Sequence[Declared] | None, outputs: Sequence[Declared] | None
) -> list[Finding]:
    """Names, dtypes and axes on which the file's own declaration departs from the model."""
    faults: list[str] = []
    if inputs is not None:
        faults += _faults("input", spec.inputs, inputs)
    if outputs is not None:
        faults += _faults("output", spec.outputs, outputs)
        faults += [text for port in spec.outputs for text in _static_axes(port, outputs)]
    return [error("structure", f"the file declares {text}") for text in faults]


def _faults(kind: str, ports: Sequence[Port], declared: Sequence[Declared]) -> list[str]:
    expected = [port.name for port in ports]
    found = [entry.name for entry in declared]
    if sorted(expected) != sorted(found):
        return [f"the {kind}s {', '.join(found)}, the model has {', '.join(expected)}"]
    by_name = {entry.name: entry for entry in declared}
    return [
        f"{kind} {port.name} as {by_name[port.name].dtype}, the model's is {port.dtype}"
        for port in ports
        if by_name[port.name].dtype not in (None, port.dtype)
    ]


def _static_axes(port: Port, declared: Sequence[Declared]) -> list[str]:
    """Axes that the file fixes although they vary in the model; inputs show this when run."""
    shape = next((entry.shape for entry in declared if entry.name == port.name), None)
    if shape is None:
        return []
    if len(shape) != len(port.shape):
        return [f"output {port.name} with rank {len(shape)}, the model's has {len(port.shape)}"]
    return [
        f"axis {axis} of output {port.name} as {extent}, in the model it is {size}"
        for axis, (extent, size) in enumerate(zip(shape, port.shape, strict=True))
        if isinstance(extent, int) and extent != size
    ]

"""A candidate under the names of its reference: its ports found, and a runner that renames them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from toolkit.errors import ToolkitError
from toolkit.inputs import Array
from toolkit.parity.declared import declared_findings
from toolkit.parity.findings import Finding
from toolkit.parity.matching import Matching, fixed_sizes, match_inputs, match_outputs
from toolkit.parity.reference import Reference
from toolkit.parity.standards import Form
from toolkit.runtimes.base import Arrays, DeclaredPort
from toolkit.spec import Dimension, ModelSpec


class Renamed:
    """A runner under the reference's names of its inputs and outputs."""

    def __init__(self, runner: Form, inputs: Matching, outputs: Matching) -> None:
        self._runner = runner
        self._matchings = inputs, outputs
        self._own = inputs.own
        self._names = {own: name for name, own in outputs.own.items()}
        given = {own: name for name, own in inputs.own.items()}
        self.inputs = _renamed(runner.inputs, given)
        self.outputs = _renamed(runner.outputs, self._names)

    def run(self, inputs: Arrays) -> dict[str, Array]:
        """Named arrays in, named arrays out; an output beyond the known keeps its own name."""
        found: dict[str, Array] = {}
        for own, array in self._runner.run(self.taken(inputs)).items():
            name = self._names.get(own, own)
            found[name if name not in found else f"{name}_"] = array
        return found

    def prepare(self, inputs: Arrays) -> Callable[[], object]:
        """A call without arguments."""
        return self._runner.prepare(self.taken(inputs))

    def taken(self, inputs: Arrays) -> dict[str, Array]:
        """The inputs by the candidate's own names."""
        return {own: inputs[name] for name, own in self._own.items()}

    def findings(self, spec: ModelSpec) -> list[Finding]:
        """Which port was taken for which, and what the candidate declares otherwise."""
        inputs, outputs = self._matchings
        dropped = [DeclaredPort(name, None, None) for name in inputs.dropped]
        taken = None if self.inputs is None else [*self.inputs, *dropped]
        return [
            *inputs.told(),
            *outputs.told(),
            *declared_findings(spec, taken, self.outputs),
        ]


def renamed(runner: Form, reference: Reference) -> Renamed:
    """The runner by the reference's names; raises `PortsError` where their ports differ."""
    inputs = match_inputs(reference.spec.inputs, runner.inputs or ())
    names = [port.name for port in reference.spec.outputs]
    own = _output_names(runner, reference, inputs)
    return Renamed(runner, inputs, match_outputs(names, own or names))


def _output_names(runner: Form, reference: Reference, inputs: Matching) -> list[str]:
    """The candidate's outputs as it declares them, else as they come out; none if it runs never."""
    if runner.outputs is not None:
        return [port.name for port in runner.outputs]
    for judged in reference.cases:
        try:
            return list(runner.run({own: judged.inputs[name] for name, own in inputs.own.items()}))
        except ToolkitError:  # a size that it does not take: that is judged later
            continue
    return []


def anchored(spec: ModelSpec, runner: Form) -> ModelSpec:
    """The reference's spec with each dimension that the candidate fixes at that very size.

    So the plan holds the size at which the candidate can be right, and every other is told as one
    at which it is not.
    """
    found = runner.inputs or ()
    sizes = fixed_sizes(spec.inputs, found, match_inputs(spec.inputs, found))
    return replace(spec, dimensions=tuple(_at(one, sizes) for one in spec.dimensions))


def _at(dimension: Dimension, sizes: Mapping[str, int]) -> Dimension:
    size = sizes.get(dimension.name)
    if size is None or not dimension.allows(size):
        return dimension
    return replace(dimension, traced_at=size)


def _renamed(
    ports: Sequence[DeclaredPort] | None, names: Mapping[str, str]
) -> tuple[DeclaredPort, ...] | None:
    if ports is None:
        return None
    return tuple(replace(port, name=names.get(port.name, port.name)) for port in ports)

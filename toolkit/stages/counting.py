"""Whether a planted defect counts: how far it moves a right file on inputs of no case plan."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from toolkit.errors import ToolkitError
from toolkit.inputs import Array, draw
from toolkit.parity.compare import Vector, difference, non_finite_faults, score
from toolkit.parity.reference import Reference
from toolkit.parity.verdict import Candidate
from toolkit.results import Moved
from toolkit.spec import Port

LEAST_MOVEMENT = 20.0
"""In units of the noise: what moves no output further is no defect that anybody could notice."""
LOOKED_AT = 4
"""Ordinary cases of the plan in which the second look says how unsure eager is of its outputs."""
INPUTS = 256
FIRST_SEED = 1_000_000_007
"""Far from the seeds of any case plan, which are small numbers."""

Outputs = Mapping[str, Array]


@dataclass(frozen=True)
class Movement:
    """How far a file departs from the right one: in which way, and by how many times the noise."""

    how: Moved | None = None
    times: float = 0.0

    @property
    def counts(self) -> bool:
        """Whether it is far enough."""
        return self.times > LEAST_MOVEMENT


@dataclass
class Counting:
    """Random inputs at the plan's sizes, and what the right file gives for them, each run once."""

    reference: Reference
    right: Candidate
    inputs: int = INPUTS
    _known: dict[int, Outputs | None] = field(default_factory=dict)
    _noise: dict[str, Vector | None] = field(default_factory=dict)

    def movement(self, candidate: Candidate, alive: Callable[[], None] = lambda: None) -> Movement:
        """The first that is far enough to count, or the largest that was seen.

        `alive` is called before every input: runs of a large model take long.
        """
        largest = Movement()
        for number in range(self.inputs):
            alive()
            expected = self._expected(number)
            if expected is not None:
                seen = self._of(candidate, number, expected)
                largest = max(largest, seen, key=lambda movement: movement.times)
            if largest.counts:
                break
        return largest

    def _expected(self, number: int) -> Outputs | None:
        """What the right file gives; None for inputs that it does not take."""
        if number not in self._known:
            try:
                self._known[number] = self.right.run(self._drawn(number))
            except ToolkitError:
                self._known[number] = None
        return self._known[number]

    def _drawn(self, number: int) -> Mapping[str, Array]:
        sizes = self._sizes(number)
        return draw(self.reference.spec, sizes, FIRST_SEED + number)

    def _sizes(self, number: int) -> Mapping[str, int]:
        """Every point of the plan once, then the smaller half of them: runs add up."""
        points = self._points
        cheaper = points[: math.ceil(len(points) / 2)]
        return points[number] if number < len(points) else cheaper[number % len(cheaper)]

    @property
    def _points(self) -> Sequence[Mapping[str, int]]:
        """The sizes of the plan, those with the fewest values first."""
        found = {tuple(one.case.sizes.items()): one for one in self.reference.cases}
        by_size = sorted(found.values(), key=lambda one: sum(a.size for a in one.inputs.values()))
        return [one.case.sizes for one in by_size]

    def _of(self, candidate: Candidate, number: int, expected: Outputs) -> Movement:
        try:
            outputs = candidate.run(self._drawn(number))
        except ToolkitError:
            return Movement("refusal", math.inf)
        if outputs.keys() != expected.keys():
            return Movement("structure", math.inf)
        found = [
            self._of_output(port, outputs[port.name], expected[port.name])
            for port in self.reference.spec.outputs
            if port.name in expected
        ]
        return max(found, key=lambda movement: movement.times, default=Movement())

    def _of_output(self, port: Port, output: Array, expected: Array) -> Movement:
        if (output.shape, output.dtype) != (expected.shape, expected.dtype):
            return Movement("structure", math.inf)
        if not port.is_float:
            moved = bool(np.any(output != expected))
            return Movement("integers", math.inf) if moved else Movement()
        if non_finite_faults(output, expected)[0]:
            return Movement("non-finite", math.inf)
        noise = self._noise_of(port.name)
        if noise is None:
            return Movement()
        apart = difference(output, expected)
        return Movement("values", score(self.reference.slices[port.name], apart, noise))

    def _noise_of(self, name: str) -> Vector | None:
        """The noise as the second look widens it: nobody notices what eager itself moves by."""
        if name not in self._noise:
            self._noise[name] = self._widened(name)
        return self._noise[name]

    def _widened(self, name: str) -> Vector | None:
        noise = self.reference.noise.get((name, "ordinary"))
        ordinary = [
            one
            for one in self.reference.cases
            if one.case.draw_class == "ordinary" and name in one.eager
        ]
        if noise is None or not ordinary:
            return noise
        slices = self.reference.slices[name]
        moved = [
            slices.reduce(self.reference.spread(one).changes[name]) for one in ordinary[:LOOKED_AT]
        ]
        return np.asarray(noise + np.max(moved, axis=0))

"""Eager run at other sizes than the given ones: what it takes, and what refuses."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import nn

from toolkit.dynamics.lines import Line, line_of_error
from toolkit.inputs import Array, draw, run_module
from toolkit.reasons import one_line
from toolkit.spec import Dimension, ModelSpec, Port

TRIALS_S = 60.0
"""After so long no further size is tried; what was not tried counts as refused, and is told."""
MOST_ELEMENTS = 2**18
MOST_GROWTH = 1.5
"""Inputs larger than both are not made up, the second over the given ones: networks may be slow."""

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Axis:
    """One extent of one input that was given as a number; `key` stands for it while it is tried."""

    port: str
    place: int
    size: int

    @property
    def key(self) -> str:
        """A name that no dimension of a user can have."""
        return f"{self.port} axis {self.place}"


@dataclass(frozen=True)
class Refusal:
    """Why sizes were not taken: by which line, or else in which module."""

    text: str
    line: Line | None = None
    module: str = ""

    def __str__(self) -> str:
        where = str(self.line) if self.line else self.module and f"in module {self.module}"
        return f"{self.text} ({where})" if where else self.text


LATE = Refusal(f"not tried: the trials took {TRIALS_S:g} s")
LARGE = Refusal("not tried: the inputs would be too large")


@dataclass
class Trials:
    """Runs of one module with every number among its inputs' sizes open to change.

    `followed` are outputs whose first axis is the batch: it may not change with another size,
    as where `view(-1, 400)` takes pixels for samples.
    """

    module: nn.Module
    spec: ModelSpec
    clock: Callable[[], float] = time.monotonic
    followed: frozenset[str] = frozenset()
    _began: float | None = None
    _entered: list[str] = field(default_factory=list)
    _known: dict[tuple[tuple[str, int], ...], Shapes | Refusal] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path, part in self.module.named_modules():
            if path and not isinstance(part, torch.jit.ScriptModule):  # those take no hooks
                part.register_forward_pre_hook(lambda *_, path=path: self._entered.append(path))
                part.register_forward_hook(lambda *_: self._left())

    def _left(self) -> None:
        self._entered.pop()

    @property
    def given(self) -> dict[str, int]:
        """The sizes that the user gave, and the traced ones of dimensions with a name."""
        return self.spec.traced_sizes

    def takes(self, moved: Mapping[str, int], *, batch: bool = False) -> bool | None:
        """Whether eager runs at these sizes and keeps to the batch; None where it was not tried."""
        refusal = self.refusal(moved, batch=batch)
        return None if refusal in (LATE, LARGE) else refusal is None

    def refusal(self, moved: Mapping[str, int], *, batch: bool = False) -> Refusal | None:
        """Why eager does not take these sizes; None where it does."""
        found = self.shapes(moved)
        if isinstance(found, Refusal):
            return found
        before = self.shapes({})
        if batch or isinstance(before, Refusal):
            return None
        for name in sorted(self.followed):
            if found.get(name, (0,))[0] != before[name][0]:
                return Refusal(f"{name} would have another batch: samples run into each other")
        return None

    def shapes(self, moved: Mapping[str, int]) -> Shapes | Refusal:
        """The shapes of the outputs, or the refusal; each set of sizes is run once."""
        key = tuple(sorted(moved.items()))
        if key not in self._known:
            found = self._run(moved)
            if found in (LATE, LARGE):
                return found
            self._known[key] = found
        return self._known[key]

    def _run(self, moved: Mapping[str, int]) -> Shapes | Refusal:
        sizes = {**self.given, **moved}
        self._began = self.clock() if self._began is None else self._began
        if self.clock() - self._began > TRIALS_S:
            return LATE
        if _elements(self.spec, sizes) > max(
            MOST_ELEMENTS, MOST_GROWTH * _elements(self.spec, self.given)
        ):
            return LARGE
        self._entered.clear()
        try:
            arrays = run_module(self.module, self.spec, draw(self.spec, sizes, seed=0))
        except Exception as error:  # a user's code may raise anything
            said = f"{type(error).__name__}: {one_line(str(error))}".removesuffix(": ")
            return Refusal(said, line_of_error(error), self._entered[-1] if self._entered else "")
        return {name: array.shape for name, array in arrays.items()}

    def keeps_samples_apart(self, keys: frozenset[str], size: int) -> frozenset[str]:
        """Outputs whose first axis has `size` and only whose first row moves with the first sample.

        Empty unless that holds for every output that has an axis.
        """
        sizes = {**self.given, **dict.fromkeys(keys, size)}
        arrays = draw(self.spec, sizes, seed=0)
        other = draw(self.spec, sizes, seed=1)
        changed = {
            port.name: _with_first_row(arrays[port.name], other[port.name])
            if port.shape and port.shape[0] in keys
            else arrays[port.name]
            for port in self.spec.inputs
        }
        try:
            before = run_module(self.module, self.spec, arrays)
            after = run_module(self.module, self.spec, changed)
        except Exception:
            return frozenset()
        apart = [name for name in before if _rest_is_equal(before[name], after.get(name), size)]
        return frozenset(apart) if len(apart) == len(before) else frozenset()


def _with_first_row(array: Array, other: Array) -> Array:
    changed = array.copy()
    changed[0] = other[0]
    return changed


def _rest_is_equal(before: Array, after: Array | None, size: int) -> bool:
    if after is None or before.shape != after.shape or before.shape[:1] != (size,):
        return False
    return bool(np.allclose(before[1:], after[1:], rtol=1e-4, atol=1e-5, equal_nan=True))


def _elements(spec: ModelSpec, sizes: Mapping[str, int]) -> int:
    return sum(math.prod(port.at(sizes)) for port in spec.inputs)


def opened(spec: ModelSpec) -> tuple[ModelSpec, tuple[Axis, ...]]:
    """The spec with a name in place of every number among its inputs' sizes, and these axes."""
    axes = tuple(
        Axis(port.name, place, size)
        for port in spec.inputs
        for place, size in enumerate(port.shape)
        if isinstance(size, int) and size > 0
    )
    keys = {(axis.port, axis.place): axis.key for axis in axes}
    return _renamed(spec, keys, tuple(_fixed(axis) for axis in axes)), axes


def _fixed(axis: Axis) -> Dimension:
    return Dimension(axis.key, low=axis.size, high=axis.size)


def _renamed(
    spec: ModelSpec, names: Mapping[tuple[str, int], str], added: tuple[Dimension, ...]
) -> ModelSpec:
    ports = tuple(with_names(port, names) for port in spec.inputs)
    return replace(spec, inputs=ports, dimensions=(*spec.dimensions, *added))


def with_names(port: Port, names: Mapping[tuple[str, int], str]) -> Port:
    """The port with names in place of the sizes at these places."""
    shape = tuple(names.get((port.name, place), size) for place, size in enumerate(port.shape))
    return replace(port, shape=shape)

"""The protocol of a runtime: a loaded form that takes and gives named arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from toolkit.spec import ModelSpec, Size

Array = NDArray[Any]
Arrays = Mapping[str, Array]


@dataclass(frozen=True)
class DeclaredPort:
    """An input or output as the file itself declares it; None where the file says nothing."""

    name: str
    shape: tuple[Size | None, ...] | None
    dtype: str | None


@dataclass(frozen=True)
class RunOptions:
    """How a form is run: `device` (`cpu`, `cuda`, `cuda:1`) and `threads` (None: as they are).

    `libraries` are files of operators, which onnxruntime alone takes. With `channels_last` modules
    of torch have their weights and 4-d inputs in that memory format.
    """

    device: str = "cpu"
    threads: int | None = None
    optimise: bool = True
    libraries: tuple[str, ...] = ()
    channels_last: bool = False


class Runner(Protocol):
    """One loaded form."""

    @property
    def inputs(self) -> tuple[DeclaredPort, ...] | None:
        """As the file declares them; None where it does not."""
        ...

    @property
    def outputs(self) -> tuple[DeclaredPort, ...] | None:
        """As the file declares them; None where it does not."""
        ...

    def run(self, inputs: Arrays) -> dict[str, Array]:
        """Named arrays in, named arrays out; raises `RunError` with the runtime's reason."""
        ...

    def prepare(self, inputs: Arrays) -> Callable[[], object]:
        """A call without arguments for timing: inputs bound on the device, result awaited."""
        ...


@runtime_checkable
class Placing(Protocol):
    """A runner that knows on which device its graph runs."""

    @property
    def placed(self) -> float | None:
        """The share of its nodes on the device asked for; None where that is not told."""
        ...


@runtime_checkable
class Launching(Protocol):
    """A runner whose calls are torch's: its events see them, and its allocator their memory."""

    def launching(self, inputs: Arrays) -> Callable[[], object]:
        """A call without arguments, which does not wait for a device."""
        ...


@runtime_checkable
class Remarking(Protocol):
    """A runner that may have something to say of what it runs."""

    @property
    def note(self) -> str | None:
        """It, in a line; None for nothing."""
        ...


class Runtime(Protocol):
    """Loads forms of some format."""

    name: str

    def load(self, path: Path, spec: ModelSpec, options: RunOptions) -> Runner:
        """Load the file at `path`; raises `RunError`, or `MissingError` without the device."""
        ...


def named(names: Sequence[str], arrays: Sequence[Array]) -> dict[str, Array]:
    """Pair names with arrays, invented names for what goes beyond them: nothing is zipped away."""
    invented = [f"output_{index}" for index in range(len(names), len(arrays))]
    return dict(zip([*names, *invented][: len(arrays)], map(np.asarray, arrays), strict=True))

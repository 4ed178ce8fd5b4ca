"""What a variant is: one way to run a model that a latency table can have a row for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import UsageError
from toolkit.runtimes.base import Array, Runner, RunOptions
from toolkit.variants import needs

if TYPE_CHECKING:
    from toolkit.spec import ModelSpec
    from toolkit.weights import Built


@dataclass(frozen=True)
class Source:
    """What a variant is made of.

    `forms` are exported files that passed parity, and `libraries` files of operators, by format.
    `inputs` are an example at the sizes that are timed. What is compiled goes into `scratch`, where
    it is found again: one folder for each set of weights. The module is everybody's: a variant
    copies it before it changes it.
    """

    built: Built
    forms: Mapping[str, Path]
    inputs: Mapping[str, Array]
    scratch: Path
    libraries: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def spec(self) -> ModelSpec:
        """What the model takes and gives."""
        return self.built.spec

    def form(self, format_name: str) -> Path:
        """The exported file; raises `UsageError` where there is none."""
        path = self.forms.get(format_name)
        if path is None:
            raise UsageError(
                f"there is no {format_name} form to run",
                model=self.spec.name,
                hint=f"export it first: -f {format_name}",
            )
        return path


@dataclass(frozen=True)
class Variant(ABC):
    """One way to run a model; `format` is the form it needs, None where it takes the module itself.

    `alone`: it cannot share a process with others. `one_layout` is why `+channels_last` means
    nothing to it, None where it does. `own_threads`: its number of threads is its own, and not one
    that it shares with everything that torch runs in the process.
    """

    name: str
    summary: str
    runtime: str
    format: str | None = None
    alone: bool = False
    one_layout: str | None = None
    own_threads: bool = False

    def missing(self, device: str) -> str | None:
        """What it needs that is not here, and how to get it; nothing heavy is imported for it."""
        return needs.torch_on(device)

    @abstractmethod
    def load(self, source: Source, options: RunOptions) -> Runner:
        """Make it ready; raises `RunError` or `MissingError` with the reason."""

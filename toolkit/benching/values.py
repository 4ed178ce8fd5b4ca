"""What goes to the processes of a comparison, and what comes back from each. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from toolkit import results
from toolkit.baselines import Remeasure
from toolkit.options import BenchOptions, Cell, TimedForm
from toolkit.timing.measured import Measured
from toolkit.timing.protocol import Protocol
from toolkit.words import ModelWords


@dataclass(frozen=True)
class Entrant:
    """One model of a comparison: its `forms` on disk, by format, as the check found them.

    `bundle` is what was just made of it, and holds its weights then. What is compiled for it lies
    in `scratch`.
    """

    words: ModelWords
    forms: Mapping[str, TimedForm]
    scratch: Path
    bundle: Path | None = None
    ours: bool = True
    """Whether this user's toolkit wrote the forms."""
    dimensions: frozenset[str] = frozenset()
    """The names of its dynamic dimensions, as far as it was asked for them."""


@dataclass(frozen=True)
class Vetted:
    """What parity says of a variant that is more than a form as it was checked."""

    name: str
    row: results.CheckResult

    @property
    def status(self) -> results.CheckStatus:
        """The verdict."""
        return self.row.status

    @property
    def message(self) -> str:
        """Why it is not timed."""
        found = self.row.findings
        return found[0].message if found else f"parity: {self.status}"


@dataclass(frozen=True)
class Row:
    """What a row of the table says besides times; `note` is why there are none.

    `ended` is "error" where that is no verdict of parity: it could not be loaded or called.
    `placed` and `remark` are what its runner says once it is loaded.

    `batch` is None for a model without a dimension of that name, `sizes` are those of its other
    dynamic dimensions. `alone` is timed in a process of
    its own.
    """

    model: str
    variant: str
    format: str | None
    runtime: str
    dtype: str
    threads: int
    batch: int | None
    weights: str
    sizes: Mapping[str, int] | None = None
    size_bytes: int | None = None
    parity_score: float | None = None
    note: str | None = None
    ended: results.Ended | None = None
    alone: bool = False
    sha256: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    placed: float | None = None
    remark: str | None = None


@dataclass(frozen=True)
class OnDevice:
    """What the device says of a contestant: its own time for a call, and memory at most."""

    p50_us: float
    peak_bytes: int


@dataclass(frozen=True)
class SetOfRounds:
    """What one process measured; `rows` by the names of its contestants, in the table's order."""

    measured: Measured
    rows: Mapping[str, Row]
    ceiling: results.Ceiling | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    on_device: Mapping[str, OnDevice] = field(default_factory=dict)


@dataclass(frozen=True)
class Described:
    """What is no time of a round, by contestant: the work of a call, and cold starts."""

    work: Mapping[str, results.Work] = field(default_factory=dict)
    cold: Mapping[str, tuple[results.Cold, ...]] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    """Why a variant has no cold figures."""


@dataclass(frozen=True)
class Task:
    """What one process is to do; `dead` are contestants that ended one before, and why.

    `only` names the one contestant that is timed in a process of its own. A process is ended after
    `timeout_s` without progress (None: never).
    """

    options: BenchOptions
    cell: Cell
    protocol: Protocol
    vetted: Mapping[str, Vetted] = field(default_factory=dict)
    dead: Mapping[str, str] = field(default_factory=dict)
    only: str | None = None
    again: tuple[Remeasure, ...] = ()
    """Files of a saved run that take turns with the rest."""
    timeout_s: float | None = None


def name_of(model: str, variant: str, *, several: bool) -> str:
    """A contestant's name: its variant, behind its model where several are compared."""
    return f"{model} {variant}" if several else variant


def protocol_of(options: BenchOptions, seed: int, models: int = 1) -> Protocol:
    """The protocol of the preset for so many models, over as many processes as it asks for."""
    if options.preset == "quick":
        return Protocol.quick(seed)
    if options.preset == "rigorous":
        return Protocol.rigorous(seed)
    return Protocol.usual(seed, options.budget_s * models)


def one_process(options: BenchOptions, seed: int) -> Protocol:
    """The protocol of the preset as far as one process can follow it."""
    return replace(protocol_of(options, seed), sets=1)

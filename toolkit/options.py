"""How each stage is to be done: plain values that cross process borders. No torch here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from toolkit.parity.limits import USUAL, Limits
from toolkit.results import CheckStatus, Preset
from toolkit.spec import FORMAT_NAMES

EAGER = "eager"
VARIANTS = (EAGER, *FORMAT_NAMES)
"""What is timed where nothing is said."""
EXPORTED = Path("exported")
OPSET = 20
BUDGET_S = 60.0
"""Seconds for the cases of one form, and for the reference."""
ROUNDS_S = 60.0
"""Seconds of rounds for each model of a comparison."""


REPRODUCTIONS = "TOOLKIT_REPRODUCTIONS"


def reproductions_wanted() -> bool:
    """Whether faults become scripts where nothing else is said: `TOOLKIT_REPRODUCTIONS=0` is no."""
    return os.environ.get(REPRODUCTIONS, "1") != "0"


@dataclass(frozen=True)
class ExportOptions:
    """What is exported where: `formats` as asked for (empty: all), `out` holds the bundles.

    `trust` loads programs that this user's toolkit did not write.
    """

    formats: tuple[str, ...] = ()
    out: Path = EXPORTED
    opset: int = OPSET
    trust: bool = False


@dataclass(frozen=True)
class CheckOptions:
    """How forms are checked: `formats` as asked for (empty: all), `failures` the folder for cases.

    `trust` loads programs that this user's toolkit did not write. `budget_s` is the time for the
    cases of one form, and for the reference that all share; None has no end. `reproductions`
    writes a script for each fault of an exporter: up to a minute more for each. `limits` is what a
    form is held to.
    """

    formats: tuple[str, ...] = ()
    device: str = "cpu"
    opset: int = OPSET
    failures: Path = EXPORTED
    trust: bool = False
    budget_s: float | None = BUDGET_S
    reproductions: bool = field(default_factory=reproductions_wanted)
    limits: Limits = USUAL


@dataclass(frozen=True)
class SelfTestOptions:
    """How the judge is tried: as `check` has it, once for each of the generator's `seeds`."""

    check: CheckOptions = field(default_factory=CheckOptions)
    seeds: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Cell:
    """What all rows of one comparison share; `sizes` are those asked for of other dimensions."""

    batch: int = 1
    threads: int = 1
    device: str = "cpu"
    sizes: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        return f"batch {self.batch}, {threads}, {self.device}"


@dataclass(frozen=True)
class Gate:
    """What a run is held against: a saved run's name or a results file.

    `limit` is how much slower a case may be (0.05: 5 %), None where nothing is gated; `anyway`
    passes over other conditions. `save` is the name to keep this run under, in `folder`.
    """

    baseline: str | None = None
    limit: float | None = None
    anyway: bool = False
    save: str | None = None
    folder: Path = EXPORTED


@dataclass(frozen=True)
class BenchOptions:
    """How forms are timed: `variants` (empty: the usual), a comparison for each `Cell`.

    `sizes` are those of dynamic dimensions other than the batch, in the models that have them.
    `budget_s` is the round time of the preset `usual`, for each model of a comparison. With `each`,
    every model has a comparison of its own, else all are in one.
    """

    variants: tuple[str, ...] = ()
    batches: tuple[int, ...] = (1,)
    threads: tuple[int, ...] = (1,)
    devices: tuple[str, ...] = ("cpu",)
    preset: Preset = "usual"
    baseline: str = EAGER
    budget_s: float = ROUNDS_S
    opset: int = OPSET
    failures: Path = EXPORTED
    trust: bool = False
    each: bool = False
    sizes: Mapping[str, int] = field(default_factory=dict)
    gate: Gate = field(default_factory=Gate)

    @property
    def chosen(self) -> tuple[str, ...]:
        """The variants to time, the baseline first."""
        names = self.variants or VARIANTS
        return tuple(dict.fromkeys((self.baseline, *names)))

    def cells(self, device: str) -> list[Cell]:
        """The comparisons on one device: threads by threads, the batches of each in order."""
        return [
            Cell(batch, count, device, self.sizes)
            for count in self.threads
            for batch in self.batches
        ]


@dataclass(frozen=True)
class PredictOptions:
    """How images are classified: the `top` classes through `format` (None: onnx, if it is there).

    `trust` loads programs that this user's toolkit did not write; `libraries` are files of
    operators for onnxruntime.
    """

    format: str | None = None
    top: int = 5
    device: str = "cpu"
    trust: bool = False
    libraries: tuple[str, ...] = ()


@dataclass(frozen=True)
class TimedForm:
    """A form that lies on disk, with what the check said of it.

    `sha256` is the fingerprint of all its files, None where nobody asked for it.
    """

    path: Path
    size_bytes: int
    status: CheckStatus
    score: float | None
    sha256: str | None = None


@dataclass(frozen=True)
class Surroundings:
    """What torch finds on this machine; asked for in a child, so that the parent needs no torch.

    `parts` are the catalogue's layers and losses.
    """

    devices: tuple[str, ...]
    threads: int
    parts: frozenset[str] = frozenset()

"""The way of one finding to its script: captured here, reduced and confirmed in other processes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from toolkit.folders import temporary_folder
from toolkit.formats.flat import flattened
from toolkit.formats.quiet import quietly
from toolkit.inputs import Array, example, to_tensors
from toolkit.reproduction.capturing import (
    IrreproducibleError,
    at_any_size,
    at_fixed_sizes,
    dynamic_axes,
)
from toolkit.reproduction.emitting import Kind, Wanted, stored_name
from toolkit.reproduction.job import JOB_NAME, RESULT_NAME, Draft, Job, Result, draft
from toolkit.reproduction.program import Program, Tensors
from toolkit.reproduction.recording import LEVELS, Level, as_it_runs
from toolkit.reproduction.two_paths import DecidedBy, TwoPaths, runs_alike
from toolkit.spec import ModelSpec
from toolkit.weights import Built

REDUCTION_S = 60.0
"""For trying smaller and smaller parts; the smallest until then stays."""
START_S = 120.0
"""For another process to import torch, load what it is to reduce, and try it as it is."""
CONFIRMATION_S = 120.0
"""For the script's one run."""
LARGEST_BYTES = 2**30
"""Of weights: of a larger model no script is made."""
TOGETHER_BYTES = 64 * 2**20
"""Of weights: of a larger model one program at a time is written down."""
POLL_S = 0.5

Way = Callable[[], Program | TwoPaths]

_KINDS: Mapping[str, tuple[Kind, ...]] = {
    "value": ("value",),
    "non-finite": ("non-finite",),
    "structure": ("structure", "raises"),
    "baked-dimension": ("raises", "structure", "value", "non-finite"),
    "error": ("raises",),
}
OF_EXPORTS = ("baked-dimension", "error")
"""What an exporter may say before there is a form to run, and so without a case."""
FINDINGS = tuple(_KINDS)
"""What a script can show; all else is of eager itself, or of no exporter's making."""


@dataclass(frozen=True)
class Fault:
    """A finding about one form; `case` are the inputs that show it, None where exporting fails.

    `others` are inputs for which the model may run otherwise than for the example.
    """

    built: Built
    format: str
    opset: int
    finding: str
    message: str
    case: Mapping[str, Array] | None = None
    others: Sequence[Mapping[str, Array]] = ()
    dimension: str | None = None

    @property
    def is_refused(self) -> bool:
        """Whether an exporter would not let `dimension` vary, or (None) for another reason."""
        return self.finding == "baked-dimension" and self.case is None


@dataclass(frozen=True)
class Reproduction:
    """A script, whether it exits 1 in a process of its own, and how much of the model is in it."""

    path: Path
    confirmed: bool
    operators: int
    captured: int


def reproduce(
    fault: Fault, target: Path, alive: Callable[[], None], budget_s: float = REDUCTION_S
) -> Reproduction | None:
    """Write the smallest script found that shows the fault; None where none does.

    `alive` is called twice a second. Raises OSError where nothing can be written.
    """
    weights_bytes = sum(each.nbytes for each in fault.built.module.state_dict().values())
    if weights_bytes > LARGEST_BYTES:
        return None
    ways = _ways(fault)
    tries = [ways] if weights_bytes <= TOGETHER_BYTES else [[way] for way in ways]
    held = None
    while tries and held is None:
        with temporary_folder() as name:
            held = _reduced(_job(fault, tries.pop(0), Path(name), target, budget_s), name, alive)
    if held is None:
        return None
    confirmed = _ended([sys.executable, target.name], target.parent, CONFIRMATION_S, alive) == 1
    return Reproduction(target, confirmed, held.operators, held.captured)


def _job(fault: Fault, ways: Sequence[Way], folder: Path, target: Path, budget_s: float) -> Job:
    return Job(
        format=fault.format,
        opset=fault.opset,
        kinds=list(_KINDS[fault.finding]),
        message=fault.message,
        about_sizes=fault.is_refused and fault.dimension is not None,
        target=str(target.resolve()),
        budget_s=budget_s,
        drafts=_drafts(fault, ways, folder),
    )


def _reduced(job: Job, name: str, alive: Callable[[], None]) -> Result | None:
    """What the process that reduces has left in the script's place, if anything."""
    folder = Path(name)
    (folder / JOB_NAME).write_text(job.model_dump_json(), encoding="utf-8")
    command = [sys.executable, "-P", "-m", str(__package__), name]
    if job.drafts:
        _ended(command, folder, START_S + job.budget_s, alive, PYTHONPATH=_import_path())
    result = folder / RESULT_NAME
    if not result.exists():
        return None
    return Result.model_validate_json(result.read_text(encoding="utf-8"))


def forget(target: Path) -> None:
    """Remove what an earlier check left in the script's place."""
    with contextlib.suppress(OSError):
        target.unlink(missing_ok=True)
        stored_name(target).unlink(missing_ok=True)


def _drafts(fault: Fault, ways: Sequence[Way], folder: Path) -> list[Draft]:
    """The programs that may show the fault, the plainest first."""
    made: list[Draft] = []
    wanted = Wanted(fault.format, fault.opset)
    with quietly():
        for way in ways:
            try:
                made.append(draft(way(), folder, len(made), wanted))
            except OSError:
                raise
            except Exception:  # noqa: S112 - what cannot be captured in one way may be in another
                continue
    return made


def _ways(fault: Fault) -> list[Way]:
    """How a program may be had; what raises is no way."""
    built = flattened(fault.built)
    spec = built.spec
    sample = to_tensors(spec, example(spec))
    if fault.case is not None:
        failing = to_tensors(spec, fault.case)
        decided_by: DecidedBy = "order" if fault.finding == "baked-dimension" else "values"
        return [
            partial(at_fixed_sizes, built, failing),
            partial(at_any_size, built, sample, failing),
            *_by_paths(built, sample, [failing], decided_by=decided_by),
        ]
    others = [to_tensors(spec, arrays) for arrays in fault.others]
    if fault.is_refused:
        if fault.dimension is None:
            return [
                partial(_at_other_sizes, built, None, sample),
                *_by_paths(built, sample, others, decided_by="values"),
            ]
        resized = [each for each in others if _differs_in(spec, fault.dimension, sample, each)]
        return [
            partial(_at_other_sizes, built, fault.dimension, sample),
            *_by_paths(built, sample, resized, decided_by="size", only=fault.dimension),
        ]
    return [
        partial(at_fixed_sizes, built, sample),
        partial(at_any_size, built, sample, sample),
        *(partial(as_it_runs, built, sample, level) for level in LEVELS),
    ]


def _at_other_sizes(built: Built, dimension: str | None, sample: Tensors) -> Program:
    """Captured with the refused dimension fixed (without a name, with all), then asked to vary."""
    spec = built.spec
    sizes = spec.traced_sizes
    fixed = set(sizes) if dimension is None else {dimension}
    ports = tuple(
        replace(
            port, shape=tuple(sizes[str(size)] if size in fixed else size for size in port.shape)
        )
        for port in spec.inputs
    )
    kept = tuple(each for each in spec.dimensions if each.name not in fixed)
    inner = replace(built, spec=replace(spec, inputs=ports, dimensions=kept))
    return replace(at_any_size(inner, sample, sample), dynamic=dynamic_axes(spec))


def _differs_in(spec: ModelSpec, dimension: str, one: Tensors, other: Tensors) -> bool:
    """Whether inputs have another size of this dimension and of no other."""
    changed = {
        size
        for port, here, there in zip(spec.inputs, one, other, strict=True)
        for size, before, after in zip(port.shape, here.shape, there.shape, strict=True)
        if before != after
    }
    return changed == {dimension}


def _by_paths(
    built: Built,
    sample: Tensors,
    others: Sequence[Tensors],
    *,
    decided_by: DecidedBy,
    only: str | None = None,
) -> list[Way]:
    """What runs for the example, and what runs for the first inputs that run otherwise.

    The exporter is asked to let all dimensions vary, or `only` one.
    """
    axes = dynamic_axes(built.spec, only)

    def recorded(level: Level) -> TwoPaths:
        first = as_it_runs(built, sample, level, "first_")
        for inputs in others:
            second = as_it_runs(built, inputs, level, "second_")
            if not runs_alike(first, second):
                return TwoPaths(first, second, axes, decided_by)
        raise IrreproducibleError("all inputs run alike")

    return [partial(recorded, level) for level in LEVELS]


def _ended(
    command: Sequence[str],
    folder: Path,
    limit_s: float,
    alive: Callable[[], None],
    **variables: str,
) -> int | None:
    """How a process ended; None where it was stopped because its time was up."""
    ends_at = time.monotonic() + limit_s
    with subprocess.Popen(
        list(command),
        cwd=folder,
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            while time.monotonic() < ends_at:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return process.wait(POLL_S)
                alive()
            return None
        finally:
            process.kill()


def _import_path() -> str:
    """Where this very toolkit is found, whatever the working folder is."""
    root = str(Path(__file__).parents[2])
    return os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH")) if part)

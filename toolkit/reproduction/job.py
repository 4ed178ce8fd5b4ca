"""What passes between the process of a check and the one that reduces: files in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict

from toolkit.reproduction.emitting import Script, Wanted, script, stored_name, write
from toolkit.reproduction.program import Axes, Program
from toolkit.reproduction.reading import graph_of
from toolkit.reproduction.trial import executed
from toolkit.reproduction.two_paths import DecidedBy, TwoPaths

JOB_NAME = "job.json"
RESULT_NAME = "result.json"


class Draft(BaseModel):
    """A program that may show the fault, by the scripts of its one or two paths."""

    model_config = ConfigDict(frozen=True)

    files: list[str]
    dynamic: tuple[tuple[int, ...], ...]
    same: bool
    """Whether the example's inputs are those that show the fault."""
    decided_by: DecidedBy = "size"


class Job(BaseModel):
    """What is looked for, in which programs, and where the script goes."""

    model_config = ConfigDict(frozen=True)

    format: str
    opset: int
    kinds: list[Literal["value", "non-finite", "structure", "raises"]]
    message: str
    about_sizes: bool
    """Whether the fault is that a size which varies is refused; then any error may say so."""
    target: str
    budget_s: float
    drafts: list[Draft]


class Result(BaseModel):
    """What the script in its place holds: so many operators of so many that were captured."""

    model_config = ConfigDict(frozen=True)

    operators: int
    captured: int


def draft(program: Program | TwoPaths, folder: Path, number: int, wanted: Wanted) -> Draft:
    """Write a program down, every long tensor stored; raises OSError or `IrreproducibleError`."""
    paths = [program.first, program.second] if isinstance(program, TwoPaths) else [program]
    files = []
    for place, each in enumerate(paths):
        path = folder / f"draft_{number}_{place}.py"
        write(script(each, wanted, stored_name(path).name), path)
        files.append(path.name)
    same = program.example is program.failing
    decided_by = program.decided_by if isinstance(program, TwoPaths) else "size"
    return Draft(files=files, dynamic=tuple(program.dynamic), same=same, decided_by=decided_by)


def load(entry: Draft, folder: Path) -> Program | TwoPaths:
    """The program of a draft."""
    programs = [_load(folder / name, entry.dynamic, entry.same) for name in entry.files]
    if len(programs) == 1:
        return programs[0]
    return TwoPaths(programs[0], programs[1], entry.dynamic, entry.decided_by)


def _load(path: Path, dynamic: Sequence[Axes], same: bool) -> Program:
    text = path.read_text(encoding="utf-8")
    space = executed(Script(text, _arrays(path)), path.name)
    model: torch.nn.Module = space["Reproduction"]()
    failing = space["failing_inputs"]()
    return Program(
        graph_of(text),
        dict(model.named_buffers()),
        failing if same else space["example_inputs"](),
        failing,
        tuple(dynamic),
    )


def _arrays(path: Path) -> dict[str, Any]:
    beside = stored_name(path)
    if not beside.exists():
        return {}
    with np.load(beside, allow_pickle=False) as arrays:
        return dict(arrays)

"""A script tried where it was made: its text is executed, its exporter called, nothing is written.

torch.onnx's fixed costs are paid once for all trials.
"""

from __future__ import annotations

import linecache
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np

from toolkit.formats.fixed_costs import paid_once
from toolkit.formats.quiet import quietly
from toolkit.reproduction.emitting import Script


@dataclass(frozen=True)
class Outcome:
    """What a script found: the kind of fault ("" for none), its score, the evidence.

    `place` is the number of the first output that shows it.
    """

    kind: str
    score: float
    said: str
    place: int


def tried(made: Script, name: str = "trial.py") -> Outcome:
    """Execute the text and judge; raises whatever the program raises in eager."""
    space = executed(made, name)
    with quietly(), paid_once():
        return Outcome(*space["judge"]())


def executed(made: Script, name: str = "trial.py") -> dict[str, Any]:
    """The names of the script's text; its stored arrays are those at hand."""
    # TorchScript's compiler reads the sources of what it compiles.
    lines = made.text.splitlines(keepends=True)
    linecache.cache[name] = (len(made.text), None, lines, name)
    space: dict[str, Any] = {"__name__": "reproduction", "__file__": name}
    with _loading(made):
        exec(compile(made.text, name, "exec"), space)  # noqa: S102 - text that was written here
    return space


@contextmanager
def _loading(made: Script) -> Iterator[None]:
    with mock.patch.object(np, "load", return_value=made.arrays):
        yield

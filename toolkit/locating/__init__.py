"""The first module of the user's network at which a form departs from it.

Eager is run with every module watched, in its own precision and in float64; what the modules took
and gave is then looked for among the values that the form computes on its way. A module whose
inputs are there and whose outputs are not is where the form went wrong; where all modules are right
and what comes after them is not, it is the code that calls them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from torch import nn

from toolkit.inputs import Array
from toolkit.locating.recording import Call, Recording, record
from toolkit.locating.submodules import first_wrong_submodule
from toolkit.locating.tracking import first_departure
from toolkit.locating.values import values_of
from toolkit.parity.reference import Judged, Reference
from toolkit.parity.tf32 import without_tf32
from toolkit.runtimes.base import Runner

__all__ = ["Call", "Recording", "first_diverging"]


@without_tf32()
def first_diverging(
    reference: Reference,
    judged: Judged,
    format_name: str,
    path: Path,
    runner: Runner,
    *,
    inputs: Mapping[str, Array] | None = None,
) -> str | None:
    """The dotted path of the module (the class name for the root), None where it cannot be told.

    `judged` is a case that shows the fault; `runner` is the form in the file at `path`. `inputs`
    are the case's by the form's own names, where these are others.
    """
    # A service on top of the finding: what goes wrong with it must not hide that.
    with contextlib.suppress(Exception):
        recording = record(reference.module, reference.spec, judged.inputs, reference.device)
        if recording is None:
            return None
        if format_name in ("trace", "script"):
            found = first_wrong_submodule(recording, runner)
        else:
            given = judged.inputs if inputs is None else inputs
            found = first_departure(recording, values_of(format_name, path, runner, given))
        return None if found is None else _told(reference.module, found)
    return None


def _told(root: nn.Module, path: str) -> str:
    return path or type(root).__name__

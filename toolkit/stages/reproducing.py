"""A finding about a form as a script for its exporter's bug report, written beside the case."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from toolkit import results
from toolkit.events import Observe, Progress
from toolkit.parity.reference import Reference
from toolkit.reproduction.writing import FINDINGS, OF_EXPORTS, Fault, forget, reproduce
from toolkit.weights import Built


@dataclass(frozen=True)
class Shown:
    """A finding as it is told: its name and words; the number of its case, or what was refused."""

    name: str
    message: str
    case: int | None = None
    dimension: str | None = None


@dataclass(frozen=True)
class Form:
    """What was exported to which format: `build` gives what its exporter was given."""

    name: str
    opset: int
    build: Callable[[], Built]


def script(
    shown: Shown, form: Form, reference: Reference, folder: Path, observe: Observe
) -> results.Script | None:
    """Write the script into `folder`; None where there is none, for whatever reason."""
    if shown.name not in FINDINGS or (shown.case is None and shown.name not in OF_EXPORTS):
        return None
    number = "" if shown.case is None else f"-{shown.case}"
    target = folder / f"{form.name}-{shown.name}{number}.py"
    cases = {judged.case.number: judged.inputs for judged in reference.cases}
    progress = Progress(
        reference.spec.name, "reproduce", f"{form.name} {shown.name}", form=form.name
    )
    # A script is a service on top of the finding: what goes wrong with it must not hide that.
    with contextlib.suppress(Exception):
        forget(target)
        folder.mkdir(parents=True, exist_ok=True)
        fault = Fault(
            form.build(),
            form.name,
            form.opset,
            shown.name,
            shown.message,
            None if shown.case is None else cases[shown.case],
            list(cases.values()),
            shown.dimension,
        )
        made = reproduce(fault, target, lambda: observe(progress))
        if made is not None:
            return results.Script(
                path=str(target),
                confirmed=made.confirmed,
                operators=made.operators,
                captured=made.captured,
            )
    _remove_if_empty(folder)
    return None


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        os.rmdir(folder)  # noqa: PTH106 - refuses a folder that holds anything

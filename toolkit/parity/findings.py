"""What a check can find, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Name = Literal[
    "structure",
    "non-finite",
    "value",
    "baked-dimension",
    "nondeterministic",
    "training-mode",
    "degenerate",
    "warning",
    "ill-conditioned",
    "outside-domain",
    "altered",
    "twin",
    "weights",
    "left-out",
    "batch-dependence",
    "dynamic",
    "perturbation",
    "override",
    "low-precision",
]


@dataclass(frozen=True)
class Finding:
    """One finding: an `error` fails the form, a `note` only tells.

    `case` is the number of the smallest case of the plan that shows it, None where no case does.
    """

    name: Name
    severity: Literal["error", "note"]
    message: str
    stage: str | None = None
    module: str | None = None
    case: int | None = None


def error(
    name: Name,
    message: str,
    *,
    case: int | None = None,
    stage: str | None = None,
    module: str | None = None,
) -> Finding:
    """A finding that fails the form."""
    return Finding(name, "error", message, stage=stage, module=module, case=case)


def note(
    name: Name, message: str, *, case: int | None = None, module: str | None = None
) -> Finding:
    """A finding that only tells."""
    return Finding(name, "note", message, module=module, case=case)

"""What rows of `check` and of `compare` share: verdicts put in, failures explained, cases saved."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from toolkit import operators, results
from toolkit.bundle.golden import write_arrays
from toolkit.errors import MissingError, RefusedError, ToolkitError
from toolkit.inputs import Array
from toolkit.parity.findings import Finding, error
from toolkit.parity.limits import Limits
from toolkit.parity.reference import Reference
from toolkit.parity.verdict import Verdict
from toolkit.weights import Built


def with_verdict(
    row: results.CheckResult,
    verdict: Verdict,
    stages: Sequence[results.StageScore],
    *,
    reference: Reference | None,
    limits: Limits,
    told: Callable[[Finding], results.Finding],
) -> results.CheckResult:
    """The row of a form that was run; `told` makes what a finding says into the report's."""
    findings = list(verdict.findings)
    too_little = reference.too_little() if reference else None
    if verdict.status == "error" and too_little:
        findings.insert(0, error("outside-domain", f"nothing can be judged: {too_little}"))
    score = verdict.score
    return row.model_copy(
        update={
            "score": score if score is not None and math.isfinite(score) else None,
            "max_score": limits.max_score,
            "noise_source": verdict.noise_source,
            "cases": verdict.cases,
            "stages": list(stages),
            "findings": [told(found) for found in findings],
        }
    )


def status_of(failure: Exception) -> results.CheckStatus:
    """What the row of a form says that could not be judged for this reason."""
    if isinstance(failure, RefusedError | MissingError):
        return "refused"
    return "out-of-memory" if is_out_of_memory(failure) else "error"


def is_out_of_memory(failure: BaseException) -> bool:
    """Whether memory ran out, by Python's, torch's or CUDA's own word."""
    words = ("can't allocate memory", "out of memory", "bad allocation")
    text = str(failure).lower()
    return isinstance(failure, MemoryError) or any(word in text for word in words)


def explained(failure: Exception) -> str:
    """What went wrong in one line, with the hint where there is one."""
    if isinstance(failure, ToolkitError):
        return with_hint(failure)
    return f"{type(failure).__name__}: {failure}"


def with_hint(failure: ToolkitError) -> str:
    """The message, and in brackets how to mend it."""
    hint = failure.hint or operators.advice(failure.message)
    return f"{failure.message} ({hint})" if hint else failure.message


def about_weights(built: Built) -> list[str]:
    """What must be said of the weights; values that are not finite are exported faithfully."""
    said = [] if built.weights.note is None else [built.weights.note]
    state = built.module.state_dict().items()
    numbers = {name: value for name, value in state if _is_floating(value)}
    bad = [name for name, value in numbers.items() if not torch.isfinite(value).all()]
    more, verb = (f" and {len(bad) - 1} more", "hold") if len(bad) > 1 else ("", "holds")
    return [*said, *([f"{bad[0]}{more} {verb} values that are not finite"] if bad else [])]


def _is_floating(value: object) -> bool:
    """A state may hold anything beside tensors: extra state, packed weights of integers."""
    return isinstance(value, Tensor) and (value.is_floating_point() or value.is_complex())


def not_saved(path: Path, inputs: Mapping[str, Array]) -> str | None:
    """Save a case, so that a command can repeat it; why it could not be, in words."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_arrays(path, inputs)
    except OSError as failure:
        return f"(the case could not be saved: {failure.strerror or failure})"
    return None

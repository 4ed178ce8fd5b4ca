"""What rows of `check` and of `compare` share: the verdict put in, failures named, cases saved."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from toolkit import results
from toolkit.bundle.golden import write_arrays
from toolkit.errors import MissingError, RefusedError
from toolkit.inputs import Array
from toolkit.parity.findings import Finding, error
from toolkit.parity.limits import Limits
from toolkit.parity.reference import Reference
from toolkit.parity.verdict import Verdict


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


def not_saved(path: Path, inputs: Mapping[str, Array]) -> str | None:
    """Save a case, so that a command can repeat it; why it could not be, in words."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_arrays(path, inputs)
    except OSError as failure:
        return f"(the case could not be saved: {failure.strerror})"
    return None

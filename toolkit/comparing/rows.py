"""What a comparison tells of one form: its row, and the command that shows a fault again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit import results
from toolkit.comparing.candidates import Candidate, Form
from toolkit.events import Observe, ignore
from toolkit.folders import slug
from toolkit.options import CheckOptions
from toolkit.parity.findings import Finding
from toolkit.parity.reference import Judged, Reference
from toolkit.parity.verdict import Verdict
from toolkit.stages.rows import not_saved, with_verdict
from toolkit.stages.subject import Subject
from toolkit.words import ModelWords, shell_word


@dataclass
class Comparing:
    """What every form of a candidate is judged with; the reference runs once a form is loaded.

    `typed` is what was said about both, for the command that repeats a case.
    """

    subject: Subject
    candidate: Candidate
    options: CheckOptions
    typed: ModelWords
    observe: Observe = ignore
    reference: Reference | None = None

    @property
    def cases(self) -> Mapping[int | None, Judged]:
        """The cases that ran, by their numbers."""
        return {one.case.number: one for one in self.reference.cases} if self.reference else {}


def judged_row(
    comparing: Comparing, form: Form, verdict: Verdict, stages: Sequence[results.StageScore]
) -> results.CheckResult:
    """The row of a form that was run."""
    return with_verdict(
        plain_row(comparing, form.name, form.runtime, verdict.status),
        verdict,
        stages,
        reference=comparing.reference,
        limits=comparing.options.limits,
        told=lambda found: told(comparing, form, found),
    )


def plain_row(
    comparing: Comparing,
    name: str | None,
    runtime: str | None,
    status: results.CheckStatus,
    finding: results.Finding | None = None,
) -> results.CheckResult:
    """A row without a score, and with the finding that says why."""
    return results.CheckResult(
        model=comparing.candidate.shown,
        reference=comparing.subject.shown,
        format=name,
        runtime=runtime,
        device=comparing.options.device,
        status=status,
        score=None,
        noise_source=None,
        cases=0,
        findings=[] if finding is None else [finding],
        weights=comparing.candidate.weights,
    )


def told(comparing: Comparing, form: Form, found: Finding) -> results.Finding:
    """A finding for the report; an error's smallest case is saved with the command to repeat it."""
    reproduce = None
    if found.severity == "error" and found.case is not None:
        reproduce = _save_case(comparing, form, found)
    return results.Finding(
        name=found.name,
        severity=found.severity,
        message=" ".join(found.message.split()),
        stage=found.stage,
        module=found.module,
        reproduce=reproduce,
    )


def _save_case(comparing: Comparing, form: Form, found: Finding) -> str | None:
    judged = comparing.cases.get(found.case)
    if judged is None:
        return None
    folder = comparing.options.failures / f"{slug(comparing.candidate.shown)}.failures"
    path = folder / f"{form.name}-{found.name}-{found.case}.npz"
    return not_saved(path, judged.inputs) or _reproduction(comparing, form, path)


def _reproduction(comparing: Comparing, form: Form, path: Path) -> str:
    """The command that compares the form on the saved case again."""
    typed, options = comparing.typed, comparing.options
    by_entry = typed.shown == typed.entry and not typed.altered
    parts = [
        "toolkit compare",
        shell_word(typed.shown if by_entry else typed.word),
        shell_word(comparing.candidate.words.word),
        "" if by_entry else typed.options(),
        f"-f {form.name}" if len(comparing.candidate.forms) > 1 else "",
        f"--device {options.device}" if options.device != "cpu" else "",
        options.limits.options(),
        "--trust" if options.trust else "",
    ]
    return " ".join(part for part in [*parts, "--inputs", shell_word(str(path))] if part)

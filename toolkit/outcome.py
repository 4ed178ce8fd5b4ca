"""What a command has found so far, and the exit code that it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from toolkit import results
from toolkit.errors import REFUSED, UNJUDGED, USAGE, ToolkitError
from toolkit.options import TimedForm
from toolkit.words import ModelWords, display_name

CLEAN, SAID_NO = 0, 1
PRECEDENCE = (130, 143, USAGE, SAID_NO, UNJUDGED, REFUSED, CLEAN)
"""Of several exit codes the first of these counts."""

_CODE_OF_CHECK: Mapping[str, int] = {
    "pass": CLEAN,
    "limit": CLEAN,
    "fail": SAID_NO,
    "refused": REFUSED,
    "error": UNJUDGED,
    "timeout": UNJUDGED,
    "crash": UNJUDGED,
    "out-of-memory": UNJUDGED,
}


_CODE_OF_PREDICTION: Mapping[str, int] = {
    "ok": CLEAN,
    "refused": REFUSED,
    "error": UNJUDGED,
    "timeout": UNJUDGED,
    "crash": UNJUDGED,
    "out-of-memory": UNJUDGED,
}


_CODE_OF_SELF_TEST: Mapping[str, int] = {"pass": CLEAN, "fail": SAID_NO, "error": UNJUDGED}


@dataclass(frozen=True)
class Failure:
    """A stage of a model that gave no row of its own, and the exit code that it means."""

    model: str
    stage: str
    code: int
    message: str
    name: str = "error"
    hint: str | None = None


@dataclass
class Outcome:
    """Rows by stage, and failures that gave no row."""

    trained: list[results.TrainedModel] = field(default_factory=list)
    exported: list[results.ExportedModel] = field(default_factory=list)
    checked: list[results.CheckResult] = field(default_factory=list)
    benched: list[results.Comparison] = field(default_factory=list)
    predicted: list[results.Prediction] = field(default_factory=list)
    pictures: list[results.Picture] = field(default_factory=list)
    planned: list[results.PlannedModel] = field(default_factory=list)
    self_tested: list[results.SelfTest] = field(default_factory=list)
    against: results.Against | None = None
    failures: list[Failure] = field(default_factory=list)
    interrupted: int | None = None

    @property
    def found_forms(self) -> bool:
        """Whether there is a row that is about more than a model which could not be built."""
        made = self.trained or self.exported or self.benched or self.predicted or self.pictures
        planned = any(plan.cases for plan in self.planned)
        return bool(made or planned or self.self_tested) or any(row.format for row in self.checked)

    @property
    def found_anything(self) -> bool:
        """Whether there is a row worth keeping."""
        return bool(self.checked) or self.found_forms

    def unsaved(self, place: str, reason: str) -> None:
        """The results could not be kept: said once, and the work goes on."""
        failure = Failure(place, "results", REFUSED, f"cannot be written: {reason}", "results")
        if failure not in self.failures:
            self.failures.append(failure)

    def refuse(self, error: ToolkitError | None) -> None:
        """Why a question about all that was found has no answer."""
        if error is not None:
            code, what = error.exit_code, error.model or "the gate"
            self.failures.append(Failure(what, "gate", code, error.message, error.name, error.hint))

    def exit_code(self) -> int:
        """The exit code of everything found so far; never 0 when nothing was checked."""
        codes = {failure.code for failure in self.failures}
        codes |= {self.interrupted} if self.interrupted else set()
        codes |= {SAID_NO for model in self.trained if not model.metric.met}
        codes |= {_CODE_OF_CHECK[row.status] for row in self.checked}
        codes |= {_CODE_OF_PREDICTION[row.status] for row in self.predicted}
        codes |= {_CODE_OF_SELF_TEST[row.status] for row in self.self_tested}
        codes |= {UNJUDGED for held in self.benched for row in held.variants if row.ended}
        for model in self.exported:
            codes |= {UNJUDGED for form in model.forms if form.status == "error"}
            if all(form.status == "limit" for form in model.forms):
                codes.add(UNJUDGED)
        if self.checked and all(row.status == "limit" for row in self.checked):
            codes.add(UNJUDGED)
        if self.against is not None:
            codes.add(self.against.exit_code)
        return next(code for code in PRECEDENCE if code in codes | {CLEAN})

    @property
    def error(self) -> results.ErrorDocument | None:
        """The first failure that kept the command from its work (exits 2 and 3)."""
        for failure in self.failures:
            if failure.code in (USAGE, REFUSED):
                return results.ErrorDocument(
                    name=failure.name,
                    message=f"{failure.model}: {failure.message}",
                    hint=failure.hint,
                )
        if self.exit_code() != REFUSED:
            return None
        refused = next((row for row in self.checked if row.status == "refused"), None)
        if refused is not None:
            message = refused.findings[0].message if refused.findings else "refused"
            return results.ErrorDocument(name="refused", message=f"{refused.model}: {message}")
        return self._unread

    @property
    def _unread(self) -> results.ErrorDocument | None:
        """The first image that could not be read."""
        for row in self.predicted:
            if row.status == "refused":
                return results.ErrorDocument(
                    name="image", message=f"{row.image}: {row.message}", hint=row.hint
                )
        return None


def unjudged_row(
    words: ModelWords,
    name: str | None,
    status: results.CheckStatus,
    message: str,
    device: str,
) -> results.CheckResult:
    """A row for a form, or a whole model, that gave no verdict."""
    finding = results.Finding(name=status, severity="error", message=message)
    return results.CheckResult(
        model=words.shown,
        format=name,
        runtime=None,
        device=device,
        status=status,
        score=None,
        noise_source=None,
        cases=0,
        findings=[finding],
    )


def unanswered_row(
    bundle: str, image: Path, status: results.PredictionStatus, message: str
) -> results.Prediction:
    """A row for an image on which the process that classified it ended."""
    return results.Prediction(
        model=display_name(bundle), image=str(image), status=status, message=message
    )


def parity_summary(rows: Sequence[results.CheckResult]) -> dict[str, object]:
    """What a bundle's manifest keeps of the verdicts: no durations, so that it stays the same."""
    return {
        row.format: {"status": row.status, "score": row.score, "cases": row.cases}
        for row in rows
        if row.format is not None
    }


def timed_forms(
    exported: results.ExportedModel | None, rows: Sequence[results.CheckResult]
) -> dict[str, TimedForm]:
    """The exported forms with their verdicts, ready to be timed."""
    verdicts = {row.format: row for row in rows}
    forms = {}
    for form in exported.forms if exported else []:
        row = verdicts.get(form.format)
        if form.status == "ok" and form.path and row is not None:
            size_bytes = form.size_bytes or 0
            forms[form.format] = TimedForm(Path(form.path), size_bytes, row.status, row.score)
    return forms

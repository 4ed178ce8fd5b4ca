"""What stands under a table: errors first, then limits, then notes."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from toolkit.report.check import format_score
from toolkit.report.sheet import Remark
from toolkit.results import CheckResult, ExportedModel, Finding, Script, StageScore
from toolkit.words import shell_word

LEVELS = ("error", "limit", "note")

_REASONS = {
    "fail": "it departs from the reference",
    "error": "it could not be judged",
    "timeout": "it took longer than the time limit (--timeout)",
    "crash": "the process that ran it died",
    "out-of-memory": "it needed more than the memory limit (--memory-limit)",
    "refused": "it was not run",
    "limit": "it is a known limit",
}
"""What a status without a finding means."""


def check_remarks(
    results: Iterable[CheckResult],
    *,
    with_model: bool = False,
    explained: Collection[str | None] = (),
) -> list[Remark]:
    """Everything that the checks found, and the reason of each status that is not a pass.

    Of the formats in `explained` the reason is known already, from their export.
    """
    remarks = [
        remark
        for result in results
        for remark in _of_result(result, with_model, result.format in explained)
    ]
    return ordered(remarks)


def _of_result(result: CheckResult, with_model: bool, known: bool) -> list[Remark]:
    model = (result.model,) if with_model else ()
    device = () if result.device == "cpu" else (result.device,)
    words = [*model, *([] if result.format is None else [result.format]), *device]
    where = (" ".join(words),) if words else ()
    remarks = [_of_finding(finding, where, result.status) for finding in result.findings]
    remarks += _of_stages(result, where)
    known = known or any(remark.level in ("error", "limit") for remark in remarks)
    if result.status == "pass" or known:
        return remarks
    level = "limit" if result.status == "limit" else "error"
    return [Remark(level, result.status, where, _REASONS[result.status]), *remarks]


def _of_stages(result: CheckResult, where: tuple[str, ...]) -> list[Remark]:
    """How a form that fails scores at each stage: what is over the limit came in there."""
    if result.status != "fail" or len(result.stages) < 2:  # noqa: PLR2004 - one is the form itself
        return []
    scored = [f"{one.stage} {_score_of(one)}" for one in result.stages]
    return [Remark("note", "stages", where, f"score by stage: {', '.join(scored)}")]


def _score_of(stage: StageScore) -> str:
    """Its score; the status where nothing was compared, or where no value is to blame."""
    score = format_score(stage.score)
    return score if stage.status == "pass" else f"{score} ({stage.status})"


def _of_finding(finding: Finding, where: tuple[str, ...], status: str) -> Remark:
    expected = finding.name == "limit" or (status == "limit" and finding.severity == "error")
    level = "limit" if expected else finding.severity
    stage = (f"stage {finding.stage}",) if finding.stage else ()
    module = (f"module {finding.module}",) if finding.module else ()
    return Remark(
        level,
        finding.name,
        (*where, *stage, *module),
        finding.message,
        finding.reproduce,
        _of_script(finding.script),
    )


def _of_script(script: Script | None) -> str | None:
    """The command that shows the fault, and what it holds of the model."""
    if script is None:
        return None
    said = "exits 1" if script.confirmed else "not confirmed: it did not exit 1"
    share = f"{script.operators} of {script.captured} operators"
    return f"python {shell_word(script.path)} ({share}; {said})"


def export_remarks(models: Iterable[ExportedModel], *, with_model: bool = False) -> list[Remark]:
    """Why forms could not be had, and what else is to be said about a bundle."""
    known = list(models)
    refusals = ordered(
        Remark(
            form.status,
            "export",
            (f"{model.name} {form.format}" if with_model else form.format,),
            form.message or "the exporter gave no reason",
        )
        for model in known
        for form in model.forms
        if form.status != "ok"
    )
    notes = [
        Remark("note", "export", (model.name,) if with_model else (), text)
        for model in known
        for text in model.notes
    ]
    return [*refusals, *notes]


def ordered(remarks: Iterable[Remark]) -> list[Remark]:
    """Errors, limits and notes in this order; a remark that several forms share stands once."""
    merged: dict[tuple[str, str, str, str | None, str | None, tuple[str, ...]], list[str]] = {}
    for remark in remarks:
        form, rest = remark.where[:1], remark.where[1:]
        key = (remark.level, remark.name, remark.message, remark.reproduce, remark.script, rest)
        merged.setdefault(key, []).extend(name for name in form if name not in merged.get(key, []))
    found = [
        Remark(level, name, ((_joined(forms),) if forms else ()) + rest, message, reproduce, script)
        for (level, name, message, reproduce, script, rest), forms in merged.items()
    ]
    return sorted(found, key=lambda remark: LEVELS.index(remark.level))


def _joined(places: Iterable[str]) -> str:
    """`mse onnx`, `mse pt2`, `l1 onnx` as `mse onnx, pt2, l1 onnx`: a model's name stands once."""
    told: list[str] = []
    model_before = None
    for place in places:
        model, space, form = place.partition(" ")
        told.append(form if space and model == model_before else place)
        model_before = model
    return ", ".join(told)

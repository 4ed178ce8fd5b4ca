"""What a document judged, case by case, for the systems that count passes and failures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from toolkit.errors import REFUSED
from toolkit.report.baseline import Where, reason
from toolkit.report.findings import check_remarks, export_remarks
from toolkit.report.sheet import Remark
from toolkit.report.summary import EXIT_MEANINGS
from toolkit.results import (
    JUDGED,
    SAID_NO,
    Against,
    CheckResult,
    Document,
    ExportedModel,
    Form,
    TrainedModel,
)

OF_THE_COMMAND = "toolkit"
"""What a case is about that belongs to no model."""
_STATUS_OF_CODE = {0: "pass", SAID_NO: "fail", REFUSED: "refused"}


@dataclass(frozen=True)
class Case:
    """One thing that was judged: `status` as in results, `ok` and `pass` are the good ones."""

    model: str
    name: str
    status: str
    remarks: Sequence[Remark] = ()
    seconds: float | None = None
    result: CheckResult | None = None

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong; a limit is neither good nor bad."""
        return self.status in ("pass", "ok")

    @property
    def is_bad(self) -> bool:
        """Whether it makes the exit code another than 0."""
        return not self.is_good and self.status != "limit"


def cases(document: Document) -> list[Case]:
    """Every case of a document; whenever its exit code is not 0, one of them is bad."""
    found = [
        *(_of_training(model) for model in document.all_trained if model.metric.floor is not None),
        *_of_exports(document),
        *map(_of_check, document.all_results),
        *_of_baseline(document.against),
    ]
    told_why = document.error is None or _is_told(document.error.message, found)
    if document.exit_code and not (told_why and any(case.is_bad for case in found)):
        found.append(_of_command(document))
    return found


def _is_told(message: str, found: Iterable[Case]) -> bool:
    return any(
        f"{case.model}: {remark.message}" == message for case in found for remark in case.remarks
    )


def told(remark: Remark) -> str:
    """A remark as plain text: what, where, the message, and how to see it again."""
    where = f" ({'; '.join(remark.where)})" if remark.where else ""
    head = remark.level if remark.level == remark.name else f"{remark.level} {remark.name}"
    again = f"\nreproduce: {remark.reproduce}" if remark.reproduce else ""
    script = f"\nbug report: {remark.script}" if remark.script else ""
    return f"{head}{where}: {remark.message}{again}{script}"


def _of_check(result: CheckResult) -> Case:
    parts = (result.format or "model", result.runtime, result.device)
    name = "/".join(part for part in parts if part)
    remarks = check_remarks([result])
    return Case(result.model, name, result.status, remarks, result.seconds, result)


def _of_baseline(against: Against | None) -> Iterator[Case]:
    """What became of a saved run's cases, by all that tells them apart."""
    where = Where(several=False, shared={})
    if against is None:
        return
    for one in against.verdicts:
        if one.drift not in JUDGED:
            continue
        status = _STATUS_OF_CODE[against.code_of(one.drift)]
        remark = Remark("error", one.drift, (where(one),), reason(one, against.limit))
        remarks = [] if status == "pass" else [remark]
        yield Case(one.model, f"{where(one)} against {against.baseline}", status, remarks)


def _of_exports(document: Document) -> Iterator[Case]:
    """The forms that no verdict speaks of: those of `export`, and exports that failed."""
    judged = {(result.model, result.format) for result in document.all_results}
    for model in document.all_exports:
        for form in model.forms:
            if (model.name, form.format) not in judged:
                yield _of_export(model, form)


def _of_export(model: ExportedModel, form: Form) -> Case:
    alone = model.model_copy(update={"forms": [form], "notes": []})
    name = f"{form.format}/export"
    return Case(model.name, name, form.status, export_remarks([alone]), form.seconds)


def _of_training(model: TrainedModel) -> Case:
    metric = model.metric
    if metric.met:
        return Case(model.name, "training", "pass", (), model.seconds)
    value = "not finite" if metric.value is None else f"{metric.value:.4g}"
    message = f"held-out {metric.name} {value} misses the floor {metric.floor:.4g}"
    remark = Remark("error", "floor", ("training",), message)
    return Case(model.name, "training", "fail", [remark], model.seconds)


def _of_command(document: Document) -> Case:
    error, code = document.error, document.exit_code
    meaning = f"exit {code}: {EXIT_MEANINGS.get(code, 'unknown')}"
    hint = f"\nhint: {error.hint}" if error and error.hint else ""
    message = f"{error.message}{hint}\n{meaning}" if error else meaning
    remark = Remark("error", error.name if error else "exit", (), message)
    return Case(OF_THE_COMMAND, document.command, "error", [remark])

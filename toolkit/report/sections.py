"""Which tables a document shows, whatever they are written in."""

from __future__ import annotations

from collections.abc import Collection

from toolkit.report.baseline import baseline_sections
from toolkit.report.batches import batch_section
from toolkit.report.bench import bench_sheet
from toolkit.report.caption import environment_lines, weights_line
from toolkit.report.catalogue import document_lines, list_sheet
from toolkit.report.check import check_sheet, score_line
from toolkit.report.doubts import doubts
from toolkit.report.exports import export_sheet
from toolkit.report.facts import facts_sheet
from toolkit.report.findings import check_remarks, export_remarks, ordered
from toolkit.report.forms import forms_sheet
from toolkit.report.means import means_section
from toolkit.report.numbers import SIZE_BASE
from toolkit.report.overview import overview_sections
from toolkit.report.plan import plan_section
from toolkit.report.predict import pictures_section, predict_section
from toolkit.report.protocol import protocol_line
from toolkit.report.rows import model_names, model_rows
from toolkit.report.self_tests import self_test_sections
from toolkit.report.sheet import Remark, Section
from toolkit.report.summary import summary_line
from toolkit.report.tables import Table, shared_line, tables
from toolkit.report.training import per_class_sheets, train_sheet
from toolkit.results import CheckResult, Document, ExportedModel, ListedModel

SHARED_FROM = 4
"""So many models without times stand in one table."""


def sections(document: Document) -> list[Section]:
    """What the document has to show, in order, from the error or the first table to the end."""
    found = _error(document) + _tables(document) + baseline_sections(document.against)
    judged = bool(document.all_results or document.all_exports or document.all_trained)
    judged = judged or bool(document.self_tests)
    if judged or document.all_comparisons or document.error:
        found.append(_ending(document))
    return found


def _ending(document: Document) -> Section:
    """What dates the whole document, the command and the outcome."""
    shown = bool(document.all_results or document.all_comparisons or document.self_tests)
    lines = [score_line(document.all_results), *environment_lines(document)]
    sized = document.all_exports or document.all_comparisons
    caption = [line for line in (*lines, SIZE_BASE if sized else "") if line]
    return Section(
        caption=caption if shown or sized or document.all_trained else [],
        command=document.command_line or "",
        summary=summary_line(document),
    )


def _error(document: Document) -> list[Section]:
    if document.error is None:
        return []
    remark = Remark("error", document.error.name, (), document.error.message)
    hint = [f"hint: {document.error.hint}"] if document.error.hint else []
    return [Section(remarks=[remark], caption=hint)]


def _tables(document: Document) -> list[Section]:
    if document.command == "run":
        return [*_training(document), *_models(document), *_over_models(document)]
    catalogue = [model for model in document.models or [] if isinstance(model, ListedModel)]
    found = (
        [Section(sheet=list_sheet(catalogue), caption=document_lines(catalogue))]
        if catalogue
        else []
    )
    if document.rows:
        found.append(_facts(document))
    found += [plan_section(plan) for plan in document.plans or [] if plan.cases]
    found += _training(document)
    found += [_export(model) for model in document.all_exports]
    found += self_test_sections(document.self_tests or [])
    return found + _parity(document) + _latency(document)


def _facts(document: Document) -> Section:
    if document.predictions:
        return predict_section(document.predictions)
    if document.pictures:
        return pictures_section(document.pictures)
    return Section(sheet=facts_sheet(document.rows or []))


def _training(document: Document) -> list[Section]:
    trained = document.all_trained
    if not trained:
        return []
    by_class = per_class_sheets(trained) if document.command == "train" else []
    return [
        Section("training", train_sheet(trained)),
        *(Section("held-out accuracy by class, %", sheet) for sheet in by_class),
    ]


def _models(document: Document) -> list[Section]:
    """A table for each model that was timed; those that were not share one, where there are some.

    A sweep over the catalogue checks layers and losses and times none of them.
    """
    timed = {variant.model for held in document.all_comparisons for variant in held.variants}
    names = model_names(document)
    untimed = {name for name in names if name not in timed}
    shared = untimed if len(untimed) >= SHARED_FROM else set()
    own = [part for name in names if name not in shared for part in _model(document, name)]
    return [*own, _untimed(document, shared)] if shared else own


def _untimed(document: Document, names: Collection[str]) -> Section:
    results = [result for result in document.all_results if result.model in names]
    exports = [model for model in document.all_exports if model.name in names]
    judged = {result.model for result in results}
    unjudged = [model for model in exports if model.name not in judged]
    return Section(
        "checked, not timed",
        check_sheet(results) if results else None,
        ordered(
            [*export_remarks(unjudged, with_model=True), *check_remarks(results, with_model=True)]
        ),
    )


def _model(document: Document, name: str) -> list[Section]:
    """One model of a `run`: its forms, what was found, how it was measured; throughput by batch."""
    rows = model_rows(document, name)
    exports = [model for model in document.all_exports if model.name == name]
    own = _of_model(document, name)
    forms = Section(
        heading=name,
        sheet=forms_sheet(rows) if rows else None,
        remarks=_row_remarks(document, name, exports),
        caption=_model_caption(exports, own),
    )
    by_batch = [section for table in own if (section := batch_section(table)) is not None]
    return [forms, *by_batch]


def _row_remarks(document: Document, name: str, exports: list[ExportedModel]) -> list[Remark]:
    results = [result for result in document.all_results if result.model == name]
    timed = [remark for table in _of_model(document, name) for remark in doubts(table)]
    told = {(result.format, finding.message) for result in results for finding in result.findings}
    from_export = [
        remark
        for remark in export_remarks(exports)
        if (remark.where[:1] and (remark.where[0], remark.message) not in told)
        or (not remark.where and not _told_by_checks(remark.message, results))
    ]
    explained = {form.format for held in exports for form in held.forms if form.status != "ok"}
    from_checks = check_remarks(results, explained=explained)
    return ordered([*from_export, *from_checks, *timed])


def _of_model(document: Document, name: str) -> list[Table]:
    return [table for table in tables(document.all_comparisons) if name in table.models]


def _told_by_checks(said: str, results: list[CheckResult]) -> bool:
    """Whether a bundle's note says what its checks say: `weights: …`, `twin (onnx): …`."""
    about, _, reason = said.partition(": ")
    return any(
        finding.name == about.partition(" ")[0] and finding.message.endswith(reason)
        for result in results
        for finding in result.findings
    )


def _model_caption(exports: list[ExportedModel], held: list[Table]) -> list[str]:
    weights = [weights_line(model.weights) for model in exports]
    lines = [line for table in held for line in _protocol(table)]
    return [line for line in [*lines, *weights] if line]


def _protocol(table: Table) -> list[str]:
    return [shared_line(table), protocol_line(table.comparisons)]


def _export(model: ExportedModel) -> Section:
    place = f" → {model.bundle}" if model.bundle else ""
    weights = weights_line(model.weights)
    return Section(
        heading=f"{model.name}{place}",
        sheet=export_sheet(model) if model.forms else None,
        remarks=export_remarks([model]),
        caption=[weights] if weights else [],
    )


def _parity(document: Document) -> list[Section]:
    results = document.all_results
    if not results:
        return []
    several = len({result.model for result in results}) > 1
    origins = {result.weights for result in results}
    shared = origins.pop() if len(origins) == 1 else None
    references = dict.fromkeys(result.reference for result in results if result.reference)
    return [
        Section(
            f"parity with {', '.join(references)}" if references else "parity",
            check_sheet(results),
            check_remarks(results, with_model=several),
            [f"weights {'of the candidate: ' if references else ''}{shared}"] if shared else [],
        )
    ]


def _latency(document: Document) -> list[Section]:
    found = [section for table in tables(document.all_comparisons) for section in _timed(table)]
    return found + _over_models(document)


def _timed(table: Table) -> list[Section]:
    """The table of one comparison, or of a sweep with its throughput by batch."""
    shared = shared_line(table)
    latency = Section(
        "latency" + (f": {shared}" if shared else ""),
        bench_sheet(table),
        doubts(table),
        [protocol_line(table.comparisons)],
    )
    by_batch = batch_section(table)
    return [latency, by_batch] if by_batch else [latency]


def _over_models(document: Document) -> list[Section]:
    means = means_section(document.all_comparisons)
    return [*overview_sections(document.all_comparisons), *([means] if means else [])]

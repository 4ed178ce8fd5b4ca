"""Export, parity and latency of the same form, joined into one row."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.results import CheckResult, Comparison, Document, ExportedModel, Form, Variant


@dataclass(frozen=True)
class Row:
    """One form of one model as it was exported, checked and timed; None for what was not done.

    `format` is None for the eager module and for a model that could not be built.
    """

    model: str
    format: str | None
    form: Form | None = None
    check: CheckResult | None = None
    variant: Variant | None = None
    comparison: Comparison | None = None

    @property
    def device(self) -> str | None:
        """Where it ran."""
        found = self.variant or self.check
        return found.device if found else None

    @property
    def runtime(self) -> str | None:
        """What ran it."""
        found = self.variant or self.check
        return found.runtime if found else None

    @property
    def score(self) -> float | None:
        """Of parity: of the variant as it was timed, else of its form."""
        own = self.variant.parity_score if self.variant else None
        return own if own is not None or self.check is None else self.check.score

    @property
    def is_baseline(self) -> bool:
        """Whether the other rows' speed-ups refer to this one."""
        if not self.variant or not self.comparison:
            return False
        return self.variant is self.comparison.baseline_row


def model_names(document: Document) -> list[str]:
    """Every model that the document says something about, in order of appearance."""
    names = [model.name for model in document.all_trained]
    names += [model.name for model in document.all_exports]
    names += [result.model for result in document.all_results]
    names += [variant.model for _, variant in _timed(document)]
    return list(dict.fromkeys(names))


def joined_rows(document: Document) -> list[Row]:
    """One row a form and variant of every model."""
    return [row for model in model_names(document) for row in model_rows(document, model)]


def model_rows(document: Document, model: str) -> list[Row]:
    """The rows of one model, the eager module first."""
    exports = [found for found in document.all_exports if found.name == model]
    checks = [found for found in document.all_results if found.model == model]
    timed = [(held, found) for held, found in _timed(document) if found.model == model]
    formats = _formats(exports, checks, timed)
    return [
        row
        for format_name in formats
        for row in _format_rows(model, format_name, exports, checks, timed)
    ]


def _timed(document: Document) -> list[tuple[Comparison, Variant]]:
    return [(held, variant) for held in document.all_comparisons for variant in held.variants]


def _formats(
    exports: list[ExportedModel],
    checks: list[CheckResult],
    timed: list[tuple[Comparison, Variant]],
) -> list[str | None]:
    found: list[str | None] = [None for _, variant in timed if variant.format is None]
    found += [form.format for exported in exports for form in exported.forms]
    found += [check.format for check in checks]
    found += [variant.format for _, variant in timed]
    return list(dict.fromkeys(found))


def _format_rows(
    model: str,
    format_name: str | None,
    exports: list[ExportedModel],
    checks: list[CheckResult],
    timed: list[tuple[Comparison, Variant]],
) -> list[Row]:
    form = next(
        (form for held in exports for form in held.forms if form.format == format_name), None
    )
    of_format = [check for check in checks if check.format == format_name]
    rows = [
        Row(model, format_name, form, _check_of(variant, of_format), variant, held)
        for held, variant in timed
        if variant.format == format_name
    ]
    shown = [row.check for row in rows]
    rows += [Row(model, format_name, form, check) for check in of_format if check not in shown]
    return rows or [Row(model, format_name, form)]


def _check_of(variant: Variant, checks: list[CheckResult]) -> CheckResult | None:
    """The verdict on what was timed: the variant's own, else that on its form; on its device."""
    here = [check for check in checks if check.device == variant.device]
    own = [check for check in here if check.runtime == variant.variant and _fits(check, variant)]
    if own:
        return next((check for check in own if check.score == variant.parity_score), own[0])
    if variant.format is None:
        return None
    return next((check for check in here if check.runtime == variant.runtime), None)


def _fits(check: CheckResult, variant: Variant) -> bool:
    """What failed was not timed; where it was, the failure is that at another batch."""
    return check.status == "pass" or variant.verdict == "not timed"

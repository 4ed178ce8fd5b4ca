"""Bundles written and found again: every form of a model, its weights and golden values."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from toolkit import bundle as bundles
from toolkit import formats, operators, registry, results
from toolkit.bundle.entries import LibraryEntry, Manifest
from toolkit.bundle.golden import GoldenCase
from toolkit.errors import BundleError, ExportError, UsageError
from toolkit.events import Observe, Progress
from toolkit.folders import slug
from toolkit.formats.base import Exported, NotScriptableError
from toolkit.formats.onnx_file import external_file
from toolkit.options import ExportOptions, TimedForm
from toolkit.parity.findings import Finding, note
from toolkit.parity.reference import Judged, Reference, core
from toolkit.reasons import plain
from toolkit.spec import FORMAT_NAMES, ModelSpec
from toolkit.stages import export_rows
from toolkit.stages.bundled import bundle_of
from toolkit.stages.checking import Checking, FormAtHand
from toolkit.stages.files import file_of
from toolkit.stages.room import collect_copies
from toolkit.stages.rows import explained
from toolkit.stages.sources import Sources, script_is_expected
from toolkit.stages.subject import Subject
from toolkit.words import ModelWords


def find(words: ModelWords) -> ModelSpec | None:
    """What a word means, before any work; raises where it means nothing.

    A bundle is read, not opened. None where only the model itself tells what it takes.
    """
    operators.described(words.ort_libraries)
    operators.use(words.imports)
    bundle = bundle_of(words)
    if bundle is not None:
        return bundle.spec
    if file_of(words) is not None:
        return None
    spec = registry.find(words)
    return None if words.dynamic or words.with_preprocess else spec


def export_bundle(
    subject: Subject,
    options: ExportOptions,
    dead: Mapping[str, str],
    reference: Reference,
    observe: Observe,
) -> results.ExportedModel:
    """Write the bundle; a form that cannot be exported is a row with its reason."""
    if subject.file is not None:
        raise UsageError(
            "an ONNX file is exported already",
            hint="`toolkit check` judges it, `toolkit bench` times it",
        )
    folder = options.out / slug(subject.shown)
    before = _standing_in(folder)
    forms: list[results.Form] = []
    try:
        with bundles.writing(folder, subject.built, subject.words.word) as writer:
            writer.arguments_left_out = export_rows.names_a_path(subject.words.arguments)
            if not writer.arguments_left_out:
                writer.arguments = list(subject.words.arguments)
            writer.imports = subject.words.imports
            writer.ort_libraries = _libraries(subject)
            names = options.formats or FORMAT_NAMES
            writing = _Writing(subject, writer, options, dead, Sources(subject, names))
            for name in names:
                observe(Progress(subject.spec.name, "export", name, form=name))
                forms.append(_export_form(writing, name))
            if not any(form.status == "ok" for form in forms):
                raise _NothingExportedError("no form could be exported")
            writer.add_weights()
            writer.add_golden(_golden_cases(reference))
    except _NothingExportedError:
        return export_rows.exported_row(subject, None, forms, [])
    except OSError as error:
        raise BundleError(
            f"cannot write {folder}: {error.strerror or error}",
            hint="-o names another place for bundles",
        ) from error
    notes = export_rows.notes(subject, reference, before, forms)
    return export_rows.exported_row(subject, folder, forms, notes)


def _libraries(subject: Subject) -> list[LibraryEntry]:
    """What the manifest says of the libraries that onnxruntime is given."""
    found = operators.described(subject.words.ort_libraries)
    return [LibraryEntry(name=library.name, sha256=library.sha256) for library in found]


class _NothingExportedError(ExportError):
    """Unwinds the writing of a bundle that would hold no form."""


def _standing_in(folder: Path) -> Manifest | None:
    """The manifest of the bundle that stands there already."""
    with contextlib.suppress(BundleError):
        return bundles.read(folder).manifest if bundles.is_bundle(folder) else None
    return None


@dataclass(frozen=True)
class _Writing:
    """What every form of one bundle is written with."""

    subject: Subject
    writer: bundles.BundleWriter
    options: ExportOptions
    dead: Mapping[str, str]
    sources: Sources


def _export_form(writing: _Writing, name: str) -> results.Form:
    writer = writing.writer
    began = time.monotonic()
    status: results.FormStatus = "ok"
    entry = None
    message = ""
    try:
        entry = _write_form(writing, name)
    except _LimitError as limit:
        status, message = "limit", limit.message
    except Exception as failure:  # an exporter or a user's code may raise anything
        status, message = "error", explained(failure)
    collect_copies(writing.subject.built.module)
    if entry is None:
        writer.add_refusal(name, plain(message), "limit" if status == "limit" else "error")
    return results.Form(
        format=name,
        path=entry.path if entry else None,
        sha256=entry.sha256 if entry else None,
        size_bytes=writer.form_bytes(name) if entry else None,
        opset=entry.opset if entry else None,
        seconds=round(time.monotonic() - began, 3),
        status=status,
        message=message,
    )


class _LimitError(ExportError):
    """The model cannot be had in this format, and that is known."""

    name = "limit"


def _write_form(writing: _Writing, name: str) -> bundles.FileEntry:
    subject, options = writing.subject, writing.options
    if name in writing.dead:
        raise ExportError(writing.dead[name], model=subject.shown)
    if name in subject.spec.limits:
        raise _LimitError(subject.spec.limits[name])
    exporter = formats.get(name)
    path = writing.writer.folder / exporter.filename
    source = writing.sources.take(name)
    try:
        exported = exporter.export(
            source.built, path, opset=options.opset, captured=source.captured
        )
    except NotScriptableError as refusal:
        if script_is_expected(subject, options.formats):
            raise
        raise _LimitError(refusal.message) from refusal
    return writing.writer.add_form(
        name,
        exported.path,
        opset=exported.opset,
        warnings=exported.warnings,
        options=_form_options(subject, name, options, exported),
        extra=exported.extra,
    )


def _form_options(
    subject: Subject, name: str, options: ExportOptions, exported: Exported
) -> dict[str, str | int | float | bool | None]:
    """What the manifest tells of how a form was made: the opset asked for, the twin exported."""
    twin = subject.spec.twin_for(name)
    told: dict[str, str | int | float | bool | None] = {}
    if exported.opset is not None:
        told["opset"] = options.opset
    if twin is not None:
        told["twin"] = twin.reason
    return told


def _golden_cases(reference: Reference) -> list[GoldenCase]:
    """Every size and every class of values, as many on a slow machine as on a quick one."""
    if reference.random:
        return []
    golden = core(reference)
    return [_golden(golden, judged) for judged in golden.cases]


def _golden(reference: Reference, judged: Judged) -> GoldenCase:
    noise = {
        name: reference.slices[name].broadcast(vector, judged.eager[name].ndim)
        for (name, draw_class), vector in reference.noise.items()
        if draw_class == judged.case.draw_class
    }
    return GoldenCase(judged.inputs, judged.eager, judged.oracle, noise)


def forms_at_hand(subject: Subject, folder: Path | None) -> dict[str, FormAtHand]:
    """The forms of a bundle: the one just written, or the one that is to be checked."""
    if subject.file is not None:
        return {"onnx": FormAtHand(Exported(subject.file))}
    found = bundles.read(folder) if folder is not None else subject.bundle
    return {} if found is None else forms_of(found)


def forms_of(found: bundles.Bundle) -> dict[str, FormAtHand]:
    """The forms that a bundle holds, by format; raises `BundleError` where a file is gone."""
    altered = {one.path for one in bundles.file_statuses(found) if one.status == "altered"}
    return {
        str(entry.format): FormAtHand(
            Exported(found.path(str(entry.format)), entry.opset, tuple(entry.warnings)),
            _about_files(found, str(entry.format), altered),
        )
        for entry in found.manifest.files
        if entry.role == "form"
    }


def _about_files(
    found: bundles.Bundle, format_name: str, altered: Collection[str]
) -> tuple[Finding, ...]:
    """A note for each file of a form, its external data too, that was altered since."""
    own = [entry.path for entry in found.manifest.files if entry.format == format_name]
    text = "is not the file that was exported: its SHA-256 is another"
    return tuple(note("altered", f"{path} {text}") for path in own if path in altered)


def timed_from(checking: Checking, rows: list[results.CheckResult]) -> dict[str, TimedForm]:
    """The forms that were checked, where they lie."""
    forms = {}
    for row in rows:
        name = str(row.format)
        at_hand = checking.at_hand.get(name)
        exporter = formats.get(name)
        path = at_hand.exported.path if at_hand else checking.folder / exporter.filename
        if path.exists():
            forms[name] = TimedForm(path, _size_bytes(path), row.status, row.score)
    return forms


def _size_bytes(path: Path) -> int:
    """What a form takes on disk: the file, and the one beside it where there is one."""
    parts = (path, external_file(path))
    return sum(part.stat().st_size for part in parts if part.exists())

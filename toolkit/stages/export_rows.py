"""What an export tells: the row of its model, and notes of what its user should know."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from toolkit import results
from toolkit.bundle.entries import Manifest
from toolkit.bundle.manifest import portable_word
from toolkit.parity.reference import Reference
from toolkit.reasons import plain
from toolkit.stages.rows import about_weights
from toolkit.stages.subject import Subject


def exported_row(
    subject: Subject, folder: Path | None, forms: Sequence[results.Form], notes: Sequence[str]
) -> results.ExportedModel:
    """The row of a model; without a folder nothing was written."""
    weights = subject.built.weights
    origin = results.WeightsOrigin(
        origin=weights.origin, sha256=weights.sha256, seed=weights.seed, note=weights.note
    )
    placed = [
        form.model_copy(update={"path": str(folder / form.path)})
        if folder is not None and form.path
        else form
        for form in forms
    ]
    return results.ExportedModel(
        name=subject.shown,
        bundle=None if folder is None else str(folder),
        forms=placed,
        weights=origin,
        notes=list(notes),
    )


def notes(
    subject: Subject, reference: Reference, before: Manifest | None, forms: Sequence[results.Form]
) -> list[str]:
    """What must be said of a bundle that was written; `before` is the one that stood there."""
    return [
        *(f"weights: {said}" for said in about_weights(subject.built)),
        *(f"{found.name}: {found.message}" for found in subject.findings),
        *_about_arguments(subject),
        *_about_twins(subject, forms),
        *_unjudged(reference),
        *_about_replaced(subject, before, forms),
    ]


def names_a_path(arguments: Sequence[str]) -> bool:
    """Whether one of the constructor's arguments is a path of this machine: none is kept then."""
    return any(plain(text) != text for text in arguments)


def _about_arguments(subject: Subject) -> list[str]:
    """What the bundle does not say of how the module was built."""
    text = (
        "arguments: one is a path of this machine, so the bundle holds none of them: it can be run "
        "and not checked; `toolkit check` takes the model by its own word"
    )
    return [text] if names_a_path(subject.words.arguments) else []


def _about_twins(subject: Subject, forms: Sequence[results.Form]) -> list[str]:
    """What was exported in place of the module, and why."""
    told: dict[str, list[str]] = {}
    for form in forms:
        twin = subject.spec.twin_for(form.format)
        if twin is not None and form.status == "ok":
            told.setdefault(twin.reason, []).append(form.format)
    return [f"twin ({', '.join(names)}): {reason}" for reason, names in told.items()]


def _unjudged(reference: Reference) -> list[str]:
    """What the export itself does not judge."""
    return [
        f"{found.name}: {found.message} (`toolkit check` judges it)"
        for found in reference.findings
        if found.severity == "error"
    ]


def _about_replaced(
    subject: Subject, before: Manifest | None, forms: Sequence[results.Form]
) -> list[str]:
    """What the bundle took the place of: two words may share a folder where case does not count."""
    if before is None:
        return []
    if before.word != portable_word(subject.words.word):
        return [f"the bundle that stood here was of {before.word}: it is gone"]
    held = [str(entry.format) for entry in before.files if entry.role == "form"]
    now = {form.format for form in forms if form.status == "ok"}
    gone = [name for name in held if name not in now]
    text = f"the bundle that stood here also held {', '.join(gone)}: they are gone"
    return [text] if gone else []

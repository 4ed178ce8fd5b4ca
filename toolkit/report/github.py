"""Workflow commands: what was found, as GitHub shows it beside the lines of a change.

Their grammar, their escapes and ten of a kind for each step are GitHub's; messages are cut where
its runner cuts them. A model that passes is told of by its tracer's warnings and limits alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from toolkit.report.cases import OF_THE_COMMAND, Case, cases
from toolkit.report.numbers import counted, format_percent
from toolkit.report.places import Place
from toolkit.report.sheet import Remark
from toolkit.report.symbols import without_controls
from toolkit.results import Document

Level = Literal["error", "warning", "notice"]
LEVELS: tuple[Level, ...] = ("error", "warning", "notice")
MOST_OF_A_LEVEL = 10
"""Annotations of one level that GitHub takes from a step."""
LONGEST_MESSAGE_BYTES = 4_096
"""What GitHub's runner keeps of a message."""
LONGEST_TITLE_BYTES = 200
CUT = " … (cut)"

_PARTS = ("stage ", "module ")
"""What a remark's place names besides the form."""
_OF_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_OF_PROPERTIES = {**_OF_DATA, ":": "%3A", ",": "%2C"}


@dataclass(frozen=True)
class Annotation:
    """One message, where it belongs, and how much it weighs."""

    level: Level
    title: str
    message: str
    model: str = ""
    place: Place | None = None


def annotated(
    document: Document, places: Mapping[str, Place], failures: Sequence[Annotation] = ()
) -> list[Annotation]:
    """What a document has to say of each model, errors first; what several forms share, once.

    `failures` are told besides, and in place of rows that say the same without a hint.
    """
    told = [one for one in _of_cases(document, places, failures) if not _is_told(one, failures)]
    found = [*failures, *told, *_of_timing(document)]
    return sorted(found, key=lambda one: LEVELS.index(one.level))


def _is_told(one: Annotation, failures: Iterable[Annotation]) -> bool:
    return any(
        failure.model == one.model and failure.message.startswith(one.message)
        for failure in failures
    )


def _of_cases(
    document: Document, places: Mapping[str, Place], failures: Sequence[Annotation]
) -> list[Annotation]:
    merged: dict[tuple[Level, str, str, str, str], tuple[Remark, dict[str, None]]] = {}
    for case in cases(document):
        if case.model == OF_THE_COMMAND and failures:
            continue
        for level, remark in _worth_telling(case):
            key = (level, case.model, remark.name, remark.message, _where(remark))
            forms = merged.setdefault(key, (remark, {}))[1]
            forms.update(dict.fromkeys(remark.where[:1]))
    found = []
    for (level, model, name, message, _), (remark, forms) in merged.items():
        title = _title(document.command, name, model, forms)
        place = places.get(model)
        where = place.told_by(message) if place is not None else None
        found.append(Annotation(level, title, _message(remark), model, where))
    return found


def _title(command: str, name: str, model: str, forms: Iterable[str]) -> str:
    made = ", ".join(form for form in forms if not form.startswith(_PARTS))
    about = "" if model == OF_THE_COMMAND else f" ({model}{f': {made}' if made else ''})"
    return f"toolkit {command}: {name}{about}"


def _worth_telling(case: Case) -> Iterator[tuple[Level, Remark]]:
    for remark in case.remarks:
        if remark.level == "error":
            yield "error", remark
        elif remark.name == "warning":
            yield "warning", remark
        elif remark.level == "limit" or case.is_bad:
            yield "notice", remark


def _message(remark: Remark) -> str:
    again = [f"reproduce: {remark.reproduce}"] if remark.reproduce else []
    script = [f"bug report: {remark.script}"] if remark.script else []
    where = [_where(remark)] if _where(remark) else []
    told = cut(remark.message, LONGEST_MESSAGE_BYTES // 2)  # what follows is worth its room
    return "\n".join([told, *where, *again, *script])


def _where(remark: Remark) -> str:
    """The stage and the module, where they are known."""
    return "; ".join(part for part in remark.where if part.startswith(_PARTS))


def _of_timing(document: Document) -> Iterator[Annotation]:
    """A machine on which nothing could be claimed."""
    for held in document.all_comparisons:
        if held.aa_band and any(variant.verdict == "noisy" for variant in held.variants):
            models = ", ".join(dict.fromkeys(variant.model for variant in held.variants))
            band = format_percent(held.aa_band)
            message = f"the machine was too noisy to claim a difference: A/A band ±{band}"
            yield Annotation("warning", f"toolkit {document.command}: noisy ({models})", message)


def format_commands(found: Iterable[Annotation], root: Path | None = None) -> list[str]:
    """The lines to print: ten of each level, and one that counts the others.

    `root` is the folder of the repository: files are named from there.
    """
    counts: Counter[Level] = Counter()
    lines = []
    for each in found:
        counts[each.level] += 1
        if counts[each.level] <= MOST_OF_A_LEVEL:
            lines.append(command(each, root))
    over = [
        counted(counts[level] - MOST_OF_A_LEVEL, f"more {level}")
        for level in LEVELS
        if counts[level] > MOST_OF_A_LEVEL
    ]
    if over:
        lines.append(f"{', '.join(over)} in the report: {MOST_OF_A_LEVEL} of a kind are annotated")
    return lines


def command(annotation: Annotation, root: Path | None = None) -> str:
    """One workflow command, on one line whatever its message holds."""
    place = annotation.place
    file = place.seen_from(root) if place is not None else None
    line = str(place.line) if place is not None and file and place.line else ""
    title = cut(" ".join(annotation.title.split()), LONGEST_TITLE_BYTES)
    properties = [("file", file or ""), ("line", line), ("title", title)]
    told = ",".join(
        f"{name}={_escaped(value, _OF_PROPERTIES)}" for name, value in properties if value
    )
    message = cut(annotation.message.strip(), LONGEST_MESSAGE_BYTES) or annotation.level
    return f"::{annotation.level} {told}::{_escaped(message, _OF_DATA)}"


def cut(text: str, most_bytes: int) -> str:
    """The text in printable characters, as much of it as so many bytes of UTF-8 hold."""
    safe = without_controls(text[:most_bytes])
    raw = safe.encode("utf-8", "backslashreplace")
    if len(raw) <= most_bytes and len(text) <= most_bytes:
        return safe
    kept = raw[: most_bytes - len(CUT.encode())]
    return kept.decode("utf-8", "ignore") + CUT


def _escaped(text: str, table: Mapping[str, str]) -> str:
    return "".join(table.get(character, character) for character in text)

"""What a self-test of the judge found, by model and by kind of defect, and what it missed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from toolkit.report.numbers import NOTHING, counted, format_count
from toolkit.report.sheet import Cell, Column, Remark, Section, Sheet, verdict, whole, words
from toolkit.results import PlantedDefect, SelfTest

_COUNTS = ("planted", "counted", "found", "missed")
_MODELS = (
    Column("model"),
    Column("form"),
    Column("status"),
    Column("cases", "right"),
    *(Column(heading, "right") for heading in _COUNTS),
)
_KINDS = (
    Column("kind of defect"),
    *(Column(heading, "right") for heading in _COUNTS),
    Column("without a place", "right"),
)


def self_test_sections(tests: Sequence[SelfTest]) -> list[Section]:
    """A table by model and one by kind; what was missed, and what does not count, one by one."""
    if not tests:
        return []
    several = len({test.model for test in tests}) > 1
    remarks = [remark for test in tests for remark in _remarks(test, several)]
    return [
        Section("self-test", Sheet(_MODELS, [_model_row(test) for test in tests])),
        Section(
            "by kind of defect",
            Sheet(_KINDS, _kind_rows(tests)),
            sorted(remarks, key=lambda remark: remark.level != "error"),
            [_meaning(tests)],
        ),
    ]


def self_test_summary(tests: Sequence[SelfTest]) -> list[str]:
    """How many of the defects that count were found."""
    if not tests:
        return []
    found, counting = sum(test.found for test in tests), sum(test.counted for test in tests)
    unjudged = sum(test.status == "error" for test in tests)
    told = f"{found} of {counted(counting, 'planted defect')} found"
    return [told, *([f"{counted(unjudged, 'form')} could not be tried"] if unjudged else [])]


def _meaning(tests: Sequence[SelfTest]) -> str:
    first = tests[0]
    return (
        f"counted: moves some output by more than {first.least_movement:g} times the noise, as the "
        f"second look widens it, on any of {first.inputs} random inputs outside the case plan"
    )


def _model_row(test: SelfTest) -> list[Cell]:
    return [
        words(test.model),
        whole(test.format or NOTHING),
        verdict(test.status),
        whole(format_count(test.cases)),
        *_counts(test.defects),
    ]


def _counts(defects: Sequence[PlantedDefect]) -> list[Cell]:
    counting = [defect for defect in defects if defect.counted]
    found = [defect for defect in counting if defect.found]
    missed = len(counting) - len(found)
    numbers = [whole(format_count(len(part))) for part in (defects, counting, found)]
    return [*numbers, whole(format_count(missed), "bold red" if missed else "")]


def _kind_rows(tests: Sequence[SelfTest]) -> list[list[Cell]]:
    kinds = dict.fromkeys(defect.kind for test in tests for defect in test.defects)
    kinds |= dict.fromkeys(kind for test in tests for kind in test.absent)
    rows = []
    for kind in kinds:
        defects = [one for test in tests for one in test.defects if one.kind == kind]
        absent = sum(len(test.absent.get(kind, ())) for test in tests)
        rows.append([words(kind), *_counts(defects), whole(format_count(absent))])
    return rows


def _remarks(test: SelfTest, several: bool) -> Iterable[Remark]:
    model = (f"{test.model} {test.format}",) if several else ()
    if test.message:
        yield Remark("error", "self-test", model, test.message)
    if test.left_out:
        text = (
            f"{test.left_out} of {test.cases + test.left_out} planned cases did not run for want "
            f"of time (--budget): more may be missed"
        )
        yield Remark("note", "left-out", model, text)
    yield from (_told(one, "error", "missed", model) for one in test.missed)
    yield from (_told(one, "note", "uncounted", model) for one in test.uncounted)


_HOW: Mapping[str | None, str] = {
    "values": "moves an output by {:.3g} times the noise",
    "integers": "changes integers",
    "non-finite": "gives values that are not finite",
    "structure": "gives other shapes",
    "refusal": "refuses inputs",
    None: "moves nothing",
}


def _told(one: PlantedDefect, level: str, name: str, model: tuple[str, ...]) -> Remark:
    found = "; found all the same" if name == "uncounted" and one.found else ""
    how = _HOW[one.moved].format(one.movement or 0.0)
    where = (*model, one.kind, f"seed {one.seed}")
    return Remark(level, name, where, f"{one.where}: {how}{found}")

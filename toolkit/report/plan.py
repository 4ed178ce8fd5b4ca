"""The case plan of a check: one row a case, and what the cases cover."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from toolkit.report.numbers import NOTHING, counted, format_duration
from toolkit.report.sheet import Cell, Column, Section, Sheet, listed, whole, words
from toolkit.results import PlannedCase, PlannedModel

COLUMNS = (
    Column("case", "right"),
    Column("sizes", optional=True),
    Column("values"),
    Column("class"),
    Column("seed", "right"),
    Column("always"),
)
GIVEN, HELD_OUT, ORDINARY, WIDE = "given", "held-out", "ordinary", "wide"
VALUES = {
    ORDINARY: "of the declared distribution",
    "flipped": "sign-flipped",
    "scaled": "ten times larger",
    "outliers": "with large outliers",
    WIDE: "of many samples",
    "zeros": "all zero",
    "ones": "all one",
    "lowest": "all at the least value",
    "highest": "all at the largest value",
    "constant": "all one drawn value",
    "full-range": "integers at both ends of their range",
    "false": "booleans all false",
    "true": "booleans all true",
    "full-length": "sequences of full length",
    "length-one": "sequences of length one",
    "sorted": "ragged sequences, longest first",
    "unsorted": "ragged sequences, unsorted",
    HELD_OUT: "held-out samples of the training data",
    GIVEN: "arrays of --inputs",
}
"""What the kinds of values are."""
COVERED = {
    "sign-flipped": ("flipped",),
    "ten times larger": ("scaled",),
    "with large outliers": ("outliers",),
    "of many samples": (WIDE,),
    "constant (zero, one, least, largest, drawn)": (
        "zeros",
        "ones",
        "lowest",
        "highest",
        "constant",
    ),
    "with integers over their full range": ("full-range",),
    "with both values of every boolean": ("false", "true"),
    "with sequences full, of length one, ragged, sorted and unsorted": (
        *("full-length", "length-one", "sorted", "unsorted"),
    ),
    "held-out samples": (HELD_OUT,),
    "of your own": (GIVEN,),
}
"""What a caption says of the kinds besides the ordinary one."""


def plan_section(plan: PlannedModel) -> Section:
    """The cases of one model, which has some."""
    sheet = Sheet(COLUMNS, [_row(case) for case in plan.cases])
    return Section(
        f"plan of {plan.model}", sheet.without_empty_columns(NOTHING), caption=[*_caption(plan)]
    )


def _row(case: PlannedCase) -> list[Cell]:
    sizes = [f"{name}\N{NO-BREAK SPACE}{size}" for name, size in case.sizes.items()]
    return [
        whole(str(case.number)),
        listed(sizes) if sizes else whole(NOTHING),
        words(_values(case)),
        whole(case.draw_class),
        whole(NOTHING if case.kind == GIVEN else str(case.seed)),
        whole("yes" if case.certain else NOTHING),
    ]


def _values(case: PlannedCase) -> str:
    if case.flag is None:
        return VALUES.get(case.kind, case.kind)
    other = "true" if case.kind == "false" else "false"
    return f"{case.flag} {case.kind}, other booleans {other}"


def _caption(plan: PlannedModel) -> Iterator[str]:
    """How many run, and what they cover: sizes, draws, classes, real data."""
    cases = plan.cases
    yield f"{counted(len(cases), 'case')}, {_bound(plan)}"
    if cases[0].sizes:
        yield _sizes(cases)
    yield f"values: {', '.join(_draws(cases))}"
    classes = Counter(case.draw_class for case in cases)
    shown = ", ".join(f"{name} {count}" for name, count in classes.items())
    yield f"classes, each judged by its own noise: {shown}"
    yield "in time left: values that turn on rectifiers' channels which all of these leave off"
    if not {GIVEN, HELD_OUT} & {case.kind for case in cases}:
        yield "no real data: --inputs FILE.npz adds some"


def _draws(cases: Sequence[PlannedCase]) -> Iterator[str]:
    """What the values cover, each with the number of its cases."""
    at_first = [case for case in cases if case.kind == ORDINARY and case.sizes == cases[0].sizes]
    kinds = Counter(case.kind for case in cases)
    yield f"{kinds[ORDINARY]} ordinary ({counted(len(at_first), 'seed')} at the traced sizes)"
    for shown, members in COVERED.items():
        count = sum(kinds[kind] for kind in members)
        if count:
            yield f"{count} {shown}"


def _bound(plan: PlannedModel) -> str:
    certain = sum(case.certain for case in plan.cases)
    if certain == len(plan.cases):
        return "all of them whatever --budget says"
    rest = "the rest, those first that cover most, as far as"
    time = f"{rest} {format_duration(plan.budget_s)} a form go" if plan.budget_s else "no other"
    if plan.budget_s is None:
        time = "the rest after them"
    return f"{certain} of them whatever --budget says, {time}"


def _sizes(cases: Sequence[PlannedCase]) -> str:
    names = list(cases[0].sizes)
    planned = [case for case in cases if case.kind != WIDE]
    tested = [
        f"{name} {', '.join(map(str, sorted({case.sizes[name] for case in planned})))}"
        for name in names
    ]
    together = ", alone and together" if len(names) > 1 else ""
    return f"sizes: {'; '.join(tested)}{together}"

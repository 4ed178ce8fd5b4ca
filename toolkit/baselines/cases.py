"""The cases of a results document: what a row is about, whatever it says of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from toolkit.results import CheckResult, Comparison, Document, Samples, Variant

NOT_TIMED = "not timed"


@dataclass(frozen=True)
class Case:
    """What makes two rows rows of the same case.

    `number` tells rows apart that are alike in the rest, as those of a model against itself.
    """

    model: str
    variant: str
    device: str
    threads: int
    batch: int | None
    dtype: str
    number: int = 1

    @property
    def facts(self) -> dict[str, Any]:
        """Its parts by name."""
        return dict(vars(self))


@dataclass(frozen=True)
class Timed:
    """A row of a table, and the comparison that it stands in."""

    case: Case
    row: Variant
    comparison: Comparison

    @property
    def is_timed(self) -> bool:
        """Whether it has a time."""
        return self.row.verdict != NOT_TIMED

    @property
    def rounds_by_set(self) -> list[list[Samples]] | None:
        """Its samples, split into the sets; None where they are not all there."""
        samples = list(self.row.samples_ns)
        counts = self.comparison.set_rounds or [len(samples)]
        if sum(counts) != len(samples) or len(counts) != self.comparison.sets:
            return None
        if min(counts) < 1 or not all(map(len, samples)):
            return None
        ends = [sum(counts[: index + 1]) for index in range(len(counts))]
        return [samples[end - count : end] for end, count in zip(ends, counts, strict=True)]


@dataclass(frozen=True)
class Table:
    """One comparison by its cases: what was timed, and old artefacts that were timed again."""

    comparison: Comparison
    rows: Mapping[Case, Timed]
    again: Mapping[Case, Timed]

    @property
    def baseline(self) -> Case | None:
        """The case that the speed-ups refer to."""
        held = self.comparison.baseline_row
        return next((case for case, timed in self.rows.items() if timed.row is held), None)


def tables(document: Document) -> list[Table]:
    """Every comparison of a document."""
    seen: Counter[Case] = Counter()
    seen_again: Counter[Case] = Counter()
    return [
        Table(
            one,
            MappingProxyType(dict(_rows(one, one.variants, seen))),
            MappingProxyType(dict(_rows(one, one.remeasured, seen_again))),
        )
        for one in document.all_comparisons
    ]


def _rows(
    comparison: Comparison, rows: list[Variant], seen: Counter[Case]
) -> Iterator[tuple[Case, Timed]]:
    for row in rows:
        plain = Case(row.model, row.variant, row.device, row.threads, row.batch, row.dtype)
        seen[plain] += 1
        case = Case(**{**plain.facts, "number": seen[plain]})
        yield case, Timed(case, row, comparison)


def check_of(document: Document, row: Variant) -> CheckResult | None:
    """The verdict on the form that a row timed, on its device; None for eager."""
    if row.format is None:
        return None
    checks = [
        check
        for check in document.all_results
        if (check.model, check.format, check.device) == (row.model, row.format, row.device)
    ]
    own = [check for check in checks if check.runtime == row.runtime]
    return next(iter([*own, *checks]), None)

"""Which comparisons stand in one latency table, and what tells its rows apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from toolkit.report.numbers import NOTHING, counted
from toolkit.results import Comparison, Variant

SHARED = ("model", "device", "dtype", "threads", "batch", "sizes")
"""What goes to the heading where every row has the same value."""

_CELL = ("batch", "thread count", "device")


@dataclass(frozen=True)
class Timed:
    """One row of a latency table, and the comparison that its figures come from."""

    comparison: Comparison
    variant: Variant

    @property
    def is_baseline(self) -> bool:
        """Whether the speed-ups of its comparison refer to it."""
        return self.variant is self.comparison.baseline_row


@dataclass(frozen=True)
class Table:
    """Comparisons of the same models: one, or those of a sweep over batch, threads and device."""

    comparisons: tuple[Comparison, ...]

    @property
    def rows(self) -> list[Timed]:
        """Every row; those of several models by rank, what was not timed last."""
        return [row for held in self.comparisons for row in _in_order(held)]

    @property
    def models(self) -> list[str]:
        """The models, in order of appearance."""
        return models_of(self.comparisons)

    @property
    def shared(self) -> dict[str, str]:
        """What all rows have in common, of `SHARED`."""
        found = {}
        for name in SHARED:
            values = {told_of(row.variant, name) for row in self.rows}
            if len(values) == 1:
                value = values.pop()
                found[name] = NOTHING if value is None else str(value)
        return found

    def label(self, variant: Variant) -> str:
        """A row by what tells it from the others: `onnx`, `b.py:B eager`, `onnx · batch 8`."""
        one = "model" in self.shared
        name = variant.variant if one else f"{variant.model} {variant.variant}"
        return " · ".join([name, *self.cell(variant)])

    def cell(self, variant: Variant) -> list[str]:
        """What tells a row's comparison from the others: device, dtype, threads, sizes."""
        shared = self.shared
        parts = [] if "device" in shared else [variant.device]
        parts += [] if "dtype" in shared else [variant.dtype]
        parts += [] if "threads" in shared else [counted(variant.threads, "thread")]
        parts += [] if "batch" in shared or variant.batch is None else [f"batch {variant.batch}"]
        sizes = told_sizes(variant)
        parts += [] if "sizes" in shared or sizes is None else [sizes]
        return parts


def tables(comparisons: Iterable[Comparison]) -> list[Table]:
    """Comparisons of the same models against the same baseline together, in order."""
    found: dict[tuple[str, frozenset[str]], list[Comparison]] = {}
    for held in comparisons:
        found.setdefault((held.baseline, frozenset(models_of([held]))), []).append(held)
    return [Table(tuple(together)) for together in found.values()]


def told_of(variant: Variant, name: str) -> str | int | None:
    """A fact of `SHARED` as tables tell it."""
    value: str | int | None = told_sizes(variant) if name == "sizes" else getattr(variant, name)
    return value


def told_sizes(variant: Variant) -> str | None:
    """The sizes besides the batch, `height 224, width 224`; None where there are none."""
    return ", ".join(f"{name} {size}" for name, size in (variant.sizes or {}).items()) or None


def models_of(comparisons: Sequence[Comparison]) -> list[str]:
    """The models that comparisons are about, in order of appearance."""
    names = [variant.model for held in comparisons for variant in held.variants]
    return list(dict.fromkeys(names))


def cell_words(comparisons: Sequence[Comparison]) -> str:
    """What each comparison of a sweep is of: `batch, thread count and device`; empty for one."""
    if len(comparisons) == 1:
        return ""
    values = zip(*map(_cell_of, comparisons), strict=True)
    names = [name for name, own in zip(_CELL, values, strict=True) if len(set(own)) > 1]
    if not names:
        return "comparison"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _cell_of(comparison: Comparison) -> tuple[int | None, int | None, str]:
    rows = comparison.variants
    batches = [row.batch for row in rows if row.batch is not None]
    device = rows[0].device if rows else ""
    return batches[0] if batches else None, threads_of(comparison), device


def threads_of(comparison: Comparison) -> int | None:
    """Of the comparison itself: of the rows that have no number of threads of their own."""
    rows = comparison.variants
    usual = [row.threads for row in rows if "threads" not in named_settings(row)]
    return next(iter(usual or [row.threads for row in rows]), None)


def named_settings(variant: Variant) -> set[str]:
    """The settings that stand in a variant's name: `eager+channels_last+threads=2`."""
    return {part.partition("=")[0] for part in variant.variant.split("+")[1:]}


def shared_line(table: Table) -> str:
    """What all rows share: `lstm · cpu · float32 · 1 thread · batch 1 · time 128`."""
    shared = table.shared
    threads = shared.pop("threads", None)
    batch, sizes = shared.pop("batch", None), shared.pop("sizes", NOTHING)
    parts = list(shared.values())
    parts += [counted(int(threads), "thread")] if threads else []
    parts += [f"batch {batch}"] if batch and batch != NOTHING else []
    parts += [sizes] if sizes != NOTHING else []
    return " · ".join(parts)


def _in_order(comparison: Comparison) -> Iterator[Timed]:
    rows = [Timed(comparison, variant) for variant in comparison.variants]
    if len(models_of([comparison])) == 1:
        return iter(rows)
    return iter(sorted(rows, key=lambda row: (row.variant.rank is None, row.variant.rank or 0)))

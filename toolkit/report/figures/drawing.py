"""Which pictures a results document makes, and under which names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.folders import slug
from toolkit.report.figures import style
from toolkit.report.figures.distributions import distributions
from toolkit.report.figures.rooflines import rooflines
from toolkit.report.figures.speedups import over_models, speedups
from toolkit.report.figures.throughputs import throughput
from toolkit.report.tables import Table, tables
from toolkit.results import Comparison, Document

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LONGEST_NAME = 80

Drawn = tuple[str, "Figure"]
"""A picture and its name, without an ending."""


def draw(documents: Sequence[Document], folder: Path) -> list[Path]:
    """Write every picture that the documents allow as PNG and SVG; raises `MissingError`.

    A picture is named by what it shows and of what: `speedups-lenet5`, `latency-lenet5-batch-8`.
    """
    taken: set[str] = set()
    paths = []
    with style.styled():
        folder.mkdir(parents=True, exist_ok=True)
        for document in documents:
            for name, picture in _pictures(document):
                numbered = (f"{name}-{number}" for number in count(2))
                stem = next(one for one in chain([name], numbered) if one not in taken)
                taken.add(stem)
                paths += style.save(picture, folder / stem)
    return paths


def _pictures(document: Document) -> Iterator[Drawn]:
    held = tables(document.all_comparisons)
    for table in held:
        yield from _of_table(document, table)
    overview = over_models(document, held)
    if overview is not None:
        yield "speedups", overview
    yield from rooflines(document)


def _of_table(document: Document, table: Table) -> Iterator[Drawn]:
    name = _of_models(table.models)
    makers: dict[str, Callable[[Document, Table], Figure | None]] = {
        "speedups": speedups,
        "throughput": throughput,
    }
    for kind, make in makers.items():
        picture = make(document, table)
        if picture is not None:
            yield f"{kind}-{name}", picture
    for comparison in table.comparisons:
        picture = distributions(document, comparison)
        if picture is not None:
            yield f"latency-{name}{_of_cell(table, comparison)}", picture


def _of_models(models: Sequence[str]) -> str:
    """The models that a picture is about; of many the first, so that any system takes the name."""
    name = slug("-".join(models))
    if len(name) <= LONGEST_NAME:
        return name
    more = f"-and-{len(models) - 1}-more" if len(models) > 1 else ""
    return f"{slug(models[0])[:LONGEST_NAME]}{more}"


def _of_cell(table: Table, comparison: Comparison) -> str:
    """What tells a comparison from the others of its sweep."""
    if len(table.comparisons) == 1:
        return ""
    first = comparison.variants[0]
    shared = table.shared
    parts = [] if "batch" in shared else [f"batch-{first.batch}"]
    parts += [] if "threads" in shared else [f"threads-{first.threads}"]
    parts += [] if "device" in shared else [first.device]
    return "".join(f"-{slug(part)}" for part in parts)

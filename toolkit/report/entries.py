"""Rows of latency tables under names that stay from run to run, for the systems that track them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from toolkit.report.symbols import without_controls
from toolkit.report.tables import Timed, named_settings
from toolkit.results import Document, Variant


@dataclass(frozen=True)
class Entry:
    """A timed row: `name` is its own within the document, `param` what it is of its model."""

    param: str
    row: Timed

    @property
    def variant(self) -> Variant:
        """The row's figures."""
        return self.row.variant

    @property
    def model(self) -> str:
        """The model, on one line."""
        return without_controls(self.variant.model).replace("\n", " ")

    @property
    def name(self) -> str:
        """`lenet5 [onnx-cpu-float32-threads1-batch8]`, the same whatever else was timed."""
        return f"{self.model} [{self.param}]"


def entries(documents: Sequence[Document]) -> list[Entry]:
    """Every row that has times. Rows that nothing tells apart are numbered from the second on."""
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for row in _timed(documents):
        param = _param(row.variant)
        seen[row.variant.model, param] += 1
        again = seen[row.variant.model, param]
        found.append(Entry(param if again == 1 else f"{param}-{again}", row))
    return found


def _timed(documents: Sequence[Document]) -> Iterator[Timed]:
    for document in documents:
        for held in document.all_comparisons:
            yield from (Timed(held, one) for one in held.variants if one.p50_us is not None)


def _param(variant: Variant) -> str:
    own = [
        f"{key}={value}"
        for key, value in variant.settings.items()
        if key not in named_settings(variant)
    ]
    batch = [] if variant.batch is None else [f"batch{variant.batch}"]
    parts = [variant.variant, *own, variant.device, variant.dtype, f"threads{variant.threads}"]
    sizes = [f"{name}{size}" for name, size in (variant.sizes or {}).items()]
    return without_controls("-".join([*parts, *batch, *sizes])).replace("\n", " ")

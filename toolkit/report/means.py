"""Speed-ups over models: a geometric mean, with the models that it is of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from toolkit.report.numbers import counted, format_number
from toolkit.report.sheet import Cell, Column, Section, Sheet, whole, words
from toolkit.report.symbols import TIMES
from toolkit.report.tables import models_of
from toolkit.results import Comparison, Variant

LEAST_MODELS = 2

_UNCLAIMED = ("noisy", "unstable", "not timed")
_OWN = ("variant", "device", "dtype", "threads", "batch")


@dataclass(frozen=True)
class Mean:
    """One variant over the models whose speed-ups it has, by model; `left_out` are the others."""

    variant: Variant
    baseline: str
    speedups: dict[str, float]
    left_out: tuple[str, ...]

    @property
    def value(self) -> float:
        """The geometric mean."""
        logs = [math.log(value) for value in self.speedups.values()]
        return math.exp(math.fsum(logs) / len(logs))


def means(comparisons: Iterable[Comparison]) -> list[Mean]:
    """The mean of each variant over comparisons of one model each, against one baseline.

    Where a machine was too noisy to claim anything, or medians and minima contradict each other,
    there is nothing to take the mean of: such models are left out, and said.
    """
    found: dict[tuple[object, ...], list[tuple[Variant, float | None]]] = {}
    for held in comparisons:
        if len(models_of([held])) > 1:
            continue
        for variant in held.variants:
            if variant is held.baseline_row:
                continue
            key = (held.baseline, *(getattr(variant, name) for name in _OWN))
            found.setdefault(key, []).append((variant, _claimed(variant)))
    made = [_mean(str(key[0]), rows) for key, rows in found.items()]
    return [mean for mean in made if len(mean.speedups) >= LEAST_MODELS]


def _claimed(variant: Variant) -> float | None:
    if variant.speedup is None or variant.verdict in _UNCLAIMED:
        return None
    return variant.speedup.estimate or None


def _mean(baseline: str, rows: Sequence[tuple[Variant, float | None]]) -> Mean:
    speedups = {variant.model: value for variant, value in rows if value is not None}
    left_out = tuple(variant.model for variant, value in rows if value is None)
    return Mean(rows[0][0], baseline, speedups, left_out)


def means_section(comparisons: Iterable[Comparison]) -> Section | None:
    """One row a variant, and the models under it; None where no variant has two."""
    made = means(comparisons)
    if not made:
        return None
    varying = [name for name in _OWN if name == "variant" or _several(made, name)]
    columns = [Column(name) for name in varying]
    columns += [Column(text, "right") for text in ("geometric mean", "lowest", "highest", "models")]
    baselines = ", ".join(dict.fromkeys(mean.baseline for mean in made))
    return Section(
        f"speed-up over {baselines}, over models",
        Sheet(columns, [_row(mean, varying) for mean in made]),
        caption=_lists(made),
    )


def _several(made: Sequence[Mean], name: str) -> bool:
    return len({getattr(mean.variant, name) for mean in made}) > 1


def _row(mean: Mean, varying: Sequence[str]) -> list[Cell]:
    own = [words(str(getattr(mean.variant, name))) for name in varying]
    low = min(mean.speedups, key=mean.speedups.__getitem__)
    high = max(mean.speedups, key=mean.speedups.__getitem__)
    ends = [Cell((_times(mean.speedups[model]), model)) for model in (low, high)]
    return [*own, whole(_times(mean.value)), *ends, whole(str(len(mean.speedups)))]


def _times(value: float) -> str:
    return f"{format_number(value)}{TIMES}"


def _lists(made: Sequence[Mean]) -> list[str]:
    """The models of each mean, those of several variants told once."""
    found: dict[tuple[str, ...], list[str]] = {}
    for mean in made:
        told = found.setdefault((*mean.speedups, "", *mean.left_out), [])
        told += [mean.variant.variant] * (mean.variant.variant not in told)
    return [_list(names, variants, whole=len(found) == 1) for names, variants in found.items()]


def _list(names: tuple[str, ...], variants: Sequence[str], *, whole: bool) -> str:
    cut = names.index("")
    models, left_out = names[:cut], names[cut + 1 :]
    of = "" if whole else f" of {', '.join(variants)}"
    rest = f"; without a speed-up: {', '.join(left_out)}" if left_out else ""
    return f"geometric mean{of} over {counted(len(models), 'model')}: {', '.join(models)}{rest}"

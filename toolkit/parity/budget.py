"""A check that is bounded in time: the cases that cover most come first, and at least eight run."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from toolkit.parity.plan import Case
from toolkit.spec import ModelSpec

LEAST_CASES = 8
"""So many cases run whatever they cost: every size of one dimension, and four kinds of values."""

Clock = Callable[[], float]


@dataclass
class Budget:
    """Seconds for one form, or for the reference that all forms share; None has no end."""

    seconds: float | None
    clock: Clock = time.monotonic
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        self._began = self.clock()

    def allows(self, done: int) -> bool:
        """Whether another case may run after `done` of them."""
        if self.seconds is None or done < LEAST_CASES:
            return True
        return self.clock() - self._began < self.seconds


def by_coverage(spec: ModelSpec, cases: Sequence[Case]) -> list[Case]:
    """The same cases, those first that cover most.

    Every size of every dimension once, the user's own arrays, every kind of values once, then the
    classes of values in turn.
    """
    first = [*_sizes_once(spec, cases), *_kinds_once(cases)]
    chosen = {case.number: case for case in first}
    rest = [case for case in cases if case.number not in chosen]
    return [*chosen.values(), *_in_turn(rest)]


def _sizes_once(spec: ModelSpec, cases: Sequence[Case]) -> Iterator[Case]:
    covered: set[tuple[str, int]] = set()
    for case in cases:
        new = {(one.name, case.sizes[one.name]) for one in spec.dimensions} - covered
        if case.kind == "ordinary" and (new or not covered):
            covered |= new
            yield case


def _kinds_once(cases: Sequence[Case]) -> Iterator[Case]:
    """The user's own arrays, then one case of every class of values, then of every kind."""
    yield from (case for case in cases if case.kind == "given")
    seen: set[str] = {"given", "ordinary"}
    classes: set[str] = {"ordinary"}
    for case in cases:
        if case.draw_class not in classes:
            classes.add(case.draw_class)
            seen.add(case.kind)
            yield case
    for case in cases:
        if case.kind not in seen:
            seen.add(case.kind)
            yield case


def _in_turn(cases: Sequence[Case]) -> list[Case]:
    """One of each class after the other, so that none is left with a single case."""
    before: Counter[str] = Counter()
    ranked: list[tuple[int, Case]] = []
    for case in cases:
        ranked.append((before[case.draw_class], case))
        before[case.draw_class] += 1
    return [case for _, case in sorted(ranked, key=lambda pair: pair[0])]


def listed(left_out: Sequence[Case]) -> str:
    """Cases that did not run, in words: how many of which values at which sizes."""
    groups: dict[str, list[Case]] = {}
    for case in sorted(left_out, key=lambda case: case.number):
        groups.setdefault(case.kind, []).append(case)
    return "; ".join(
        f"{len(cases)} {kind} ({', '.join(_at(case) for case in cases)})"
        for kind, cases in groups.items()
    )


def _at(case: Case) -> str:
    sizes = " ".join(f"{name} {size}" for name, size in case.sizes.items())
    return f"case {case.number}{': ' + sizes if sizes else ''}"

"""A check that is bounded in time: the cases that cover most come first, and at least eight run."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from toolkit.parity.plan import DRAW_CLASSES, Case
from toolkit.spec import ModelSpec

LEAST_CASES = 8
"""So many cases run whatever they cost, and more where more sizes are to be covered."""

Clock = Callable[[], float]


@dataclass
class Budget:
    """Seconds for one form, or for the reference that all forms share; None has no end."""

    seconds: float | None
    clock: Clock = time.monotonic
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        self._began = self.clock()

    def allows(self, done: int, least: int = LEAST_CASES) -> bool:
        """Whether another case may run after `done` of them; the first `least` always may."""
        if self.seconds is None or done < least:
            return True
        return self.clock() - self._began < self.seconds


def by_coverage(spec: ModelSpec, cases: Sequence[Case]) -> list[Case]:
    """The same cases, those first that cover most.

    Every size of every dimension once, the user's own arrays, every class and kind of values once,
    then the classes of values in turn.
    """
    first = [*_sizes_once(spec, cases), *_kinds_once(cases)]
    chosen = {case.number: case for case in first}
    rest = [case for case in cases if case.number not in chosen]
    return [*chosen.values(), *_in_turn(rest)]


def least_cases(spec: ModelSpec, cases: Sequence[Case]) -> int:
    """How many of the cases by coverage run whatever they cost.

    Every size of every dimension, the user's own arrays and every class of values, eight at least.
    """
    given = sum(case.kind == "given" for case in cases)
    return max(LEAST_CASES, len([*_sizes_once(spec, cases)]) + given + len(DRAW_CLASSES))


def _sizes_once(spec: ModelSpec, cases: Sequence[Case]) -> Iterator[Case]:
    covered: set[tuple[str, int]] = set()
    for case in cases:
        new = {(one.name, case.sizes[one.name]) for one in spec.dimensions} - covered
        if case.kind == "ordinary" and (new or not covered):
            covered |= new
            yield case


def _kinds_once(cases: Sequence[Case]) -> Iterator[Case]:
    """The user's own arrays, one case of every class of values, then of every kind.

    The ordinary class gets a second draw at the first case's sizes: a constant shows by it.
    """
    yield from (case for case in cases if case.kind == "given")
    ordinary = [case for case in cases if case.kind == "ordinary"]
    yield from [case for case in ordinary[1:] if case.sizes == ordinary[0].sizes][:1]
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
    """Cases that did not run: how many of which kind of values, and their numbers in the plan."""
    groups: dict[str, list[int]] = {}
    for case in sorted(left_out, key=lambda case: case.number):
        groups.setdefault(case.kind, []).append(case.number)
    return "; ".join(f"{len(held)} {kind} ({_ranges(held)})" for kind, held in groups.items())


def _ranges(numbers: Sequence[int]) -> str:
    """`1, 2, 4-8`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)

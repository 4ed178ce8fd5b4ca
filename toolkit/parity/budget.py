"""A check that is bounded in time: the cases that cover most come first, and at least eight run."""

from __future__ import annotations

import contextlib
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from toolkit.inputs import OF_SOME_INPUTS
from toolkit.parity.plan import Case
from toolkit.spec import BATCH, ModelSpec

LEAST_CASES = 8
"""So many cases run whatever they cost, and more where more sizes are to be covered."""

LONGEST_WIDE_S = 1.0
"""What a wide case may take in eager, whatever the budget."""
WIDE_SHARE = 30
"""And where there is more time, this part of it."""
SEEKING_SHARE = 10
"""The part of a budget that a search for telling inputs may take."""
LEAST_SEEKING_S = 1.0
"""Without an end of time that part of what the plan took, and so long at least."""

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

    @property
    def for_seeking_s(self) -> float:
        """What may go into a search for telling inputs: a part of it, of what is left."""
        taken = self.clock() - self._began
        if self.seconds is None:
            return max(LEAST_SEEKING_S, taken / SEEKING_SHARE)
        return min(self.seconds - taken, self.seconds / SEEKING_SHARE)

    @property
    def longest_wide_s(self) -> float:
        """What a wide case may take in eager: without an end of time, anything."""
        if self.seconds is None:
            return math.inf
        return max(LONGEST_WIDE_S, self.seconds / WIDE_SHARE)


@dataclass
class Pace:
    """Seconds a sample in the quickest case so far: whether a wide case would take too long.

    Small inputs say nothing of what a model makes of them.
    """

    longest_s: float = LONGEST_WIDE_S
    clock: Clock = time.monotonic
    _least_s: float | None = None

    def too_wide(self, case: Case) -> bool:
        """Whether a wide case is to be left out; before any other has run, it is not."""
        if case.kind != "wide" or self._least_s is None:
            return False
        return self._least_s * case.sizes[BATCH] > self.longest_s

    def expects(self, samples: int) -> float:
        """Seconds that so many samples take at least; 0 where no case has run."""
        return samples * (self._least_s or 0.0)

    @contextlib.contextmanager
    def watching(self, case: Case) -> Iterator[None]:
        """Meanwhile a case runs; one that raises counts for nothing."""
        began = self.clock()
        yield
        each_s = (self.clock() - began) / samples_in(case.sizes)
        self._least_s = each_s if self._least_s is None else min(each_s, self._least_s)


def samples_in(sizes: Mapping[str, int]) -> int:
    """How many samples there are at these sizes: 1 for a model without a batch."""
    return max(1, sizes.get(BATCH, 1))


def by_coverage(spec: ModelSpec, cases: Sequence[Case]) -> list[Case]:
    """The same cases, those first that cover most.

    Those that run whatever they cost, every further kind of values once, then the classes of
    values in turn.
    """
    first = [*_certain(spec, cases), *_once(cases, lambda case: case.kind)]
    chosen = {case.number: case for case in first}
    rest = [case for case in cases if case.number not in chosen]
    return [*chosen.values(), *_in_turn(rest)]


def least_cases(spec: ModelSpec, cases: Sequence[Case]) -> int:
    """How many of the cases by coverage run whatever they cost: eight at least."""
    return max(LEAST_CASES, len({case.number for case in _certain(spec, cases)}))


def certain_cases(spec: ModelSpec, cases: Sequence[Case]) -> frozenset[int]:
    """The numbers of those that run whatever they cost."""
    ordered = by_coverage(spec, cases)
    return frozenset(case.number for case in ordered[: least_cases(spec, cases)])


def _certain(spec: ModelSpec, cases: Sequence[Case]) -> Iterator[Case]:
    """Every size of every dimension, the user's own arrays, a held-out sample and every class.

    Then what only some inputs can be: a branch that a form has lost shows in one of these alone.
    The ordinary class gets a second draw at the first case's sizes: a constant shows by it.
    """
    yield from _sizes_once(spec, cases)
    yield from (case for case in cases if case.kind == "given")
    ordinary = [case for case in cases if case.kind == "ordinary"]
    yield from [case for case in ordinary[1:] if case.sizes == ordinary[0].sizes][:1]
    yield from [case for case in cases if case.kind == "held-out"][:1]
    yield from _once(cases, lambda case: case.draw_class)
    yield from (case for case in cases if case.kind == "full-range")
    some = [case for case in cases if case.kind in OF_SOME_INPUTS]
    yield from _once(some, lambda case: case.values)


def _once(cases: Sequence[Case], what: Callable[[Case], str]) -> Iterator[Case]:
    """The first case of each."""
    seen: set[str] = set()
    for case in cases:
        if what(case) not in seen:
            seen.add(what(case))
            yield case


def _sizes_once(spec: ModelSpec, cases: Sequence[Case]) -> Iterator[Case]:
    covered: set[tuple[str, int]] = set()
    for case in cases:
        new = {(one.name, case.sizes[one.name]) for one in spec.dimensions} - covered
        if case.kind == "ordinary" and (new or not covered):
            covered |= new
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

"""The sizes that something takes, found by asking for as few of them as will do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

FAR = 64
"""How far a step is looked for besides doubling and halving: the usual steps divide it."""
LARGEST_TRIED = 2049
"""Tables for positions up to one less than this are tried as upper ends."""
MOST_TABLES = 4

Takes = Callable[[int], bool | None]
"""Whether a size is taken; None where it cannot be tried."""


@dataclass(frozen=True)
class Range:
    """Sizes from `low` to `high` (None: no end was found) in steps of `step`."""

    low: int
    high: int | None
    step: int

    def __str__(self) -> str:
        steps = f" in steps of {self.step}" if self.step > 1 else ""
        return f"{self.low}..{'' if self.high is None else self.high}{steps}"


def neighbours(given: int) -> Iterator[int]:
    """The sizes by which one that can vary is told from a fixed one, the likeliest first.

    Of smaller ones 1 says nothing: it is taken wherever sizes are broadcast.
    """
    yield given + 1
    if given > 2:  # noqa: PLR2004 - below, only 1 is left
        yield given - 1
    if given > 1:
        yield 2 * given
    yield given + FAR
    if given > 3 and given % 2 == 0:  # noqa: PLR2004
        yield given // 2


def find_range(takes: Takes, given: int, tables: Iterable[int] = ()) -> Range | None:
    """The sizes around `given` that are taken; None where they are irregular, or no others.

    `tables` are sizes that may be an upper end.
    """
    taken = next((size for size in neighbours(given) if takes(size)), None)
    if taken is None:
        return None
    step = _step(takes, given, taken)
    if step is None:
        return None
    low = lowest(takes, given, step)
    high = _highest(takes, given, step, tables)
    return Range(low, high, step)


def _step(takes: Takes, given: int, taken: int) -> int | None:
    """The least distance towards `taken` that is taken too, and so is twice that."""
    sign = 1 if taken > given else -1
    distance = abs(taken - given)
    for step in (step for step in range(1, distance + 1) if distance % step == 0):
        if takes(given + sign * step):
            further = (given + 2 * sign * step, given - sign * step)
            regular = step == 1 or any(takes(size) for size in further if size > 0)
            return step if regular else None
    return None


def lowest(takes: Takes, given: int, step: int) -> int:
    """The least size on the steps below `given` that is taken, by halving."""
    good, bad = 0, (given - 1) // step + 1
    if takes(given - (bad - 1) * step):
        return given - (bad - 1) * step
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if takes(given - middle * step) else (good, middle)
    return given - good * step


def _highest(takes: Takes, given: int, step: int, tables: Iterable[int]) -> int | None:
    """The largest size that is taken; None where none of those tried is refused."""
    good = given
    for size in (2 * given, *_ends(tables, 2 * given)):
        beyond = given + -(-(max(size, given + 1) - given) // step) * step
        taken = takes(beyond)
        if taken is None:
            return None
        if not taken:
            return _between(takes, good, beyond, step)
        good = beyond
    return None


def _ends(tables: Iterable[int], least: int) -> list[int]:
    """Just beyond each table that is longer than what was tried already."""
    sizes = sorted({size + 1 for size in tables if least <= size < LARGEST_TRIED})
    return sizes[:MOST_TABLES]


def _between(takes: Takes, good: int, bad: int, step: int) -> int:
    """The largest size that is taken, between one that is and one that is not."""
    if takes(bad - step):
        return bad - step
    while bad - good > step:
        middle = good + (bad - good) // step // 2 * step
        good, bad = (middle, bad) if takes(middle) else (good, middle)
    return good

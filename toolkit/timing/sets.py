"""Sets of rounds, each in a fresh process: what one is to do, and when there are enough.

Where code and data land in memory is drawn anew in every process and stays for its life, so rounds
within one process share it, and only several processes show how much it matters.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from toolkit.timing import by_minima, statistics
from toolkit.timing.measured import Measured
from toolkit.timing.protocol import Protocol

Reason = Literal["precise", "budget", "rounds", "failed"]
Alone = Mapping[str, Sequence[Measured]]
"""The sets of variants that have processes of their own, by name: each its own baseline there."""

MOST_SETS = 2
"""How many times its number of sets a comparison may take when sets end early."""


def share(protocol: Protocol, index: int) -> Protocol:
    """What the set of this number is to do alone: its part of rounds and budget, a seed of its own.

    Of several sets each has time for half of its part: what remains is for further sets, which are
    worth more than further rounds. Even where processes do not differ, t over ten sets of half of
    the rounds is 0.82 times as wide as over five, and 0.58 times where they differ most.
    It stops as soon as its own interval of every ratio is within the precision. That does not touch
    what the interval over sets covers: how wide a set's own interval is tells nothing of the side
    of the truth that its median lies on, and t is taken of how far these medians lie apart.
    """
    rounds_max, budget_s = protocol.rounds_max, protocol.budget_s
    return replace(
        protocol,
        sets=1,
        rounds_min=math.ceil(protocol.rounds_min / protocol.sets),
        rounds_max=None if rounds_max is None else math.ceil(rounds_max / protocol.sets),
        budget_s=None if budget_s is None else budget_s / most_sets(protocol),
        seed=_seed(protocol.seed, index),
    )


def _seed(seed: int, index: int) -> int:
    """The first set keeps the seed of the comparison, which tables name."""
    if index == 0:
        return seed
    return random.Random(f"{seed}/{index}").getrandbits(31)  # noqa: S311 - an order, not a secret


def enough(
    measured: Sequence[Measured], protocol: Protocol, alone: Alone | None = None
) -> Reason | None:
    """Why no further set is due, None where one is; `alone` are the sets of what has its own.

    Never before the protocol's number of sets, unless nothing was left to time in the last one
    (`failed`). Then: every ratio is `precise`; the `budget` has no room for another set; or all
    `rounds`, or twice as many sets as planned, were run. Time that sets left over goes into further
    ones so.
    """
    if not measured:
        return None
    if not measured[-1].rounds:
        return "failed"
    done = len(measured)
    if done < protocol.sets:
        return None
    if protocol.precision is not None and are_precise(measured, protocol.precision, alone):
        return "precise"
    if protocol.budget_s is not None and not _affords_another(measured, protocol.budget_s):
        return "budget"
    rounds = sum(one.rounds for one in measured)
    most_rounds = math.inf if protocol.rounds_max is None else protocol.rounds_max
    return "rounds" if rounds >= most_rounds or done >= most_sets(protocol) else None


def most_sets(protocol: Protocol) -> int:
    """How many sets a comparison may take; one that is within one process takes no second."""
    return 1 if protocol.sets == 1 else MOST_SETS * protocol.sets


def _affords_another(measured: Sequence[Measured], budget_s: float) -> bool:
    """Whether the budget has room for half of a set like the shortest: sets end with a round."""
    spent_s = [one.spent_s for one in measured]
    return sum(spent_s) + min(spent_s) / 2 <= budget_s


def are_precise(measured: Sequence[Measured], precision: float, alone: Alone | None = None) -> bool:
    """Whether the interval of every ratio, as a table will show it, is narrow enough.

    That of the baseline's twin too, for it sets the A/A band. Without a ratio there is nothing to
    sharpen. A ratio of minima has to be as narrow as the least claim that is made by one.
    """
    seed, family = measured[0].seed, claims(measured, alone)
    twins = [one.twin_ratios() for one in measured if one.twin_ns]
    if twins and not statistics.is_within(twins, precision, seed):
        return False
    if not all(
        statistics.is_within([one.ratios(name) for one in measured], precision, seed, family)
        for name in claimed(measured)
    ):
        return False
    if any(one.baseline not in one.samples_ns for one in measured):
        return True
    minima = [by_minima.speedup(measured, own, family) for own in _with_times(alone)]
    return all(one is None or one.reaches(by_minima.LEAST_CLAIM) for one in minima)


def claims(measured: Sequence[Measured], alone: Alone | None = None) -> int:
    """How many ratios a table shows, for which all intervals are to hold together."""
    return len(claimed(measured)) + len(alone or {})


def _with_times(alone: Alone | None) -> list[Sequence[Measured]]:
    """The sets of what had times in each of them."""
    sets = (alone or {}).values()
    return [own for own in sets if all(one.baseline in one.samples_ns for one in own)]


def claimed(measured: Sequence[Measured]) -> list[str]:
    """The variants whose ratio to the baseline every set has measured."""
    first = measured[0]
    if not all(first.baseline in one.samples_ns for one in measured):
        return []
    others = [name for name in first.samples_ns if name != first.baseline]
    return [name for name in others if all(name in one.samples_ns for one in measured)]

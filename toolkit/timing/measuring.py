"""Measuring: variants take turns in random order, in one process, and every call is timed.

What the machine was doing is recorded and nothing is dropped for it. The clock and the reader
of conditions are parameters, so that tests need no time to pass.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import cycle

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import UsageError
from toolkit.timing import conditions, statistics
from toolkit.timing.calls import (
    Call,
    Clock,
    Contestant,
    collect_young,
    collector_off,
    overhead_ns,
    timed,
    untimed,
)
from toolkit.timing.conditions import NS_PER_S, Conditions, Read
from toolkit.timing.measured import Measured
from toolkit.timing.protocol import Protocol
from toolkit.timing.warmup import WarmUp, top_up, warm_up

Observe = Callable[[int, int], None]
"""Told the rounds done and the rounds expected, between rounds only."""

Turn = Callable[[str], None]
"""Told the name of a contestant."""

BRIEF = 0.2
"""The part of a warm-up and of a block that a brief contestant has."""

TWIN = "(twin of the baseline)"
"""The name of the hidden second copy of the baseline in the recorded orders."""


@dataclass
class _Entry:
    """A contestant while it is measured; `failure` takes it out of all that follows.

    One that is not `judged` takes its turns, and no round is run for its sake. Its buffers take
    turns over all blocks, for a block of a slow model has fewer calls than there are buffers.
    """

    contestant: Contestant
    judged: bool = True
    warm: WarmUp | None = None
    block_calls: int = 1
    blocks: list[NDArray[np.int64]] = field(default_factory=list)
    log_medians: list[float] = field(default_factory=list)
    failure: str | None = None
    switching: Iterator[Call] = field(init=False)
    timing: Iterator[Call] = field(init=False)

    def __post_init__(self) -> None:
        self.switching = cycle(self.contestant.calls)
        self.timing = cycle(self.contestant.calls)

    @property
    def name(self) -> str:
        return self.contestant.name

    def part(self, protocol: Protocol) -> Protocol:
        """The protocol as far as it is for this one."""
        if not self.contestant.brief:
            return protocol
        warm_up_s, block_s = BRIEF * protocol.warm_up_s, BRIEF * protocol.block_s
        return replace(protocol, warm_up_s=warm_up_s, block_s=block_s)

    def attempt(self, step: Callable[[], None]) -> None:
        """Run a step of it; what it raises becomes its failure."""
        try:
            step()
        except Exception as error:  # a user's model may raise anything, and the others go on
            reason = (str(error).splitlines() or [""])[0]
            self.failure = f"{type(error).__name__}: {reason}" if reason else type(error).__name__


@dataclass(frozen=True)
class _Bench:
    """What every step of one measurement needs."""

    baseline: str
    entries: list[_Entry]
    protocol: Protocol
    clock: Clock
    read: Read
    observe: Observe
    warming: Turn
    turn: Turn

    @property
    def running(self) -> list[_Entry]:
        return [entry for entry in self.entries if entry.failure is None]

    @property
    def judged(self) -> list[_Entry]:
        return [entry for entry in self.running if entry.judged]


def _ignore(*told: object) -> None:
    del told


def measure(
    contestants: Sequence[Contestant],
    protocol: Protocol,
    *,
    baseline: str | None = None,
    twin: Contestant | None = None,
    extras: Sequence[Contestant] = (),
    clock: Clock = time.perf_counter_ns,
    read: Read = conditions.read,
    observe: Observe = _ignore,
    warming: Turn = _ignore,
    turn: Turn = _ignore,
) -> Measured:
    """Warm all up, then time them round by round; the baseline is the first unless named.

    `twin` is a second copy of the baseline; without one its own calls stand in. `extras` take
    turns with the rest, as what the machine can reach at most does, and are no rows. A contestant
    that raises is in `failed` with its reason and the others go on. `warming` is told who is warmed
    up next, and `turn`, which must be quick, whose block comes next. Raises `UsageError` for
    contestants that cannot be told apart or a baseline that is not among them.
    """
    chosen = _find_baseline(contestants, baseline, extras)
    entries = [_Entry(contestant) for contestant in contestants]
    entries += [_Entry(extra, judged=False) for extra in extras]
    if twin is not None:
        entries.append(_Entry(Contestant(TWIN, twin.calls, twin.items)))
    bench = _Bench(chosen.name, entries, protocol, clock, read, observe, warming, turn)
    load_start = read().load
    harness_ns = overhead_ns(clock)
    with collector_off():
        _warm_up_all(bench)
        if twin is None:
            entries.append(_twin_of(next(e for e in entries if e.name == chosen.name)))
        rounds = _run_rounds(bench)
    return _measured(bench, rounds, load_start, harness_ns)


def _find_baseline(
    contestants: Sequence[Contestant], name: str | None, extras: Sequence[Contestant]
) -> Contestant:
    names = [contestant.name for contestant in contestants]
    if not names:
        raise UsageError("there is nothing to time")
    everyone = [*names, *(extra.name for extra in extras)]
    twins = sorted({other for other in everyone if everyone.count(other) > 1 or other == TWIN})
    if twins:
        raise UsageError(f"contestants cannot be told apart: {', '.join(twins)}")
    if name is not None and name not in names:
        raise UsageError(f"no variant {name} to compare with", hint=f"one of: {', '.join(names)}")
    return contestants[0 if name is None else names.index(name)]


def _warm_up_all(bench: _Bench) -> None:
    """Warm each up alone; then all make at least as many calls as the slowest to settle did.

    What is brief neither waits nor is waited for: thousands of its calls are none of a large
    model's.
    """
    for entry in bench.entries:
        bench.warming(entry.name)
        entry.attempt(partial(_warm_up_one, entry, bench))
    whole = [entry for entry in bench.running if not entry.contestant.brief]
    needed = max((entry.warm.needed for entry in whole if entry.warm), default=0)
    for entry in bench.running:
        bench.warming(entry.name)
        wanted = 0 if entry.contestant.brief else needed
        entry.attempt(partial(_top_up_one, entry, wanted, bench))


def _warm_up_one(entry: _Entry, bench: _Bench) -> None:
    entry.warm = warm_up(entry.contestant, entry.part(bench.protocol), bench.clock)


def _top_up_one(entry: _Entry, needed: int, bench: _Bench) -> None:
    assert entry.warm is not None
    entry.warm = top_up(entry.contestant, entry.warm, needed, bench.protocol, bench.clock)
    fitting = entry.part(bench.protocol).block_s * NS_PER_S / max(entry.warm.median_ns, 1.0)
    entry.block_calls = max(1, min(round(fitting), bench.protocol.block_calls_max))


def _twin_of(baseline: _Entry) -> _Entry:
    """The baseline's own calls once more; they are warm already."""
    copy = Contestant(TWIN, baseline.contestant.calls, baseline.contestant.items)
    return replace(baseline, contestant=copy, blocks=[], log_medians=[])


def _run_rounds(bench: _Bench) -> tuple[Conditions, ...]:
    """Rounds until the protocol's end, or until nothing is left that runs."""
    chance = random.Random(bench.protocol.seed)  # noqa: S311 - an order, not a secret
    rounds: list[Conditions] = []
    spent_ns = 0
    bench.observe(0, _expected(bench.protocol, 0, 0))
    while bench.judged:
        wall_ns, happened = _run_round(bench, chance)
        rounds.append(happened)
        spent_ns += wall_ns
        done = _is_done(bench, len(rounds), spent_ns)
        total = len(rounds) if done else _expected(bench.protocol, len(rounds), spent_ns)
        bench.observe(len(rounds), total)
        if done:
            break
    return tuple(rounds)


def _run_round(bench: _Bench, chance: random.Random) -> tuple[int, Conditions]:
    """One block of everything that runs, in random order; the wall time and the conditions."""
    collect_young()
    order = bench.running
    chance.shuffle(order)
    before, start = bench.read(), bench.clock()
    for entry in order:
        bench.turn(entry.name)
        entry.attempt(partial(_run_block, entry, bench))
    wall_ns = bench.clock() - start
    names = tuple(entry.name for entry in order)
    return wall_ns, conditions.between(names, before, bench.read(), wall_ns)


def _run_block(entry: _Entry, bench: _Bench) -> None:
    untimed(entry.switching, bench.protocol.switch_calls)
    entry.blocks.append(timed(entry.timing, entry.block_calls, bench.clock))
    entry.log_medians.append(math.log(statistics.block_median(entry.blocks[-1])))


def _expected(protocol: Protocol, done: int, spent_ns: int) -> int:
    """How many rounds to expect: never fewer than are done or due."""
    most = protocol.rounds_max
    if protocol.budget_s is not None and spent_ns:
        fitting = math.ceil(protocol.budget_s * NS_PER_S * done / spent_ns)
        most = fitting if most is None else min(most, fitting)
    return max(protocol.rounds_min, done, most or 0)


def _is_done(bench: _Bench, rounds: int, spent_ns: int) -> bool:
    protocol = bench.protocol
    if rounds < protocol.rounds_min:
        return False
    if protocol.rounds_max is not None and rounds >= protocol.rounds_max:
        return True
    if protocol.budget_s is not None and spent_ns >= protocol.budget_s * NS_PER_S:
        return True
    return protocol.precision is not None and _is_precise(bench, protocol.precision)


def _is_precise(bench: _Bench, precision: float) -> bool:
    """Whether the interval of every ratio, the twin's too, is narrow enough."""
    judged = {entry.name: entry for entry in bench.judged}
    if bench.baseline not in judged:
        return True  # there is no ratio to sharpen
    reference = np.array(judged.pop(bench.baseline).log_medians)
    ratios = (reference - np.array(entry.log_medians) for entry in judged.values())
    return all(statistics.is_within([ratio], precision) for ratio in ratios)


def _measured(
    bench: _Bench, rounds: tuple[Conditions, ...], load_start: float | None, harness_ns: float
) -> Measured:
    named = [entry for entry in bench.entries if entry.name != TWIN]
    shown = [entry for entry in named if entry.judged]
    samples = {entry.name: tuple(entry.blocks) for entry in bench.judged}
    twin_ns = samples.pop(TWIN, ())
    return Measured(
        baseline=bench.baseline,
        seed=bench.protocol.seed,
        items={entry.name: entry.contestant.items for entry in shown},
        samples_ns=samples,
        twin_ns=twin_ns if bench.baseline in samples else (),
        failed={entry.name: entry.failure for entry in named if entry.failure is not None},
        warm_up_calls={entry.name: entry.warm.calls for entry in shown if entry.warm},
        unsettled=tuple(e.name for e in shown if e.warm and not e.warm.settled),
        conditions=rounds,
        load_start=load_start,
        load_end=bench.read().load,
        harness_ns=harness_ns,
        extras_ns={e.name: tuple(e.blocks) for e in bench.running if not e.judged},
    )

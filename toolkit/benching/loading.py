"""All that takes turns in one process, loaded in an order that is drawn anew for each."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from toolkit.baselines import Remeasure
from toolkit.benching.contestants import Candidate, Lineup
from toolkit.benching.device_clock import DeviceClock
from toolkit.benching.values import Row
from toolkit.errors import ToolkitError
from toolkit.timing.calls import Contestant
from toolkit.variants import Chosen


@dataclass(frozen=True)
class Loaded:
    """Rows and contestants in the table's order, the hidden twin, and files of a saved run."""

    rows: Mapping[str, Row]
    contestants: Sequence[Contestant]
    twin: Contestant | None
    again: Sequence[Contestant]
    held_bytes: Mapping[str, int]
    """What each took of the device's memory, where that is told."""


def loaded(lineup: Lineup, seed: int, clock: DeviceClock | None = None) -> Loaded:
    """Load everything, in an order drawn from the seed of the set.

    What is loaded first lies elsewhere in memory than what is loaded last, in every process alike:
    identical code over arrays of NumPy, which aligns to 16 bytes, was seen 3 % apart so. Raises
    where the baseline cannot be timed.
    """
    loading = _Loading(lineup, clock)
    entering = list(lineup.entering())
    turns: list[Callable[[], None]] = [partial(loading.enter, *one) for one in entering]
    turns += [partial(loading.load_again, *one) for one in lineup.remeasuring()]
    turns += [] if lineup.only else [loading.load_twin]
    # Not the numbers that the order of the rounds is drawn from.
    random.Random(f"{seed}/loading").shuffle(turns)  # noqa: S311 - an order, not a secret
    for load in turns:
        load()
    found = [(name, *loading.entries[name]) for name, _, _ in entering]
    return Loaded(
        rows={name: row for name, row, _ in found},
        contestants=[contestant for _, _, contestant in found if contestant is not None],
        twin=loading.twin,
        again=[loading.again[one.name] for one in lineup.again if one.name in loading.again],
        held_bytes=loading.held_bytes,
    )


@dataclass
class _Loading:
    """What is loaded so far."""

    lineup: Lineup
    clock: DeviceClock | None
    entries: dict[str, tuple[Row, Contestant | None]] = field(default_factory=dict)
    twin: Contestant | None = None
    again: dict[str, Contestant] = field(default_factory=dict)
    held_bytes: dict[str, int] = field(default_factory=dict)

    def enter(self, name: str, candidate: Candidate, chosen: Chosen) -> None:
        before = self.clock.held_bytes() if self.clock else 0
        self.entries[name] = self.lineup.entry(name, candidate, chosen)
        self.held_bytes[name] = self.clock.held_bytes() - before if self.clock else 0

    def load_twin(self) -> None:
        self.twin = self.lineup.twin()

    def load_again(self, again: Remeasure, candidate: Candidate) -> None:
        """A file of a saved run; one that cannot be loaded goes by ratios."""
        try:
            self.again[again.name] = self.lineup.remeasured(again, candidate)
        except ToolkitError:
            return

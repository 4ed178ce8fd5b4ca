"""How a comparison is measured: the numbers of the protocol, and its presets."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.errors import UsageError

BUFFERS = 4
"""Input buffers that a contestant's calls rotate through."""

USUAL_SETS, RIGOROUS_SETS = 5, 10
ROUNDS_A_SET = 6
"""The fewest at which order statistics bound a median at 95 %."""
BUDGET_S = 60.0
RIGOROUS_CAP_S = 1800.0
"""No budget for any result worth having: it only sees to it that measuring ends."""


@dataclass(frozen=True)
class Protocol:
    """Sets, rounds, blocks and warm-up of one comparison; times in seconds.

    A set is a fresh process; `rounds_min`, `rounds_max` and `budget_s` are of all sets together
    (`sets.share` says what one set has to do). After `rounds_min` rounds measuring stops as soon
    as the interval of every ratio lies within `precision` of it (None: never for that reason),
    `budget_s` of round time is spent, or `rounds_max` is reached.
    """

    rounds_min: int
    rounds_max: int | None
    budget_s: float | None
    precision: float | None = 0.01
    seed: int = 0
    sets: int = 1
    block_s: float = 0.05
    block_calls_max: int = 10_000
    switch_calls: int = 2
    warm_up_calls: int = 3
    warm_up_s: float = 1.0
    warm_up_max_s: float = 30.0
    window_calls: int = 10
    window_tolerance: float = 0.05

    def __post_init__(self) -> None:
        if self.rounds_min < 1 or self.block_s <= 0 or self.window_calls < 1:
            raise UsageError("a measurement needs at least one round, a block and a window")
        if self.sets < 1:
            raise UsageError("a measurement needs at least one set of rounds")
        if self.rounds_max is None and self.budget_s is None:
            raise UsageError(
                "a measurement without an end", hint="give a number of rounds or a budget"
            )
        if self.rounds_max is not None and self.rounds_max < self.rounds_min:
            raise UsageError(f"rounds: {self.rounds_min} at least but {self.rounds_max} at most")

    @classmethod
    def quick(cls, seed: int = 0) -> Protocol:
        """Twelve rounds in one process: what `run` does by default."""
        return cls(rounds_min=12, rounds_max=12, budget_s=None, precision=None, seed=seed)

    @classmethod
    def usual(cls, seed: int = 0, budget_s: float = BUDGET_S) -> Protocol:
        """Five sets, at least thirty rounds, until ratios are within ±1 % or the time is spent."""
        rounds = USUAL_SETS * ROUNDS_A_SET
        return cls(rounds, None, budget_s, seed=seed, sets=USUAL_SETS)

    @classmethod
    def rigorous(cls, seed: int = 0) -> Protocol:
        """Ten sets, until every ratio is within ±1 %, at most twice as many, or half an hour."""
        rounds = RIGOROUS_SETS * ROUNDS_A_SET
        return cls(rounds, None, RIGOROUS_CAP_S, seed=seed, sets=RIGOROUS_SETS)

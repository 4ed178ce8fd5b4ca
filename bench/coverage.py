"""Whether the 95 % intervals hold the truth: simulated comparisons with a known ratio.

    python bench/coverage.py [--comparisons 2000]

Noise of rounds: normal, heavy-tailed, with outliers as on a shared machine, correlated from
round to round, and stopped early as soon as the interval is narrow. Sets that differ by 0, half
or all of the spread of rounds. The ideal interval is the one of the same medians when every
spread is known. Exits 1 when an interval over independent rounds covers less than 93 %.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from toolkit.timing.statistics import Floats, Interval, speedup

BOUND = 0.93
SPREAD = 0.02
CORRELATION = 0.3
NORMAL_QUANTILE = 1.96
# The median of normal values needs π/2 times as many of them as the mean.
MEDIAN_COST = math.sqrt(math.pi / 2)

Rng = np.random.Generator
Noise = Callable[[Rng, int], Floats]


def normal(rng: Rng, rounds: int) -> Floats:
    return rng.normal(0, SPREAD, rounds)


def heavy(rng: Rng, rounds: int) -> Floats:
    return SPREAD * rng.standard_t(2, rounds)


def outliers(rng: Rng, rounds: int) -> Floats:
    """One round in seven is disturbed, on either side, by up to double and more."""
    signs = rng.choice([-1, 1], rounds) * (rng.random(rounds) < 0.15)
    noise: Floats = rng.normal(0, SPREAD, rounds) + signs * rng.exponential(0.4, rounds)
    return noise


def correlated(rng: Rng, rounds: int) -> Floats:
    noise = normal(rng, rounds)
    for index in range(1, rounds):
        fresh = math.sqrt(1 - CORRELATION**2) * noise[index]
        noise[index] = CORRELATION * noise[index - 1] + fresh
    return noise


@dataclass(frozen=True)
class Case:
    """One kind of comparison: `between` is the spread of sets over that of rounds."""

    name: str
    noise: Noise
    rounds: int
    sets: int = 1
    between: float = 0.0
    stops: bool = False
    independent: bool = True

    def draw(self, rng: Rng, seed: int) -> Interval:
        """The interval of one comparison whose true ratio is 1."""
        if self.stops:
            return self._stopped(rng, seed)
        offsets = rng.normal(0, SPREAD * self.between, self.sets)
        return speedup([self.noise(rng, self.rounds) + offset for offset in offsets], seed)

    def _stopped(self, rng: Rng, seed: int) -> Interval:
        """From `rounds` on, stop once the interval is within ±1 %, at 200 rounds at most."""
        ratios = self.noise(rng, 200)
        for rounds in range(self.rounds, ratios.size):
            interval = speedup([ratios[:rounds]])
            if interval.reaches(0.01):
                return speedup([ratios[:rounds]], seed)
        return speedup([ratios], seed)

    @property
    def ideal(self) -> float:
        """Width of the interval if the spread of rounds and sets were known, and normal."""
        within = (MEDIAN_COST * SPREAD) ** 2 / self.rounds
        return 2 * NORMAL_QUANTILE * math.sqrt((within + (SPREAD * self.between) ** 2) / self.sets)


CASES = (
    *(
        Case(f"{rounds} rounds, {noise.__name__}", noise, rounds)
        for rounds in (12, 30)
        for noise in (normal, heavy, outliers)
    ),
    *(
        Case(f"{rounds} rounds, correlated {CORRELATION}", correlated, rounds, independent=False)
        for rounds in (12, 30)
    ),
    Case("30 rounds or more, stopped when sharp", normal, 30, stops=True),
    *(
        Case(f"5 sets of 6 rounds, sets differ by {between}", normal, 6, 5, between)
        for between in (0.0, 0.5, 1.0)
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(description="how often the intervals hold the truth")
    parser.add_argument("--comparisons", type=int, default=2000)
    count = parser.parse_args().comparisons
    short = False
    print(f"{'case':44} {'covers':>8} {'width / ideal':>14}")
    for case in CASES:
        rng = np.random.default_rng(0)
        drawn = [case.draw(rng, seed) for seed in range(count)]
        covers = sum(one.low <= 1 <= one.high for one in drawn) / count
        width = float(np.mean([math.log(one.high / one.low) for one in drawn]))
        # What is ideal is known for normal rounds of a fixed number.
        shown = "-" if case.noise is not normal or case.stops else f"{width / case.ideal:.2f}"
        print(f"{case.name:44} {100 * covers:6.1f} % {shown:>14}", flush=True)
        short = short or (case.independent and covers < BOUND)
    sys.exit(int(short))


if __name__ == "__main__":
    main()

"""Whether the 95 % intervals hold the truth: simulated comparisons with a known ratio.

    python -m bench.coverage [--comparisons 2000] [--jobs 1] [--part arithmetic|protocol]

Two parts. `arithmetic` hands log ratios of rounds to `statistics.speedup`: normal, heavy-tailed,
with outliers as on a shared machine, correlated from round to round, stopped early, and in sets
that differ by 0, half or all of the spread of rounds.

`protocol` runs everything that `toolkit bench` runs but the processes: `measure` on an injected
clock (`bench/simulated.py`: drift, outliers, correlated noise, another memory layout in every
process), `sets.share` and `sets.enough` with the usual protocol's stopping rule on, and `compare`.
Every other comparison has a slow-down of 5 % planted in it, and its verdicts are counted.

The ideal interval is the one of the same estimates when their distribution is known: as wide as the
range that holds the middle 95 % of them over all comparisons of a case. Its width is the yardstick:
what an interval is wider comes of not knowing the spreads. Exits 1 when a bound is broken:
coverage under 93 % (where rounds are independent or sets are several), a mean width of more than
1.6 times the ideal one (of several sets), over 5 % false claims, fewer than 95 % `same` of the same
code and 90 % `slower` of the slow-down (where rounds and processes are within 1 %: with 2 % of
either a machine may say that it cannot tell).
"""

from __future__ import annotations

import argparse
import gc
import math
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from bench import simulated
from toolkit.timing import Interval, Protocol, compare
from toolkit.timing.statistics import Floats, is_within, speedup

COVERAGE = 0.93
WIDTH = 1.6
SAME, SLOWER, FALSE = 0.95, 0.90, 0.05
CALM = 0.01
"""The spread of rounds up to which a slow-down of 5 % must be found."""
PLANTED = 1.05
SPREAD = 0.02
CORRELATION = 0.3
MOST_ROUNDS = 200
MIDDLE = [2.5, 97.5]

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
class Found:
    """What one comparison found: its interval, as factors of the truth, and the verdict on it."""

    interval: Interval
    verdict: str = ""
    planted: bool = False
    sets: int = 1

    @property
    def holds(self) -> bool:
        """Whether the interval holds the truth."""
        return self.interval.low <= 1 <= self.interval.high

    @property
    def width(self) -> float:
        """Of the logarithms."""
        return math.log(self.interval.high / self.interval.low)


@dataclass(frozen=True)
class Arithmetic:
    """One kind of rounds: `between` is the spread of sets over that of rounds."""

    name: str
    noise: Noise
    rounds: int
    sets: int = 1
    between: float = 0.0
    stops: bool = False
    independent: bool = True

    def draw(self, seed: int) -> Found:
        """One comparison whose true ratio is 1."""
        rng = np.random.default_rng([self.rounds, self.sets, seed])
        if self.stops:
            return Found(self._stopped(rng, seed))
        offsets = rng.normal(0, SPREAD * self.between, self.sets)
        return Found(speedup([self.noise(rng, self.rounds) + one for one in offsets], seed))

    def _stopped(self, rng: Rng, seed: int) -> Interval:
        """From `rounds` on, stop once the interval is within ±1 %."""
        ratios = self.noise(rng, MOST_ROUNDS)
        for rounds in range(self.rounds, ratios.size):
            if is_within([ratios[:rounds]], 0.01):
                return speedup([ratios[:rounds]], seed)
        return speedup([ratios], seed)


@dataclass(frozen=True)
class Simulated:
    """The usual protocol on a machine in some weather."""

    weather: simulated.Weather
    independent: bool = True

    @property
    def is_calm(self) -> bool:
        """Whether verdicts have to be right, not only never wrong."""
        return self.weather.spread <= CALM

    @property
    def name(self) -> str:
        """What tells it from the others."""
        percent = 100 * self.weather.spread
        return f"usual, rounds {percent:g} %, sets differ by {self.weather.between}"

    @property
    def sets(self) -> int:
        """How many are planned; there may be up to twice as many."""
        return Protocol.usual().sets

    def draw(self, seed: int) -> Found:
        """One comparison with the baseline: of the same code, with odd seeds of slower code."""
        planted = bool(seed % 2)
        factor = PLANTED if planted else 1.0
        measured, _ = simulated.comparison(Protocol.usual(seed), self.weather, [factor], seed)
        row = compare(measured).timings[1]
        assert row.speedup is not None
        found = row.speedup
        of_truth = Interval(found.estimate * factor, found.low * factor, found.high * factor)
        return Found(of_truth, row.verdict, planted, len(measured))


Case = Arithmetic | Simulated
BETWEEN = (0.0, 0.5, 1.0)
ARITHMETIC: tuple[Case, ...] = (
    *(
        Arithmetic(f"{rounds} rounds, {noise.__name__}", noise, rounds)
        for rounds in (12, 30)
        for noise in (normal, heavy, outliers)
    ),
    *(
        Arithmetic(
            f"{rounds} rounds, correlated {CORRELATION}", correlated, rounds, independent=False
        )
        for rounds in (12, 30)
    ),
    Arithmetic("30 rounds or more, stopped when sharp", normal, 30, stops=True),
    *(
        Arithmetic(f"5 sets of 6 rounds, sets differ by {between}", normal, 6, 5, between)
        for between in BETWEEN
    ),
)
PROTOCOL: tuple[Case, ...] = tuple(
    Simulated(simulated.Weather(spread=spread, between=between))
    for spread in (0.01, 0.02)
    for between in BETWEEN
)
PARTS = {"arithmetic": ARITHMETIC, "protocol": PROTOCOL}


@dataclass(frozen=True)
class Summary:
    """What the comparisons of one case come to; shares of verdicts where there are any."""

    covers: float
    widths: float
    sets: float
    same: float | None = None
    slower: float | None = None
    false: float | None = None


def summary(found: Sequence[Found]) -> Summary:
    low, high = np.percentile([math.log(one.interval.estimate) for one in found], MIDDLE)
    got = Summary(
        covers=float(np.mean([one.holds for one in found])),
        widths=float(np.mean([one.width for one in found]) / (high - low)),
        sets=float(np.mean([one.sets for one in found])),
    )
    same = [one.verdict for one in found if one.verdict and not one.planted]
    slower = [one.verdict for one in found if one.verdict and one.planted]
    if not same or not slower:
        return got
    false = sum(one in ("faster", "slower") for one in same) + slower.count("faster")
    return replace(
        got,
        same=same.count("same") / len(same),
        slower=slower.count("slower") / len(slower),
        false=false / len(found),
    )


def broken(case: Case, got: Summary) -> list[str]:
    """The bounds that a case breaks."""
    bounds = {
        f"coverage under {COVERAGE:.0%}": case.independent and got.covers < COVERAGE,
        f"wider than {WIDTH} times the ideal": case.sets > 1 and got.widths > WIDTH,
        f"false claims over {FALSE:.0%}": got.false is not None and got.false > FALSE,
    }
    if isinstance(case, Simulated) and case.is_calm:
        bounds[f"`same` under {SAME:.0%}"] = got.same is None or got.same < SAME
        bounds[f"`slower` under {SLOWER:.0%}"] = got.slower is None or got.slower < SLOWER
    return [told for told, is_broken in bounds.items() if is_broken]


def line(case: Case, got: Summary, complaints: Sequence[str]) -> str:
    shares = [got.covers, got.same, got.slower, got.false]
    covers, *verdicts = ["-" if one is None else f"{100 * one:.1f} %" for one in shares]
    cells = [covers, f"{got.widths:.2f}", *verdicts, f"{got.sets:.1f}"]
    shown = " ".join(f"{cell:>8}" for cell in cells)
    return f"{case.name:44} {shown}  {'; '.join(complaints)}".rstrip()


def run(cases: Sequence[Case], count: int, jobs: int) -> bool:
    """Print a line for every case; whether all of them keep the bounds."""
    heads = ["covers", "width", "same", "slower", "false", "sets"]
    print(f"{'case':44} {' '.join(f'{head:>8}' for head in heads)}")
    good = True
    for case in cases:
        got = summary(drawn(case, count, jobs))
        complaints = broken(case, got)
        print(line(case, got, complaints), flush=True)
        good = good and not complaints
    return good


def drawn(case: Case, count: int, jobs: int) -> list[Found]:
    """The comparisons of seeds 0, 1, …; which process draws them changes nothing."""
    if jobs == 1:
        return [case.draw(seed) for seed in range(count)]
    with ProcessPoolExecutor(jobs) as pool:
        return list(pool.map(partial(_draw, case), range(count), chunksize=10))


def _draw(case: Case, seed: int) -> Found:
    return case.draw(seed)


def main() -> None:
    parser = argparse.ArgumentParser(description="how often the intervals hold the truth")
    parser.add_argument("--comparisons", type=int, default=2000, help="of every case")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--part", choices=PARTS, help="one of the two alone")
    given = parser.parse_args()
    gc.collect()
    gc.freeze()  # what was imported is never garbage, and every set collects
    parts = [PARTS[given.part]] if given.part else PARTS.values()
    kept = [run(cases, given.comparisons, given.jobs) for cases in parts]
    sys.exit(int(not all(kept)))


if __name__ == "__main__":
    main()

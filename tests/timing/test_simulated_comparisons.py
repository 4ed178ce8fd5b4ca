"""Whole comparisons on an injected clock whose truth is known.

Drift, outliers, correlated noise and processes that differ; everything that measures, stops and
judges is the real code. `bench/coverage.py` counts thousands of them and prints the figures.
"""

from __future__ import annotations

import pytest

from bench.simulated import Weather, comparison
from toolkit.timing import Protocol, Timing, compare

COMPARISONS = 24


def _row(seed: int, weather: Weather, factor: float) -> Timing:
    measured, _ = comparison(Protocol.usual(seed), weather, [factor], seed)
    return compare(measured).timings[1]


@pytest.mark.slow
@pytest.mark.parametrize("between", [0.0, 0.5, 1.0])
def test_verdicts_are_right_and_intervals_hold_the_truth(between: float) -> None:
    held = right = false = 0
    for seed in range(COMPARISONS):
        planted = seed % 2 == 1
        factor = 1.05 if planted else 1.0
        row = _row(seed, Weather(between=between), factor)
        assert row.speedup is not None
        held += row.speedup.low <= 1 / factor <= row.speedup.high
        right += row.verdict == ("slower" if planted else "same")
        false += row.verdict in (("faster",) if planted else ("faster", "slower"))
    assert held >= COMPARISONS - 3
    assert right >= COMPARISONS - 2
    assert false <= 1


def test_a_calm_machine_ends_early_and_with_the_sets_that_were_planned() -> None:
    weather = Weather(spread=0.002, drift=0.0, hit=0.0)
    measured, reason = comparison(Protocol.usual(), weather, [1.0], 0)
    assert (len(measured), reason) == (5, "precise")
    assert sum(one.rounds for one in measured) == 30


def test_processes_that_differ_are_answered_with_more_of_them() -> None:
    measured, reason = comparison(Protocol.usual(), Weather(between=4.0), [1.0], 0)
    assert len(measured) > 5
    assert reason in ("budget", "rounds")
    assert sum(one.spent_s for one in measured) <= 61


def test_the_budget_ends_a_comparison_that_stays_blunt() -> None:
    measured, reason = comparison(Protocol.usual(budget_s=15.0), Weather(spread=0.2), [1.0], 0)
    assert reason in ("budget", "rounds")
    assert sum(one.rounds for one in measured) >= 30
    # The least rounds of five sets take about eight seconds here.
    assert sum(one.spent_s for one in measured) <= 25

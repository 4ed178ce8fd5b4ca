"""Gates over simulated pairs of runs whose true drift is known."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from tests.baselines.recorded import changed, run, table
from toolkit.baselines import judged
from toolkit.results import BaselineVerdict

RUNS = 25
FACTORS = (1.0, 1.1, 1.05)
TIMES = {"eager": 200.0, "onnx": 22.0}
"""Microseconds."""


@cache
def verdicts(factor: float, *, beside: bool) -> tuple[BaselineVerdict, ...]:
    """What is said of a form that takes `factor` times as long, in many pairs of runs.

    Sets differ as much as rounds do, and the machine is half as fast as it was.
    """
    found = []
    for number in range(RUNS):
        then = run(table(TIMES, seed=2 * number, set_spread=0.004))
        now = run(
            table(
                {**TIMES, "onnx": TIMES["onnx"] * factor},
                seed=2 * number + 1,
                set_spread=0.004,
                slowness=2.0,
                rows=changed("onnx"),
                again_us={"onnx": TIMES["onnx"]} if beside else None,
            )
        )
        found.append(judged(then, now, "main", 0.05).verdicts[1])
    return tuple(found)


@pytest.mark.parametrize("beside", [True, False], ids=["side by side", "by ratios"])
def test_a_gate_of_5_percent_is_right_about_what_is_known(beside: bool) -> None:
    same, slower, between = (
        Counter(one.drift for one in verdicts(factor, beside=beside)) for factor in FACTORS
    )
    assert same["as before"] >= 0.95 * RUNS
    assert same["speed drift"] == 0
    assert slower["speed drift"] >= 0.95 * RUNS
    assert slower.keys() <= {"speed drift", "cannot tell"}
    assert between["cannot tell"] >= 0.85 * RUNS


@pytest.mark.parametrize("beside", [True, False], ids=["side by side", "by ratios"])
def test_the_interval_of_a_drift_holds_the_truth(beside: bool) -> None:
    held = [
        one.change is not None and one.change.low <= factor <= one.change.high
        for factor in FACTORS
        for one in verdicts(factor, beside=beside)
    ]
    assert sum(held) >= 0.93 * len(held)

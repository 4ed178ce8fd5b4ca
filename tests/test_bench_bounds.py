"""The bounds that `bench/aa.py` exits by are those that the protocol promises."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.aa import Counts

GOOD = Counts(runs=20, near=19, false=1, found=19, wrong=0, unclaimed=1, held=18, held_slower=18)


def test_what_is_promised_of_twenty_runs_is_enough() -> None:
    assert GOOD.broken(beside_neighbour=False) == []


@pytest.mark.parametrize(
    ("name", "value", "bound"),
    [
        ("near", 18, "identical code within 2 %"),
        ("false", 2, "false verdicts"),
        ("found", 18, "slow-downs found"),
        ("wrong", 1, "slow-downs taken for speed-ups"),
        ("held", 17, "intervals"),
        ("held_slower", 17, "intervals"),
    ],
)
def test_one_run_less_breaks_the_bound(name: str, value: int, bound: str) -> None:
    changes: dict[str, int] = {name: value}
    assert replace(GOOD, **changes).broken(beside_neighbour=False) == [bound]


def test_beside_a_neighbour_no_verdict_may_be_wrong_and_none_must_be_found() -> None:
    assert replace(GOOD, false=0, found=0).broken(beside_neighbour=True) == []
    assert GOOD.broken(beside_neighbour=True) == ["false verdicts"]

"""What one process of several is to do, and when there are enough of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.timing.recorded import a_set, around
from toolkit.errors import UsageError
from toolkit.timing import Measured, Protocol
from toolkit.timing.sets import enough, share


def _set(seed: int, *, spread: float = 0.001, wall_s: float = 0.2, shift: float = 1.0) -> Measured:
    """Twelve rounds of an eager model, of a form that is twice as fast, and of the twin."""
    samples = {
        "eager": around(200, 3 * seed, spread=spread),
        "onnx": around(100 * shift, 3 * seed + 1, spread=spread),
    }
    return a_set(samples, around(200, 3 * seed + 2, spread=spread), wall_s=wall_s)


def _sets(count: int, **kind: float) -> list[Measured]:
    return [_set(seed, **kind) for seed in range(count)]


def test_the_sets_of_the_usual_protocol_make_thirty_rounds_in_a_minute_and_no_more() -> None:
    usual = Protocol.usual()
    one = share(usual, 0)
    assert (usual.sets, one.sets) == (5, 1)
    assert one.rounds_min * usual.sets == 30
    assert one.budget_s is not None
    assert one.budget_s * 2 * usual.sets == 60.0
    assert one.precision == 0.01


def test_every_set_has_a_seed_of_its_own_and_the_first_that_of_the_comparison() -> None:
    usual = Protocol.usual(seed=7)
    seeds = [share(usual, index).seed for index in range(10)]
    assert seeds[0] == 7
    assert len(set(seeds)) == 10
    assert seeds == [share(usual, index).seed for index in range(10)]
    assert seeds[1] != share(Protocol.usual(seed=8), 1).seed


def test_the_quick_protocol_is_one_set_of_all_its_rounds() -> None:
    quick = Protocol.quick()
    assert share(quick, 0) == quick
    assert enough([], quick) is None
    assert enough(_sets(1, spread=0.05), quick) == "rounds"


def test_the_rigorous_protocol_has_no_budget_worth_the_name_and_ends_all_the_same() -> None:
    rigorous = Protocol.rigorous()
    assert enough(_sets(9), rigorous) is None
    assert enough(_sets(10), rigorous) == "precise"
    assert enough(_sets(19, spread=0.2), rigorous) is None
    assert enough(_sets(20, spread=0.2), rigorous) == "rounds"
    assert enough(_sets(10, spread=0.2, wall_s=20.0), rigorous) == "budget"


def test_fewer_sets_than_planned_are_never_enough_however_sharp() -> None:
    usual = Protocol.usual()
    assert [enough(_sets(count), usual) for count in range(5)] == [None] * 5


def test_sets_end_when_every_ratio_is_sharp_and_the_twins_too() -> None:
    usual = Protocol.usual()
    assert enough(_sets(5), usual) == "precise"
    restless = [
        replace(one, twin_ns=around(200, 90 + k, spread=0.2)) for k, one in enumerate(_sets(5))
    ]
    assert enough(restless, usual) is None


def test_processes_that_differ_ask_for_more_sets_though_every_one_of_them_is_sharp() -> None:
    apart = [_set(seed, shift=1 + 0.02 * (seed % 2)) for seed in range(6)]
    assert enough(apart[:5], Protocol.usual()) is None
    assert enough(apart, Protocol.usual()) is None


def test_time_that_sets_left_over_goes_into_at_most_as_many_again() -> None:
    usual = Protocol.usual()
    blunt = _sets(10, spread=0.2)
    assert [enough(blunt[:count], usual) for count in (5, 7, 9)] == [None] * 3
    assert enough(blunt, usual) == "rounds"


@pytest.mark.parametrize(("wall_s", "stopped"), [(0.9, None), (0.95, "budget"), (5.0, "budget")])
def test_a_budget_without_room_for_another_set_ends_them(
    wall_s: float, stopped: str | None
) -> None:
    # Five sets of twelve rounds; half of a sixth must fit into the minute.
    assert enough(_sets(5, spread=0.2, wall_s=wall_s), Protocol.usual()) == stopped


def test_more_variants_must_be_sharper_for_all_intervals_to_hold_together() -> None:
    def with_copies(one: Measured, copies: int) -> Measured:
        more = {f"copy {index}": one.samples_ns["onnx"] for index in range(copies)}
        return replace(one, samples_ns={**one.samples_ns, **more})

    usual = Protocol.usual()
    sets = _sets(5, spread=0.012)
    assert enough(sets, usual) == "precise"
    assert enough([with_copies(one, 20) for one in sets], usual) is None


def test_when_nothing_is_left_to_time_no_further_set_is_tried() -> None:
    broken = a_set({}, failed={"eager": "boom", "onnx": "boom"})
    assert enough([_set(0), broken], Protocol.usual()) == "failed"


def test_without_a_baseline_there_is_no_ratio_to_sharpen() -> None:
    orphaned = [
        replace(one, samples_ns={"onnx": one.samples_ns["onnx"]}, twin_ns=(), failed={"eager": "x"})
        for one in _sets(5, spread=0.2)
    ]
    assert enough(orphaned, Protocol.usual()) == "precise"


def test_a_protocol_without_a_set_is_refused() -> None:
    with pytest.raises(UsageError, match="at least one set"):
        Protocol(rounds_min=1, rounds_max=1, budget_s=None, sets=0)

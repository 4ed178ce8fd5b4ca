"""Clean rounds: figures beside those of all, and nothing is dropped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.timing.recorded import a_set, around, blocks, quiet
from toolkit.timing import Measured, compare
from toolkit.timing.clean import clean_rounds
from toolkit.timing.conditions import Conditions

ROUNDS = 12
DISTURBED = {"steal_s": 0.1, "involuntary_switches": 40, "cpu_per_wall": 0.6}


def _conditions(*disturbed: int, **what: float) -> tuple[Conditions, ...]:
    return tuple(
        replace(one, **what) if index in disturbed else one  # type: ignore[arg-type]
        for index, one in enumerate(quiet(ROUNDS))
    )


def _measured(conditions: tuple[Conditions, ...], slow: int | None = None) -> Measured:
    """Eager and a form of half its time; in round `slow` the form alone takes thrice as long."""
    form = [100.0 * (3 if index == slow else 1) for index in range(ROUNDS)]
    samples = {"eager": around(200, 1), "onnx": blocks(form)}
    return a_set(samples, around(200, 3), conditions=conditions)


@pytest.mark.parametrize(("counter", "value"), DISTURBED.items())
def test_a_round_in_which_a_counter_is_unusual_is_not_clean(counter: str, value: float) -> None:
    clean = clean_rounds(_conditions(3, 7, **{counter: value}))
    assert clean is not None
    assert np.flatnonzero(~clean).tolist() == [3, 7]


@pytest.mark.parametrize(
    ("counter", "value"), [("steal_s", 0.01), ("involuntary_switches", 2), ("cpu_per_wall", 1.3)]
)
def test_what_disturbs_nobody_leaves_a_round_clean(counter: str, value: float) -> None:
    clean = clean_rounds(_conditions(3, **{counter: value}))
    assert clean is not None
    assert clean.all()


def test_what_is_usual_for_a_process_is_clean_however_much_it_is() -> None:
    everywhere = range(ROUNDS)
    clean = clean_rounds(_conditions(*everywhere, **DISTURBED))
    assert clean is not None
    assert clean.all()


def test_without_counters_nobody_can_tell() -> None:
    blind = [
        replace(one, steal_s=None, involuntary_switches=None, cpu_per_wall=None) for one in quiet(3)
    ]
    assert clean_rounds(blind) is None
    outcome = compare(_measured(tuple(blind) * 4))
    assert [row.clean for row in outcome.timings] == [None, None]


def test_a_round_without_a_reading_is_judged_by_the_other_counters() -> None:
    clean = clean_rounds(_conditions(5, steal_s=None, cpu_per_wall=0.5))  # type: ignore[arg-type]
    assert clean is not None
    assert np.flatnonzero(~clean).tolist() == [5]


def test_figures_of_clean_rounds_stand_beside_those_of_all() -> None:
    row = compare(_measured(_conditions(4, steal_s=0.2), slow=4)).timings[1]
    assert row.clean is not None
    assert row.clean.speedup is not None
    assert row.speedup is not None
    assert (row.clean.rounds, row.calls) == (ROUNDS - 1, ROUNDS * 5)
    assert row.clean.speedup != row.speedup
    assert row.clean.p50_us == row.p50_us
    assert not row.clean.flagged


def test_clean_rounds_that_tell_another_story_are_flagged() -> None:
    slow = (0, 2, 4, 6, 8)
    form = [100.0 * (1.1 if index in slow else 1 + index / 100) for index in range(ROUNDS)]
    measured = a_set(
        {"eager": around(200, 1, spread=0.0), "onnx": blocks(form)},
        around(200, 3),
        conditions=_conditions(*slow, cpu_per_wall=0.5),
    )
    row = compare(measured).timings[1]
    assert row.clean is not None
    assert row.clean.rounds == ROUNDS - len(slow)
    assert row.clean.flagged


def test_rounds_that_are_all_clean_say_what_all_rounds_say() -> None:
    eager, onnx = compare(_measured(quiet(ROUNDS))).timings
    assert onnx.clean is not None
    assert (onnx.clean.p50_us, onnx.clean.speedup) == (onnx.p50_us, onnx.speedup)
    assert eager.clean is not None
    assert eager.clean.speedup is None


def test_a_set_without_a_clean_round_leaves_the_others_to_tell() -> None:
    one = _measured(quiet(ROUNDS))
    # Every round of the second set is unusual by one counter or another.
    odd = _conditions(0, 1, 2, 3, steal_s=0.5)
    odd = tuple(replace(c, involuntary_switches=99) if 4 <= k < 8 else c for k, c in enumerate(odd))
    odd = tuple(replace(c, cpu_per_wall=0.2) if k >= 8 else c for k, c in enumerate(odd))
    row = compare([one, replace(one, conditions=odd)]).timings[1]
    assert row.clean is not None
    assert row.clean.rounds == ROUNDS

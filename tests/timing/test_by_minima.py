"""Variants that cannot share the process: their own sets, and claims by minima only."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.timing.recorded import a_set, around, blocks
from toolkit.timing import Measured, Outcome, Timing, compare
from toolkit.timing.sets import are_precise


def _shared(seed: int) -> Measured:
    return a_set({"eager": around(200, 2 * seed)}, around(200, 2 * seed + 1))


def _apart(median_us: float, seed: int, *, disturbed: bool = False) -> Measured:
    """Twelve rounds alone; where disturbed, all but two of them took twice as long."""
    own = around(median_us, 100 + seed)
    if disturbed:
        own = (*own[:2], *around(2 * median_us, 200 + seed)[2:])
    return a_set({"spinning": own})


def _row(outcome: Outcome) -> Timing:
    return outcome.timings[-1]


def _compared(median_us: float, *, sets: int = 5, disturbed: bool = False) -> Timing:
    own = [_apart(median_us, seed, disturbed=disturbed) for seed in range(sets)]
    return _row(compare([_shared(seed) for seed in range(sets)], alone={"spinning": own}))


def test_a_row_from_its_own_process_says_so_and_has_its_own_times() -> None:
    row = _compared(100)
    assert (row.name, row.alone, row.rank, row.clean) == ("spinning", True, None, None)
    assert row.note is not None
    assert "compared by minima" in row.note
    assert row.p50_us == pytest.approx(100, rel=0.01)
    assert row.calls == 5 * 12 * 5


def test_its_speed_up_is_one_of_minima_with_an_interval_over_sets() -> None:
    row = _compared(100, disturbed=True)
    assert row.speedup is not None
    assert row.speedup.low < 2 < row.speedup.high
    assert row.speedup.high / row.speedup.low < 1.02
    assert row.minima_ratio == pytest.approx(2, rel=0.01)
    assert row.verdict == "faster"
    assert row.p50_us == pytest.approx(200, rel=0.01)


@pytest.mark.parametrize(
    ("median_us", "verdict"), [(100, "faster"), (193, "same"), (207, "same"), (230, "slower")]
)
def test_nothing_is_claimed_within_what_two_processes_differ(
    median_us: float, verdict: str
) -> None:
    assert _compared(median_us).verdict == verdict


def test_one_set_has_no_interval_and_nothing_is_claimed_of_it() -> None:
    row = _compared(100, sets=1)
    assert row.speedup is None
    assert row.minima_ratio == pytest.approx(2, rel=0.01)
    assert row.verdict == "noisy"
    assert row.note is not None
    assert "nothing is claimed" in row.note


def test_what_failed_in_its_own_process_is_a_row_with_its_reason() -> None:
    broken = a_set({}, failed={"spinning": "RuntimeError: no kernel"})
    row = _row(compare([_shared(0)], alone={"spinning": [broken]}))
    assert (row.verdict, row.note, row.alone) == ("not timed", "RuntimeError: no kernel", True)


def test_a_noisy_machine_allows_no_claim_of_it_either() -> None:
    noisy = replace(_shared(0), twin_ns=blocks([150, 350] * 6))
    assert _row(compare([noisy], alone={"spinning": [_apart(50, 0)]})).verdict == "noisy"


def test_a_warm_up_that_never_rested_is_noted_beside_it() -> None:
    own = replace(_apart(100, 0), unsettled=("spinning",))
    note = _row(compare([_shared(0)], alone={"spinning": [own]})).note
    assert note is not None
    assert "never came to rest" in note


def test_measuring_goes_on_until_its_interval_is_as_narrow_as_its_least_claim() -> None:
    sets = [_shared(seed) for seed in range(5)]
    near = [_apart(100 + seed / 5, seed) for seed in range(5)]
    wide = [_apart(100 + 4 * seed, seed) for seed in range(5)]
    assert are_precise(sets, 0.01)
    assert are_precise(sets, 0.01, {"spinning": near})
    assert not are_precise(sets, 0.01, {"spinning": wide})


def test_what_failed_in_its_own_process_holds_up_no_end() -> None:
    broken = a_set({}, failed={"spinning": "RuntimeError: no kernel"})
    assert are_precise([_shared(seed) for seed in range(5)], 0.01, {"spinning": [broken] * 5})


def test_without_the_baseline_there_is_no_ratio_to_wait_for() -> None:
    failed = replace(a_set({"onnx": around(50, 1)}, failed={"eager": "broke"}), baseline="eager")
    assert are_precise([failed] * 5, 0.01, {"spinning": [_apart(100, seed) for seed in range(5)]})


def test_its_claim_is_one_of_the_family() -> None:
    own = [_apart(100, seed) for seed in range(5)]
    sets = [_shared(seed) for seed in range(5)]
    assert compare(sets, alone={"spinning": own, "other": own}).family == 2

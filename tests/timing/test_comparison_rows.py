"""From recorded samples to rows: what a table shows, and what it leaves out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from toolkit.timing import Measured, Outcome, Timing, compare
from toolkit.timing.conditions import Conditions
from toolkit.timing.measured import Samples

US = 1_000
ROUNDS = 12
QUIET = Conditions(
    order=("eager", "onnx"), load=0.5, steal_s=0.0, involuntary_switches=0, cpu_per_wall=1.0
)


def _blocks(median_us: float, *, calls: int = 60, spread: float = 0.002, seed: int = 0) -> Samples:
    """Twelve rounds around a median, as a quiet machine gives them."""
    rng = np.random.default_rng(seed)
    per_round = median_us * US * np.exp(rng.normal(0, spread, ROUNDS))
    return tuple(np.full(calls, round(value), dtype=np.int64) for value in per_round)


def _measured(samples: dict[str, Samples], twin: Samples) -> Measured:
    return Measured(
        baseline="eager",
        seed=0,
        items=dict.fromkeys(samples, 8),
        samples_ns=samples,
        twin_ns=twin,
        failed={},
        warm_up_calls=dict.fromkeys(samples, 120),
        unsettled=(),
        conditions=(QUIET,) * ROUNDS,
        load_start=0.4,
        load_end=0.6,
        harness_ns=250.0,
    )


@pytest.fixture
def measured() -> Measured:
    samples = {"eager": _blocks(200, seed=1), "onnx": _blocks(20, seed=2)}
    return _measured(samples, _blocks(200, seed=3))


def _row(outcome: Outcome, name: str) -> Timing:
    return next(timing for timing in outcome.timings if timing.name == name)


def test_a_row_carries_the_median_its_bounds_the_speed_up_and_the_verdict(
    measured: Measured,
) -> None:
    row = _row(compare(measured), "onnx")
    assert row.verdict == "faster"
    assert row.p50_us == pytest.approx(20, rel=0.01)
    assert row.p50_us is not None
    assert row.p50_low_us is not None
    assert row.p50_high_us is not None
    assert row.p50_low_us <= row.p50_us <= row.p50_high_us
    assert row.speedup is not None
    assert 9.9 < row.speedup.low < row.speedup.estimate < row.speedup.high < 10.1
    assert row.calls == ROUNDS * 60
    assert row.warm_up_calls == 120


def test_items_per_second_are_items_over_time_and_not_the_inverse_of_a_median(
    measured: Measured,
) -> None:
    half_slow = tuple(np.array([10 * US, 10 * US, 70 * US]) for _ in range(ROUNDS))
    stalling = replace(measured, samples_ns={**measured.samples_ns, "onnx": half_slow})
    row = _row(compare(stalling), "onnx")
    assert row.p50_us == 10
    assert row.items_per_s == pytest.approx(8 / 30e-6)


def test_p99_is_left_out_where_calls_are_few(measured: Measured) -> None:
    few = {"eager": _blocks(200, calls=55), "onnx": _blocks(20, calls=56)}
    outcome = compare(_measured(few, _blocks(200, calls=55)))
    assert _row(outcome, "eager").p99_us is None
    assert _row(outcome, "eager").p95_us is not None
    assert _row(outcome, "onnx").p99_us is not None


def test_the_baseline_is_as_fast_as_itself_and_its_twin_is_no_row(measured: Measured) -> None:
    outcome = compare(measured)
    assert [timing.name for timing in outcome.timings] == ["eager", "onnx"]
    assert _row(outcome, "eager").verdict == "same"
    assert outcome.aa is not None
    assert outcome.aa_band == 0.01
    assert len(outcome.aa_samples_ns) == ROUNDS


def test_a_machine_that_cannot_resolve_identical_code_allows_no_claim(measured: Measured) -> None:
    restless = replace(measured, twin_ns=_blocks(200, spread=0.3, seed=4))
    outcome = compare(restless)
    assert outcome.aa_band is not None
    assert outcome.aa_band > 0.05
    assert {timing.verdict for timing in outcome.timings} == {"noisy"}


def test_minima_that_tell_another_story_mark_the_row_unstable(measured: Measured) -> None:
    lucky = (np.full(60, 15 * US), *measured.samples_ns["onnx"][1:])
    outcome = compare(replace(measured, samples_ns={**measured.samples_ns, "onnx": lucky}))
    assert _row(outcome, "onnx").verdict == "unstable"
    assert _row(outcome, "onnx").rank is None


def test_a_variant_that_failed_is_a_row_with_its_reason(measured: Measured) -> None:
    samples = {"eager": measured.samples_ns["eager"]}
    failed = replace(measured, samples_ns=samples, failed={"onnx": "RuntimeError: no kernel"})
    row = _row(compare(failed), "onnx")
    assert (row.verdict, row.note) == ("not timed", "RuntimeError: no kernel")
    assert (row.p50_us, row.speedup, row.calls) == (None, None, 0)


def test_without_its_baseline_a_variant_is_timed_but_nothing_is_claimed(
    measured: Measured,
) -> None:
    samples = {"onnx": measured.samples_ns["onnx"]}
    orphaned = replace(measured, samples_ns=samples, failed={"eager": "boom"}, twin_ns=())
    outcome = compare(orphaned)
    row = _row(outcome, "onnx")
    assert (outcome.aa, outcome.aa_band) == (None, None)
    assert row.p50_us is not None
    assert (row.verdict, row.speedup) == ("noisy", None)
    assert row.note is not None
    assert "eager" in row.note


def test_when_everything_failed_every_row_says_so(measured: Measured) -> None:
    failed = {"eager": "boom", "onnx": "boom"}
    broken = replace(measured, samples_ns={}, failed=failed, twin_ns=(), conditions=())
    outcome = compare(broken)
    assert [timing.verdict for timing in outcome.timings] == ["not timed", "not timed"]
    assert outcome.rounds == 0


def test_a_warm_up_that_never_rested_is_noted(measured: Measured) -> None:
    outcome = compare(replace(measured, unsettled=("onnx",)))
    assert _row(outcome, "onnx").note == "its warm-up never came to rest"
    assert _row(outcome, "eager").note is None


def test_sets_are_pooled_for_percentiles_and_kept_apart_for_the_interval(
    measured: Measured,
) -> None:
    faster = {"eager": measured.samples_ns["eager"], "onnx": _blocks(19, seed=5)}
    slower = {"eager": measured.samples_ns["eager"], "onnx": _blocks(21, seed=6)}
    sets = [replace(measured, samples_ns=samples) for samples in (faster, slower, faster)]
    outcome = compare(sets)
    row, alone = _row(outcome, "onnx"), _row(compare(measured), "onnx")
    assert (outcome.sets, outcome.rounds, row.calls) == (3, 3 * ROUNDS, 3 * ROUNDS * 60)
    assert row.speedup is not None
    assert alone.speedup is not None
    assert row.speedup.high - row.speedup.low > 10 * (alone.speedup.high - alone.speedup.low)


def test_the_median_is_bounded_by_what_differs_from_set_to_set(measured: Measured) -> None:
    sets = [
        replace(measured, samples_ns={**measured.samples_ns, "onnx": _blocks(median, seed=7)})
        for median in (19.0, 20.0, 21.0)
    ]
    row = _row(compare(sets), "onnx")
    assert row.p50_us is not None
    assert row.p50_low_us is not None
    assert row.p50_high_us is not None
    # Student's t over three sets that are 5 % apart: 4.3 * 5 % / √3.
    assert row.p50_high_us / row.p50_us == pytest.approx(1.13, rel=0.02)
    assert row.p50_us / row.p50_low_us == pytest.approx(1.13, rel=0.02)


def test_the_more_claims_a_table_makes_the_wider_are_their_intervals(measured: Measured) -> None:
    many = dict(measured.samples_ns)
    many.update({f"onnx {index}": _blocks(20, seed=20 + index) for index in range(9)})
    table = [replace(measured, samples_ns=many, items=dict.fromkeys(many, 8)) for _ in range(3)]
    of_ten, alone = compare(table), compare(table, family=1)
    assert (of_ten.family, alone.family) == (10, 1)
    wide, narrow = _row(of_ten, "onnx").speedup, _row(alone, "onnx").speedup
    assert wide is not None
    assert narrow is not None
    assert wide.low < narrow.low < narrow.estimate == wide.estimate < narrow.high < wide.high
    assert of_ten.aa == alone.aa


def test_rounds_are_told_apart_by_set_and_extras_are_kept(measured: Measured) -> None:
    copied = replace(measured, extras_ns={"copy": _blocks(50, seed=9)})
    outcome = compare([copied, copied])
    assert outcome.set_rounds == (ROUNDS, ROUNDS)
    assert [len(blocks) for blocks in outcome.extras_ns.values()] == [2 * ROUNDS]
    assert [timing.name for timing in outcome.timings] == ["eager", "onnx"]

"""Statistics of rounds, on samples whose truth is known."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from toolkit.timing import statistics
from toolkit.timing.statistics import CALLS_FOR_PERCENTILE, Floats, Interval

Noise = Callable[[np.random.Generator, int], Floats]


def _normal(rng: np.random.Generator, rounds: int) -> Floats:
    return rng.normal(0, 0.02, rounds)


def _with_outliers(rng: np.random.Generator, rounds: int) -> Floats:
    """A shared machine: one round in seven is disturbed on either side, by up to double."""
    hit = rng.random(rounds) < 0.15
    sides = rng.choice([-1, 1], rounds)
    noise: Floats = rng.normal(0, 0.01, rounds) + hit * sides * rng.exponential(0.4, rounds)
    return noise


@pytest.mark.parametrize("percent", [90, 95, 99])
def test_a_percentile_is_given_from_the_call_on_that_bounds_it_at_99_percent(percent: int) -> None:
    enough = CALLS_FOR_PERCENTILE[percent]
    share_above = 1 - percent / 100
    assert binom.cdf(1, enough, share_above) <= 0.01 < binom.cdf(1, enough - 1, share_above)
    assert statistics.percentile(np.arange(enough), percent) is not None
    assert statistics.percentile(np.arange(enough - 1), percent) is None


@given(st.integers(6, 200))
def test_the_interval_of_a_median_is_the_narrowest_pair_that_covers_95_percent(count: int) -> None:
    bounds = statistics.median_interval(np.arange(count, dtype=np.float64))
    assert bounds is not None
    low, high = int(bounds[0]), int(bounds[1])
    assert high == count - 1 - low
    covered = 1 - 2 * binom.cdf(low, count, 0.5)
    one_narrower = 1 - 2 * binom.cdf(low + 1, count, 0.5)
    assert covered >= 0.95 > one_narrower


def test_under_six_rounds_no_interval_of_a_median_covers_95_percent() -> None:
    assert statistics.median_interval(np.arange(5.0)) is None
    assert statistics.median_interval(np.arange(6.0)) == (0.0, 5.0)


def test_a_drift_that_both_variants_see_leaves_the_ratio_untouched() -> None:
    drift = np.linspace(1, 3, 12)
    baseline = [np.full(50, round(200_000 * factor)) for factor in drift]
    variant = [np.full(70, round(100_000 * factor)) for factor in drift]
    ratio = statistics.speedup([statistics.log_ratios(baseline, variant)])
    assert ratio.estimate == pytest.approx(2, rel=1e-4)
    assert ratio.high - ratio.low < 1e-3


def test_rounds_that_cannot_be_paired_are_refused() -> None:
    block = np.array([1, 2, 3])
    with pytest.raises(ValueError, match="cannot be paired"):
        statistics.log_ratios([block, block], [block])


def test_a_clock_that_shows_nothing_for_a_call_gives_a_finite_ratio() -> None:
    ratios = statistics.log_ratios([np.zeros(5, dtype=np.int64)], [np.full(5, 8)])
    assert np.isfinite(ratios).all()


@pytest.mark.parametrize("noise", [_normal, _with_outliers])
@pytest.mark.parametrize("rounds", [12, 30])
def test_the_interval_over_rounds_covers_the_truth(noise: Noise, rounds: int) -> None:
    rng = np.random.default_rng(7)
    held = _share_held([[noise(rng, rounds)] for _ in range(1000)])
    assert held >= 0.94


@pytest.mark.parametrize("between", [0.0, 0.5, 1.0])
def test_the_interval_over_sets_covers_the_truth_when_sets_differ(between: float) -> None:
    rng = np.random.default_rng(11)
    comparisons = [
        [_normal(rng, 6) + rng.normal(0, 0.02 * between) for _ in range(5)] for _ in range(300)
    ]
    assert _share_held(comparisons) >= 0.93


def test_sets_that_differ_widen_the_interval_beyond_what_their_rounds_say() -> None:
    steady = np.linspace(-1e-4, 1e-4, 12)
    apart = statistics.speedup([steady - 0.03, steady, steady + 0.03])
    together = statistics.speedup([steady, steady, steady])
    student = 4.3027 * 0.03 / math.sqrt(3)
    assert math.log(apart.high) == pytest.approx(student, rel=1e-3)
    assert together.high - together.low < 1e-3


@pytest.mark.parametrize("sets", [1, 5])
def test_the_intervals_of_a_family_hold_all_together(sets: int) -> None:
    rng = np.random.default_rng(13)
    family, trials = 6, 50
    held = 0
    for trial in range(trials):
        baseline = [_normal(rng, 20) for _ in range(sets)]
        ratios = [[one - _normal(rng, 20) for one in baseline] for _ in range(family)]
        intervals = [statistics.speedup(one, trial, family) for one in ratios]
        held += all(one.low <= 1 <= one.high for one in intervals)
    assert held >= 0.92 * trials


def test_an_interval_is_within_a_tolerance_exactly_when_its_ends_are() -> None:
    rng = np.random.default_rng(17)
    for trial in range(60):
        sets = [_normal(rng, 12) for _ in range(rng.integers(1, 7))]
        told = statistics.is_within(sets, 0.01, trial)
        assert told == statistics.speedup(sets, trial).reaches(0.01)


def test_sets_that_were_added_one_at_a_time_pay_for_the_looks() -> None:
    values = [np.array([value]) for value in (-1e-3, 1e-3, 0.0, -1e-3, 1e-3, 0.0)]
    assert _t_used(values[:5]) == pytest.approx(2.776, abs=1e-3)
    assert _t_used(values) == pytest.approx(2.757, abs=1e-3)  # 96 %; at 95 % it is 2.571


def _t_used(sets: list[Floats]) -> float:
    """The quantile behind an interval of sets whose rounds say nothing."""
    spread = np.std([float(one[0]) for one in sets], ddof=1) / math.sqrt(len(sets))
    ratio = statistics.speedup(sets)
    return float(math.log(ratio.high / ratio.estimate) / spread)


def test_few_rounds_of_one_set_give_all_they_have() -> None:
    ratio = statistics.speedup([np.array([-0.03, 0.0, 0.02])])
    assert (ratio.low, ratio.high) == pytest.approx((math.exp(-0.03), math.exp(0.02)))


def _share_held(comparisons: list[list[Floats]]) -> float:
    intervals = [statistics.speedup(sets, seed) for seed, sets in enumerate(comparisons)]
    return sum(one.low <= 1 <= one.high for one in intervals) / len(intervals)


@pytest.mark.parametrize("rounds", [1, 2, 9, 12])
def test_the_bootstrap_draws_the_medians_that_resampling_gives(rounds: int) -> None:
    rng = np.random.default_rng(5)
    ratios = rng.normal(0, 1, rounds)
    others = [rng.normal(9, 1, 5), ratios, rng.normal(-9, 1, 8)]
    drawn = statistics._resampled_medians(others, np.full((2000, 10), 1), rng)
    resampled = np.median(ratios[rng.integers(0, rounds, size=(20_000, rounds))], axis=1)
    for edge in np.quantile(ratios, [0.1, 0.3, 0.45, 0.55, 0.7, 0.9]):
        assert np.mean(drawn <= edge) == pytest.approx(np.mean(resampled <= edge), abs=0.02)


def test_the_same_seed_gives_the_same_interval() -> None:
    rng = np.random.default_rng(3)
    ratios = [_normal(rng, 12)] * 4  # of equal sets only the bootstrap says anything
    assert statistics.speedup(ratios, seed=5) == statistics.speedup(ratios, seed=5)
    assert statistics.speedup(ratios, seed=5) != statistics.speedup(ratios, seed=6)


@given(st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=20))
def test_an_interval_holds_its_estimate(ratios: list[float]) -> None:
    ratio = statistics.speedup([np.array(ratios)])
    assert ratio.low <= ratio.estimate <= ratio.high


@pytest.mark.parametrize(
    ("twin", "band"),
    [
        (Interval(1.0, 0.999, 1.002), 0.01),
        (Interval(1.0, 0.99, 1.03), 0.03),
        (Interval(1.0, 1 / 1.04, 1.01), 0.04),
    ],
)
def test_the_band_is_the_farther_end_of_the_twin_and_one_percent_at_least(
    twin: Interval, band: float
) -> None:
    assert statistics.aa_band(twin) == pytest.approx(band)


@pytest.mark.parametrize(
    ("ratio", "band", "minima", "verdict"),
    [
        (Interval(1.10, 1.08, 1.12), 0.02, 1.10, "faster"),
        (Interval(1.03, 1.015, 1.05), 0.02, 1.03, "same"),
        (Interval(1.00, 0.99, 1.01), 0.02, 1.00, "same"),
        (Interval(0.95, 0.94, 0.96), 0.02, 0.95, "slower"),
        (Interval(0.98, 0.97, 0.985), 0.02, 0.98, "same"),
        (Interval(1.10, 1.08, 1.12), 0.02, 1.20, "unstable"),
        (Interval(1.10, 1.08, 1.12), 0.02, 1.00, "unstable"),
        (Interval(2.00, 1.90, 2.10), 0.051, 2.00, "noisy"),
        (Interval(2.00, 1.90, 2.10), None, 2.00, "noisy"),
    ],
)
def test_a_claim_needs_an_interval_clear_of_the_band(
    ratio: Interval, band: float | None, minima: float, verdict: str
) -> None:
    assert statistics.verdict(ratio, band, minima) == verdict


@pytest.mark.parametrize("sets", [1, 5])
@pytest.mark.parametrize("family", [1, 28, 1225])
def test_an_interval_clears_a_margin_where_its_low_end_does(sets: int, family: int) -> None:
    rng = np.random.default_rng([sets, family])
    for centre in np.linspace(-0.02, 0.2, 12):
        ratios = [rng.normal(centre, 0.01, 12) for _ in range(sets)]
        low = statistics.speedup(ratios, family=family).low
        assert statistics.clears(ratios, 0.01, family=family) == (math.log(low) > 0.01)

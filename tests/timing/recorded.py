"""Sets of rounds as processes bring them back, made up from the median of every round."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolkit.timing import Measured
from toolkit.timing.conditions import Conditions
from toolkit.timing.measured import Samples

US = 1_000
CALLS = 5


def quiet(rounds: int, wall_s: float | None = 0.2) -> tuple[Conditions, ...]:
    """Rounds in which nothing disturbed the process."""
    one = Conditions(
        order=(), load=0.5, steal_s=0.0, involuntary_switches=0, cpu_per_wall=1.0, wall_s=wall_s
    )
    return (one,) * rounds


def blocks(medians_us: Sequence[float]) -> Samples:
    """One block a round, of equal calls."""
    return tuple(np.full(CALLS, round(median * US), dtype=np.int64) for median in medians_us)


def around(median_us: float, seed: int, *, rounds: int = 12, spread: float = 0.002) -> Samples:
    """Rounds around a median, as a quiet machine gives them."""
    rng = np.random.default_rng(seed)
    return blocks((median_us * np.exp(rng.normal(0, spread, rounds))).tolist())


def a_set(
    samples_ns: dict[str, Samples],
    twin_ns: Samples = (),
    *,
    failed: dict[str, str] | None = None,
    conditions: Sequence[Conditions] | None = None,
    wall_s: float = 0.2,
) -> Measured:
    """A set with these samples; the baseline is the first of them."""
    rounds = max((len(one) for one in samples_ns.values()), default=0)
    failed = failed or {}
    return Measured(
        baseline=next(iter([*samples_ns, *failed])),
        seed=0,
        items=dict.fromkeys([*samples_ns, *failed], 1),
        samples_ns=samples_ns,
        twin_ns=twin_ns,
        failed=failed,
        warm_up_calls={},
        unsettled=(),
        conditions=quiet(rounds, wall_s) if conditions is None else tuple(conditions),
        load_start=0.5,
        load_end=0.5,
        harness_ns=200.0,
    )

"""The harness on a clock that only moves when a call spends time on it."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from toolkit.errors import UsageError
from toolkit.timing import BUFFERS, Contestant, Measured, Protocol, measure
from toolkit.timing.calls import overhead_ns
from toolkit.timing.conditions import Snapshot
from toolkit.timing.measuring import TWIN

MS = 1_000_000
SHORT = replace(Protocol.quick(), warm_up_s=0.02, warm_up_max_s=0.5)


@dataclass
class FakeClock:
    """Nanoseconds that pass only through `spend`; each reading costs `reading_ns`."""

    now_ns: int = 0
    reading_ns: int = 0

    def __call__(self) -> int:
        self.now_ns += self.reading_ns
        return self.now_ns

    def spend(self, duration_ns: int) -> None:
        self.now_ns += duration_ns


@dataclass
class Work:
    """A call of `duration_ns` (a number, or a function of how many were made)."""

    clock: FakeClock
    duration_ns: int | Callable[[int], int]
    fails_at: int | None = None
    made: int = field(default=0, init=False)

    def __call__(self) -> None:
        self.made += 1
        if self.fails_at is not None and self.made >= self.fails_at:
            raise ValueError("the model broke\nin its second line")
        takes = self.duration_ns
        self.clock.spend(takes if isinstance(takes, int) else takes(self.made))


def quiet() -> Snapshot:
    return Snapshot(load=0.5, steal_s=1.0, involuntary_switches=3, cpu_s=2.0)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def _measure(clock: FakeClock, *works: Work, protocol: Protocol = SHORT) -> Measured:
    contestants = [Contestant(f"v{index}", (work,)) for index, work in enumerate(works)]
    return measure(contestants, protocol, clock=clock, read=quiet)


def test_every_variant_is_timed_once_a_round_in_blocks_of_fifty_milliseconds(
    clock: FakeClock,
) -> None:
    measured = _measure(clock, Work(clock, MS), Work(clock, 5 * MS))
    assert measured.rounds == 12
    assert [block.size for block in measured.samples_ns["v0"]] == [50] * 12
    assert [block.size for block in measured.samples_ns["v1"]] == [10] * 12
    assert {int(block.max()) for block in measured.samples_ns["v1"]} == {5 * MS}
    assert [block.size for block in measured.twin_ns] == [50] * 12


def test_the_order_is_random_recorded_and_the_same_for_the_same_seed(clock: FakeClock) -> None:
    first, again = (_measure(clock, Work(clock, MS), Work(clock, MS)) for _ in range(2))
    other = _measure(clock, Work(clock, MS), Work(clock, MS), protocol=replace(SHORT, seed=1))
    orders = [condition.order for condition in first.conditions]
    assert all(sorted(order) == sorted(("v0", "v1", TWIN)) for order in orders)
    assert len(set(orders)) > 1
    assert orders == [condition.order for condition in again.conditions]
    assert orders != [condition.order for condition in other.conditions]


def test_a_switch_costs_two_calls_that_are_not_timed(clock: FakeClock) -> None:
    work = Work(clock, MS)
    measured = _measure(clock, Work(clock, MS), work)
    timed = sum(block.size for block in measured.samples_ns["v1"])
    assert work.made == measured.warm_up_calls["v1"] + timed + 2 * measured.rounds


def test_buffers_take_turns(clock: FakeClock) -> None:
    works = [Work(clock, MS) for _ in range(BUFFERS)]
    measure([Contestant("rotated", works)], SHORT, clock=clock, read=quiet)
    made = [work.made for work in works]
    assert min(made) > 0.8 * max(made)


@pytest.mark.parametrize("call_ms", [15, 25, 40])
def test_buffers_take_turns_where_a_block_has_fewer_calls(clock: FakeClock, call_ms: int) -> None:
    works = [Work(clock, call_ms * MS + buffer) for buffer in range(BUFFERS)]
    measured = measure([Contestant("rotated", works)], SHORT, clock=clock, read=quiet)
    timed = Counter(int(call) for block in measured.samples_ns["rotated"] for call in block)
    assert len(timed) == BUFFERS
    assert max(timed.values()) - min(timed.values()) <= 1


def test_warm_up_goes_on_until_two_windows_agree(clock: FakeClock) -> None:
    slow_start = Work(clock, lambda made: MS * max(1, 100 - made))
    measured = _measure(clock, slow_start, protocol=replace(SHORT, warm_up_max_s=30.0))
    # Windows of ten calls: the medians fall from 94.5 ms by 10 ms a window, to 4.5, 1 and 1 ms.
    assert measured.warm_up_calls["v0"] == 120
    assert measured.unsettled == ()


def test_warm_up_lasts_its_least_time_even_when_calls_agree_at_once(clock: FakeClock) -> None:
    patient = replace(SHORT, warm_up_s=1.0, warm_up_max_s=30.0)
    measured = _measure(clock, Work(clock, MS), protocol=patient)
    assert measured.warm_up_calls["v0"] == 1000


def test_a_warm_up_that_never_rests_ends_and_is_named(clock: FakeClock) -> None:
    restless = Work(clock, lambda made: MS * (1 + (made - 1) // 10 % 2))
    measured = _measure(clock, Work(clock, MS), restless)
    assert measured.unsettled == ("v1",)
    assert measured.rounds == 12


def test_the_warm_up_of_a_slow_model_ends_in_time_and_at_rest(clock: FakeClock) -> None:
    protocol = replace(SHORT, warm_up_s=1.0, warm_up_max_s=30.0)
    measured = _measure(clock, Work(clock, MS), Work(clock, 4000 * MS), protocol=protocol)
    assert measured.warm_up_calls["v1"] == 8  # the first call that ends after 30 s
    assert measured.unsettled == ()


def test_a_slow_model_that_gets_faster_all_the_time_is_named(clock: FakeClock) -> None:
    protocol = replace(SHORT, warm_up_max_s=30.0)
    measured = _measure(clock, Work(clock, lambda made: 6000 * MS // made), protocol=protocol)
    assert measured.unsettled == ("v0",)


def test_a_warm_up_has_three_calls_however_long_they_take(clock: FakeClock) -> None:
    measured = _measure(clock, Work(clock, 40_000 * MS), protocol=replace(SHORT, warm_up_max_s=30))
    assert measured.warm_up_calls["v0"] == 3
    assert measured.unsettled == ()


def test_the_slowest_to_settle_sets_the_calls_of_all(clock: FakeClock) -> None:
    shrinking = Work(clock, lambda made: MS if made > 100 else MS * (2 + (made - 1) // 10 % 2))
    measured = _measure(clock, Work(clock, MS), shrinking)
    assert measured.warm_up_calls["v1"] > 100
    assert measured.warm_up_calls["v0"] == measured.warm_up_calls["v1"]


def test_a_brief_contestant_has_a_fifth_of_a_warm_up_and_of_a_block(clock: FakeClock) -> None:
    work = Work(clock, MS)
    brief = Contestant("copy", (work,), brief=True)
    protocol = replace(SHORT, warm_up_s=0.25, switch_calls=0)
    timed = [Contestant("v0", (Work(clock, MS),))]
    measured = measure(timed, protocol, extras=[brief], clock=clock, read=quiet)
    assert measured.warm_up_calls == {"v0": 250}
    assert {block.size for block in measured.samples_ns["v0"]} == {50}
    assert {block.size for block in measured.extras_ns["copy"]} == {10}
    assert work.made == 50 + 10 * measured.rounds


@pytest.mark.parametrize(("brief", "calls"), [(True, 20), (False, 301)])
def test_no_variant_is_warmed_up_for_the_sake_of_what_is_brief(
    clock: FakeClock, brief: bool, calls: int
) -> None:
    restless = Work(clock, lambda made: MS if made > 300 else MS * (2 + (made - 1) // 10 % 2))
    slow = Contestant("v0", (Work(clock, 10 * MS),))
    extra = Contestant("copy", (restless,), brief=brief)
    protocol = replace(SHORT, warm_up_max_s=30.0)
    measured = measure([slow], protocol, extras=[extra], clock=clock, read=quiet)
    assert calls <= measured.warm_up_calls["v0"] < calls + 20


@pytest.mark.parametrize("fails_at", [1, 150])
def test_a_variant_that_raises_is_not_timed_and_the_others_go_on(
    clock: FakeClock, fails_at: int
) -> None:
    measured = _measure(clock, Work(clock, MS), Work(clock, MS, fails_at=fails_at))
    assert measured.failed == {"v1": "ValueError: the model broke"}
    assert list(measured.samples_ns) == ["v0"]
    assert len(measured.samples_ns["v0"]) == len(measured.twin_ns) == 12


def test_without_the_baseline_there_is_no_twin_and_the_others_go_on(clock: FakeClock) -> None:
    measured = _measure(clock, Work(clock, MS, fails_at=150), Work(clock, MS))
    assert list(measured.failed) == ["v0"]
    assert measured.twin_ns == ()
    assert len(measured.samples_ns["v1"]) == 12


def test_when_all_raise_there_are_no_rounds(clock: FakeClock) -> None:
    measured = _measure(clock, Work(clock, MS, fails_at=1))
    assert (measured.rounds, measured.samples_ns) == (0, {})


def test_full_rounds_stop_once_every_ratio_is_sharp(clock: FakeClock) -> None:
    protocol = replace(SHORT, rounds_min=30, rounds_max=None, budget_s=600.0, precision=0.01)
    assert _measure(clock, Work(clock, MS), Work(clock, MS), protocol=protocol).rounds == 30


def test_a_ratio_that_stays_blunt_takes_the_whole_budget(clock: FakeClock) -> None:
    protocol = replace(SHORT, rounds_min=12, rounds_max=None, budget_s=6.0, precision=0.01)
    blunt = Work(clock, lambda made: MS * (1 + made // 62 % 2))
    measured = _measure(clock, Work(clock, MS), blunt, protocol=protocol)
    # A round is two blocks of 50 ms, one of 50 to 100 ms, and two calls before each.
    assert 6.0 / 0.22 <= measured.rounds <= 6.0 / 0.15


def test_garbage_is_not_collected_while_timing_and_is_afterwards(clock: FakeClock) -> None:
    seen: set[bool] = set()

    def call() -> None:
        seen.add(gc.isenabled())
        clock.spend(MS)

    measure([Contestant("v0", (call,))], SHORT, clock=clock, read=quiet)
    assert seen == {False}
    assert gc.isenabled()


def test_an_interrupt_goes_through_and_leaves_the_collector_on(clock: FakeClock) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure([Contestant("v0", (interrupted,))], SHORT, clock=clock, read=quiet)
    assert gc.isenabled()


def test_progress_tells_the_rounds_done_and_ends_at_the_total(clock: FakeClock) -> None:
    told: list[tuple[int, int]] = []
    contestants = [Contestant("v0", (Work(clock, MS),))]
    measure(
        contestants,
        SHORT,
        clock=clock,
        read=quiet,
        observe=lambda done, total: told.append((done, total)),
    )
    assert told == [(done, 12) for done in range(13)]


def test_whose_turn_it_is_is_told_before_each_warm_up_and_each_block(clock: FakeClock) -> None:
    told: list[tuple[str, str]] = []
    calls: list[str] = []

    def work(name: str) -> Callable[[], None]:
        def call() -> None:
            clock.spend(MS)
            calls.append(name)
            assert told[-1][1] == name

        return call

    contestants = [Contestant(name, (work(name),)) for name in ("v0", "v1")]
    measured = measure(
        contestants,
        SHORT,
        twin=Contestant("twin", (work(TWIN),)),
        clock=clock,
        read=quiet,
        warming=lambda name: told.append(("warming", name)),
        turn=lambda name: told.append(("turn", name)),
    )
    assert set(calls) == {"v0", "v1", TWIN}
    assert measured.failed == {}
    in_rounds = [name for what, name in told if what == "turn"]
    assert in_rounds == [name for one in measured.conditions for name in one.order]
    assert told[0] == ("warming", "v0")


def test_conditions_are_differences_over_the_round(clock: FakeClock) -> None:
    readings = iter(range(1000))

    def read() -> Snapshot:
        reading = next(readings)
        return Snapshot(
            load=float(reading), steal_s=reading * 0.5, involuntary_switches=reading * 2, cpu_s=None
        )

    contestants = [Contestant("v0", (Work(clock, MS),))]
    measured = measure(contestants, SHORT, clock=clock, read=read)
    first = measured.conditions[0]
    assert (first.steal_s, first.involuntary_switches, first.cpu_per_wall) == (0.5, 2, None)
    assert measured.load_start == 0.0
    assert measured.load_end == 25.0


def test_the_harness_knows_what_it_adds_to_a_call() -> None:
    assert overhead_ns(FakeClock(reading_ns=40)) == pytest.approx(80, rel=0.01)


def test_extras_take_turns_with_the_rest_and_are_no_rows(clock: FakeClock) -> None:
    copied = Contestant("copy", (Work(clock, 2 * MS),), items=100)
    measured = measure(
        [Contestant("v0", (Work(clock, MS),))], SHORT, extras=[copied], clock=clock, read=quiet
    )
    assert list(measured.samples_ns) == ["v0"]
    assert list(measured.items) == ["v0"]
    assert [block.size for block in measured.extras_ns["copy"]] == [25] * 12
    assert all("copy" in condition.order for condition in measured.conditions)


def test_an_extra_that_raises_is_named_and_the_rows_go_on(clock: FakeClock) -> None:
    broken = Contestant("copy", (Work(clock, MS, fails_at=100),))
    measured = measure(
        [Contestant("v0", (Work(clock, MS),))], SHORT, extras=[broken], clock=clock, read=quiet
    )
    assert measured.failed == {"copy": "ValueError: the model broke"}
    assert measured.extras_ns == {}
    assert len(measured.samples_ns["v0"]) == 12


def test_no_round_is_run_for_the_sake_of_extras(clock: FakeClock) -> None:
    contestants = [Contestant("v0", (Work(clock, MS, fails_at=1),))]
    extra = Contestant("copy", (Work(clock, MS),))
    measured = measure(contestants, SHORT, extras=[extra], clock=clock, read=quiet)
    assert measured.rounds == 0


def test_an_extra_that_stays_blunt_does_not_hold_up_the_end(clock: FakeClock) -> None:
    protocol = replace(SHORT, rounds_min=12, rounds_max=None, budget_s=60.0, precision=0.01)
    blunt = Contestant("copy", (Work(clock, lambda made: MS * (1 + made // 62 % 2)),))
    contestants = [Contestant("v0", (Work(clock, MS),))]
    measured = measure(contestants, protocol, extras=[blunt], clock=clock, read=quiet)
    assert measured.rounds == 12


def test_the_rows_of_extras_cannot_be_taken_for_variants(clock: FakeClock) -> None:
    same = Contestant("v0", (Work(clock, MS),))
    with pytest.raises(UsageError, match="told apart: v0"):
        measure([same], SHORT, extras=[same], clock=clock, read=quiet)


def test_rounds_tell_how_long_they_took(clock: FakeClock) -> None:
    measured = _measure(clock, Work(clock, MS))
    # Two blocks of 50 ms, the twin's among them, and two calls before each.
    assert {condition.wall_s for condition in measured.conditions} == {0.104}
    assert measured.spent_s == pytest.approx(12 * 0.104)


def test_a_second_copy_of_the_baseline_is_what_the_twin_runs(clock: FakeClock) -> None:
    copy = Work(clock, 2 * MS)
    contestants = [Contestant("v0", (Work(clock, MS),))]
    measured = measure(
        contestants, SHORT, twin=Contestant("copy", (copy,)), clock=clock, read=quiet
    )
    assert {int(block.max()) for block in measured.twin_ns} == {2 * MS}


@pytest.mark.parametrize(
    ("names", "baseline", "says"),
    [
        ([], None, "nothing to time"),
        (["a", "a"], None, "told apart: a"),
        (["a", "b"], "c", "no variant c"),
    ],
)
def test_contestants_that_contradict_each_other_are_refused(
    names: list[str], baseline: str | None, says: str
) -> None:
    contestants = [Contestant(name, (int,)) for name in names]
    with pytest.raises(UsageError, match=says):
        measure(contestants, SHORT, baseline=baseline)


def test_a_protocol_without_an_end_is_refused() -> None:
    with pytest.raises(UsageError, match="without an end"):
        Protocol(rounds_min=30, rounds_max=None, budget_s=None)

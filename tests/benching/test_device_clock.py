"""What a device says of calls, by a clock that stands for it: no device is here."""

from __future__ import annotations

from itertools import count

import pytest
import torch
from torch import nn

import toolkit
from tests.timing.recorded import a_set, around
from toolkit import results
from toolkit.benching import device_clock
from toolkit.benching.device_clock import ENOUGH_US, LEAST_CALLS, UNTIMED_CALLS, on_device
from toolkit.benching.merging import Gathered, merged
from toolkit.benching.values import OnDevice, Row, SetOfRounds
from toolkit.errors import RunError
from toolkit.options import BenchOptions, Cell
from toolkit.timing.calls import Call, Contestant


class Clock:
    """A device on which a call takes `call_us`; what is held grows by 100 bytes at each look."""

    def __init__(self, call_us: float = 21.0) -> None:
        self.call_us = call_us
        self.launched = 0
        self.held = count(1_000, 100)
        self.forgotten = 0

    def record(self) -> object:
        return self.launched

    def elapsed_us(self, start: object, end: object) -> float:
        assert isinstance(start, int)
        assert isinstance(end, int)
        return (end - start) * self.call_us

    def held_bytes(self) -> int:
        return next(self.held)

    def forget_peak(self) -> None:
        self.forgotten += 1

    def peak_bytes(self) -> int:
        return 5_000

    def launch(self) -> None:
        self.launched += 1


def contestant(name: str, clock: Clock) -> Contestant:
    return Contestant(name, (clock.launch,), launching=lambda: clock.launch)


@pytest.mark.parametrize(
    ("call_us", "calls"), [(21.0, 1_000), (200.0, ENOUGH_US / 200), (90_000.0, LEAST_CALLS)]
)
def test_a_block_of_calls_is_looked_at_on_the_device(call_us: float, calls: float) -> None:
    clock = Clock(call_us)
    found = on_device([contestant("eager", clock)], {}, clock, lambda _: None)
    assert found["eager"].p50_us == call_us
    assert clock.launched == UNTIMED_CALLS + calls


def test_the_peak_is_what_loading_took_and_what_a_call_takes_on_top() -> None:
    clock = Clock()
    turns: list[str] = []
    found = on_device([contestant("eager", clock)], {"eager": 300}, clock, turns.append)
    assert found["eager"].peak_bytes == 300 + 5_000 - 1_000
    assert clock.forgotten == 1
    assert turns == ["eager"]


def test_what_the_device_does_not_see_or_refuses_has_no_figure() -> None:
    def refuses() -> Call:
        raise RunError("it cannot be captured")

    own = [Contestant("onnx", (int,)), Contestant("cuda-graph", (int,), launching=refuses)]
    assert on_device(own, {}, Clock(), lambda _: None) == {}


def test_a_table_has_the_devices_figures_of_what_torch_runs_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("toolkit.benching.rounds.clock_of", lambda _: Ticking())
    eager, onnx, trace = benched("eager", "onnx", "trace")
    assert (onnx.device_p50_us, onnx.device_peak_bytes) == (None, None)
    for row in (eager, trace):
        assert row.device_p50_us == 7.0
        assert row.device_peak_bytes is not None
        assert row.p50_us != 7.0


def test_on_the_cpu_there_are_none() -> None:
    assert device_clock.clock_of("cpu") is None
    assert [one.device_p50_us for one in benched("eager")] == [None]


@pytest.mark.cuda
def test_a_gpu_tells_the_time_and_the_memory_of_what_torch_runs_on_it() -> None:
    clock = device_clock.CudaClock("cuda:0")
    square = torch.ones(1_024, 1_024, device="cuda:0")
    multiply = Contestant("matmul", (int,), launching=lambda: lambda: square @ square)
    found = on_device([multiply], {"matmul": square.nbytes}, clock, lambda _: None)["matmul"]
    assert found.p50_us > 0
    assert found.peak_bytes >= 2 * square.nbytes


class Ticking(Clock):
    """A device on which 7 µs lie between any two marks."""

    def elapsed_us(self, start: object, end: object) -> float:
        del start, end
        return 7.0


def benched(*variants: str) -> list[results.Variant]:
    options = BenchOptions(variants=variants, preset="quick")
    (comparison,) = toolkit.bench(nn.Linear(4, 3), inputs={"input": "batch,4"}, options=options)
    return comparison.variants


def test_the_sets_of_a_table_give_the_median_time_and_the_largest_peak() -> None:
    row = Row("net", "eager", None, "eager", "float32", 1, 1, "trained")
    said = [OnDevice(30.0, 10), OnDevice(10.0, 30), OnDevice(20.0, 20)]
    sets = [
        SetOfRounds(
            a_set({"eager": around(100.0, seed)}, around(100.0, seed + 50)),
            {"eager": row},
            on_device={"eager": one},
        )
        for seed, one in enumerate(said)
    ]
    (eager,) = merged(Gathered(BenchOptions(), Cell(), sets)).variants
    assert (eager.device_p50_us, eager.device_peak_bytes) == (20.0, 30)

"""A graph that would run on the CPU in place of the device asked for is refused, not timed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import onnxruntime
import pytest
from torch import nn

import toolkit
from toolkit import pipeline, results
from toolkit.errors import REFUSED, RefusedError
from toolkit.options import BenchOptions
from toolkit.outcome import Outcome
from toolkit.stages.subject import prepare
from toolkit.words import ModelWords

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
NAMED = "no node of the graph on CUDAExecutionProvider"


@dataclass(frozen=True)
class Part:
    """What onnxruntime tells of one provider's share of a graph."""

    ep_name: str
    nodes: int

    def get_nodes(self) -> Sequence[object]:
        return range(self.nodes)


class Session:
    """A session that says it is of CUDA, with so many nodes on either provider."""

    def __init__(self, real: Any, on_cuda: int, on_cpu: int) -> None:
        self._real = real
        self._parts = [Part(CUDA, on_cuda), Part(CPU, on_cpu)]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def get_providers(self) -> list[str]:
        return [CUDA, CPU]

    def get_provider_graph_assignment_info(self) -> list[Part]:
        return [part for part in self._parts if part.nodes]


def asked_for(device: str) -> list[tuple[str, dict[str, str]]]:
    del device
    return [(CUDA, {}), (CPU, {})]


Placed = Callable[[int, int], None]


@pytest.fixture
def placed(monkeypatch: pytest.MonkeyPatch) -> Placed:
    """Every session from now on is asked for CUDA, and places its nodes so."""
    real = partial(onnxruntime.InferenceSession, providers=[CPU])

    def place(on_cuda: int, on_cpu: int) -> None:
        def opened(path: str, *, sess_options: object, providers: object) -> Session:
            assert providers == asked_for("cuda")
            return Session(real(path, sess_options=sess_options), on_cuda, on_cpu)

        monkeypatch.setattr("toolkit.runtimes.onnxruntime.execution_providers", asked_for)
        monkeypatch.setattr(onnxruntime, "InferenceSession", opened)

    return place


def checked() -> results.CheckResult:
    (row,) = toolkit.check(nn.Linear(4, 3), inputs={"input": "batch,4"}, formats=("onnx",))
    return row


def test_a_check_refuses_a_graph_of_which_no_node_is_on_the_device(placed: Placed) -> None:
    placed(0, 5)
    row = checked()
    assert (row.status, row.cases) == ("refused", 0)
    assert [one.name for one in row.findings] == ["fallback"]
    assert NAMED in row.findings[0].message
    assert Outcome(checked=[row]).exit_code() == REFUSED


def test_a_check_takes_a_graph_of_which_one_node_is_on_the_device(placed: Placed) -> None:
    placed(1, 4)
    assert checked().status == "pass"


def test_a_bench_does_not_time_a_graph_of_which_no_node_is_on_the_device(placed: Placed) -> None:
    placed(0, 5)
    subject = prepare(ModelWords("lenet5", weights="random"))
    options = BenchOptions(("eager", "onnx"), preset="quick")
    row, comparison = pipeline.bench([subject], options)
    assert isinstance(row, results.CheckResult)
    assert isinstance(comparison, results.Comparison)
    assert NAMED in row.findings[0].message
    assert [one.verdict == "not timed" for one in comparison.variants] == [False, True]
    assert Outcome(checked=[row], benched=[comparison]).exit_code() == REFUSED


def test_a_baseline_that_would_fall_back_is_refused(placed: Placed) -> None:
    placed(0, 5)
    subject = prepare(ModelWords("lenet5", weights="random"))
    options = BenchOptions(("eager",), baseline="onnx", preset="quick")
    with pytest.raises(RefusedError, match="parity: refused") as raised:
        list(pipeline.bench([subject], options))
    assert raised.value.exit_code == REFUSED

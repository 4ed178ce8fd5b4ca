"""Latency tables made in this process: what is lined up, what is judged, what is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

import toolkit
from toolkit import results
from toolkit.errors import UNJUDGED, RunError, UsageError
from toolkit.events import Progress
from toolkit.options import BenchOptions
from toolkit.runtimes.base import Array, Arrays, Runner, RunOptions
from toolkit.variants import Source, Variant, trace_frozen
from toolkit.variants.trace_frozen import VARIANT

INPUTS = {"x": "batch,4"}


class Base(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.inner(x))


class Wider(Base):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 64)


def timed(
    models: nn.Module | list[nn.Module], *variants: str, **more: object
) -> results.Comparison:
    options = BenchOptions(variants=variants, preset="quick", **more)  # type: ignore[arg-type]
    (comparison,) = toolkit.bench(models, inputs=INPUTS, options=options)
    return comparison


def test_models_are_one_comparison_with_the_first_ones_eager_as_its_baseline() -> None:
    comparison = timed([Base(), Wider()], "eager", "trace")
    rows = [(one.model, one.variant) for one in comparison.variants]
    assert rows == [("Base", "eager"), ("Base", "trace"), ("Wider", "eager"), ("Wider", "trace")]
    assert comparison.baseline == "Base eager"
    assert all(one.speedup is not None for one in comparison.variants)


def loads(seed: int) -> tuple[list[str], list[str]]:
    """What is loaded in a process of this seed, in its order; and the rows that come of it."""
    told: list[Progress] = []
    options = BenchOptions(("eager", "trace", "pt2", "onnx"), preset="quick")
    (comparison,) = toolkit.bench(
        Base(), inputs=INPUTS, options=options, seed=seed, observe=told.append
    )
    named = [one for one in told if one.stage == "bench" and one.form is not None]
    order = [str(one.form) for one in named if "warm-up" not in one.detail]
    return order, [one.variant for one in comparison.variants]


def test_the_seed_of_a_set_decides_in_which_order_its_process_loads() -> None:
    found = [loads(seed) for seed in (0, 0, 1, 2)]
    orders = [order for order, _ in found]
    assert orders[0] == orders[1]
    assert len({tuple(order) for order in orders}) > 1
    for order, rows in found:
        assert sorted(order) == ["eager", "eager", "onnx", "pt2", "trace"]  # the twin is one more
        assert rows == ["eager", "trace", "pt2", "onnx"]


class Seeing(Base):
    """Tells in which precision float32 products are computed while it runs."""

    seen: ClassVar[list[str]] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(torch.get_float32_matmul_precision())
        return super().forward(x)


@pytest.fixture
def _lax() -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    yield
    torch.set_float32_matmul_precision(before)


@pytest.mark.usefixtures("_lax")
def test_all_are_timed_in_the_precision_that_they_were_judged_in() -> None:
    """What a user's code chose for torch would be no choice of onnxruntime's."""
    Seeing.seen.clear()
    comparison = timed(Seeing(), "eager", "eager+channels_last")
    assert comparison.settings["float32_matmul_precision"] == "highest"
    blocks = sum(one.calls for one in comparison.variants)
    assert Seeing.seen.count("highest") > blocks > Seeing.seen.count("medium")
    assert torch.get_float32_matmul_precision() == "medium"


def test_a_row_has_what_its_runner_says(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass(frozen=True)
    class Remarking(Variant):
        def load(self, source: Source, options: RunOptions) -> Runner:
            runner = VARIANT.load(source, options)
            runner.note = "parts were left to eager"  # type: ignore[attr-defined]
            return runner

    own = Remarking(VARIANT.name, VARIANT.summary, VARIANT.runtime, VARIANT.format)
    monkeypatch.setattr(trace_frozen, "VARIANT", own)
    eager, onnx, frozen = timed(Base(), "eager", "onnx", "trace-frozen").variants
    assert (eager.placed, onnx.placed, frozen.placed) == (None, 1.0, None)
    assert (eager.note, onnx.note, frozen.note) == (None, None, "parts were left to eager")


def test_models_of_one_name_are_each_judged_by_themselves() -> None:
    """A variant that is more than a form has the eager module of its own model to agree with."""
    first, second = Base(), Base()
    comparison = timed([first, second], "eager", "trace-frozen")
    assert [one.verdict == "not timed" for one in comparison.variants] == [False] * 4
    wider = type("Base", (Wider,), {"__init__": Wider.__init__})()
    works = [one.work for one in timed([first, wider], "eager").variants]
    assert [one.flops for one in works if one is not None] == [2 * 4 * 3, 2 * 4 * 64]


def test_a_model_may_be_compared_with_itself() -> None:
    model = Base()
    comparison = timed([model, model], "eager")
    assert [one.model for one in comparison.variants] == ["Base", "Base"]
    assert all(len(one.samples_ns) == comparison.rounds for one in comparison.variants)


def test_a_table_tells_what_a_call_has_to_do_and_what_the_machine_can() -> None:
    comparison = timed(Base(), "eager", "onnx")
    (ceiling,) = comparison.ceilings
    assert ceiling.flops_per_s
    assert ceiling.bytes_per_s
    assert (ceiling.threads, ceiling.dtype) == (1, "float32")
    for one in comparison.variants:
        assert one.work is not None
        assert one.work.flops == 2 * 4 * 3
        assert one.roof_percent is not None


def test_threads_and_batches_are_a_table_each() -> None:
    options = BenchOptions(("eager",), batches=(1, 3), threads=(1, 2), preset="quick")
    tables = toolkit.bench(Base(), inputs=INPUTS, options=options)
    cells = [(one.variants[0].threads, one.variants[0].batch) for one in tables]
    assert cells == [(1, 1), (1, 3), (2, 1), (2, 3)]


def test_a_variant_of_a_form_has_a_score_of_its_own() -> None:
    comparison = timed(Base(), "eager", "trace", "trace-frozen")
    _, trace, frozen = comparison.variants
    assert trace.parity_score is not None
    assert frozen.parity_score is not None
    assert frozen.size_bytes == trace.size_bytes


def test_what_needs_a_process_of_its_own_says_so() -> None:
    _, spinning = timed(Base(), "eager", "onnx-spin").variants
    assert spinning.verdict == "not timed"
    assert spinning.note == "it needs a process of its own"


@dataclass(frozen=True)
class _Wrong:
    """A runner whose values are off."""

    inner: Runner

    inputs = None
    outputs = None

    def run(self, inputs: Arrays) -> dict[str, Array]:
        return {name: array * 1.01 for name, array in self.inner.run(inputs).items()}

    def prepare(self, inputs: Arrays) -> Callable[[], object]:
        return self.inner.prepare(inputs)


@dataclass(frozen=True)
class _Broken(Variant):
    def load(self, source: Source, options: RunOptions) -> Runner:
        return _Wrong(VARIANT.load(source, options))


def test_a_variant_that_computes_something_else_is_not_timed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = _Broken(VARIANT.name, VARIANT.summary, VARIANT.runtime, VARIANT.format)
    monkeypatch.setattr(trace_frozen, "VARIANT", broken)
    eager, frozen = timed(Base(), "eager", "trace-frozen").variants
    assert eager.verdict != "not timed"
    assert frozen.verdict == "not timed"
    assert "trace-frozen" in str(frozen.note)


def test_a_baseline_that_is_not_right_could_not_be_judged_and_is_no_wrong_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = _Broken(VARIANT.name, VARIANT.summary, VARIANT.runtime, VARIANT.format)
    monkeypatch.setattr(trace_frozen, "VARIANT", broken)
    with pytest.raises(RunError, match="trace-frozen") as raised:
        timed(Base(), "eager", baseline="trace-frozen")
    assert raised.value.exit_code == UNJUDGED


def test_without_its_baseline_nothing_is_compared() -> None:
    narrow = replace(BenchOptions(("eager",), preset="quick"), batches=(9,))
    with pytest.raises(UsageError, match="batch 9 is out of the model's range"):
        toolkit.bench(Base(), inputs=INPUTS, dims={"batch": "1..4"}, options=narrow)

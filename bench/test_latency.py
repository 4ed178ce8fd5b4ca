"""Latencies of the catalogue, for pytest-benchmark and whatever reads its files.

    pytest bench/ --benchmark-only [--models lenet5,lstm] [--variants eager,onnx]
        [--device cpu,cuda] [--batch 1,8] [--threads 1,2]

A group a model, a benchmark a runtime, device, batch and number of threads. Nothing is interleaved
here: `toolkit bench` gives ratios that hold on a shared machine, this gives what tools that know
pytest-benchmark expect.
"""

from __future__ import annotations

from itertools import cycle

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.conftest import Judged


def test_latency(benchmark: BenchmarkFixture, judged: Judged, variant: str) -> None:
    row, contestant = judged.entries[variant]
    verdict = judged.verdicts.get(variant, "pass" if row.format is None else None)
    assert verdict != "fail", f"{row.note}, score {row.parity_score}"
    if contestant is None:
        pytest.skip(f"not timed: {row.note or 'it needs a process of its own'}")
    assert verdict == "pass", "only what was judged right is timed"
    benchmark.group = judged.name
    benchmark.extra_info.update(
        model=judged.name,
        variant=variant,
        runtime=row.runtime,
        device=judged.cell.device,
        batch=row.batch,
        threads=row.threads,
        weights=row.weights,
        parity_score=row.parity_score,
    )
    buffers = cycle(contestant.calls)

    def call() -> object:
        return next(buffers)()

    benchmark(call)

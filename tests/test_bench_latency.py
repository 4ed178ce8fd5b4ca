"""What `pytest bench/` lines up: saved runs are compared by the names of its items."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_an_item_is_called_by_its_model_device_batch_threads_and_variant() -> None:
    lists = ("--device", "cpu,cuda", "--batch", "1,8", "--threads", "2", "--variants", "eager,onnx")
    words = ("bench/", "--collect-only", "-q", "-p", "no:cacheprovider", "--models", "lenet5")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, *lists],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line for line in done.stdout.splitlines() if "test_latency" in line]
    names = {line.partition("[")[2].rstrip("]") for line in lines}
    assert len(names) == len(lines) == 8
    assert {
        f"lenet5-{device}-batch{batch}-threads2-{variant}"
        for device in ("cpu", "cuda")
        for batch in (1, 8)
        for variant in ("eager", "onnx")
    } == names

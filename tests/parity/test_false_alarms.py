"""The judge raises no alarm by luck: single-output networks, whose noise is one number."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import nn

from toolkit import formats, runtimes
from toolkit.parity.plan import plan
from toolkit.parity.referring import refer
from toolkit.parity.verdict import judge
from toolkit.probing import complete
from toolkit.runtimes.base import RunOptions
from toolkit.spec import ModelSpec, Port
from toolkit.weights import Built, WeightsRecord

SEEDS = 200
INPUT = (Port("input", ("batch", 784)),)


def linear(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Linear(784, 1).eval()


def with_weights_of(module: nn.Module, exported: onnx.ModelProto, path: Path) -> Path:
    """The exported graph with another seed's weights: what a fresh export of it would hold."""
    state = {name: value.numpy() for name, value in module.state_dict().items()}
    for entry in exported.graph.initializer:
        if entry.name in state:
            entry.CopyFrom(numpy_helper.from_array(state[entry.name], entry.name))
    onnx.save(exported, path)
    return path


def test_two_hundred_right_single_output_networks_all_pass(tmp_path: Path) -> None:
    first = linear(0)
    spec = complete(ModelSpec("single", lambda: first, INPUT), first)
    exporter = formats.get("onnx")
    made = exporter.export(Built(spec, first, WeightsRecord("random", "")), tmp_path / "0.onnx")
    exported = onnx.load(made.path)
    assert {entry.name for entry in exported.graph.initializer} >= {"weight", "bias"}
    scores = []
    for seed in range(SEEDS):
        module = linear(seed)
        path = with_weights_of(module, exported, tmp_path / "seed.onnx")
        runner = runtimes.runtime_for("onnx").load(path, spec, RunOptions(threads=1))
        verdict = judge(refer(module, spec, plan(spec)), runner)
        assert verdict.status == "pass", f"seed {seed}: {verdict.findings}"
        assert verdict.score is not None
        scores.append(verdict.score)
    assert len(scores) == SEEDS
    assert max(scores) < 30
    assert max(scores) > 0  # onnxruntime adds in another order: a zero would mean eager ran twice

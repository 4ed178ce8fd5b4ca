"""torch's RNN becomes ONNX's, in every variant, and runs at times that were never traced."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from toolkit import formats, runtimes
from toolkit.inputs import draw
from toolkit.runtimes import eager
from toolkit.runtimes.base import RunOptions
from toolkit.spec import ModelSpec, Port
from toolkit.weights import Built, WeightsRecord

OPTIONS = RunOptions(threads=1)
SIZES = [{"time": time, "batch": batch} for time, batch in itertools.product((1, 2, 4), (1, 3))]
VARIANTS: dict[str, dict[str, Any]] = {
    "tanh": {},
    "relu": {"nonlinearity": "relu"},
    "three-layers-batch-first": {"num_layers": 3, "batch_first": True},
    "bidirectional": {"num_layers": 2, "bidirectional": True},
    "relu-without-bias": {"nonlinearity": "relu", "bidirectional": True, "bias": False},
}


class Rnn(nn.Module):
    def __init__(self, arguments: dict[str, Any]) -> None:
        super().__init__()
        self.rnn = nn.RNN(4, 6, **arguments)

    def forward(self, x: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
        output, hidden = self.rnn(x, h0)
        return output, hidden


def built(arguments: dict[str, Any]) -> Built:
    torch.manual_seed(0)
    module = Rnn(arguments).eval()
    directions = 2 if module.rnn.bidirectional else 1
    states = module.rnn.num_layers * directions
    axes = ("batch", "time") if module.rnn.batch_first else ("time", "batch")
    spec = ModelSpec(
        "rnn_variant",
        lambda: module,
        (Port("x", (*axes, 4)), Port("h0", (states, "batch", 6))),
        outputs=(Port("output", (*axes, 6 * directions)), Port("hn", (states, "batch", 6))),
    )
    return Built(spec, module, WeightsRecord("random", ""))


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_rnn_is_exported_as_one_operator_a_layer_and_runs_at_any_time(
    variant: str, tmp_path: Path
) -> None:
    model = built(VARIANTS[variant])
    exported = formats.get("onnx").export(model, tmp_path / "model.onnx")
    operators = [node.op_type for node in onnx.load(exported.path).graph.node]
    assert operators.count("RNN") == VARIANTS[variant].get("num_layers", 1)
    runner = runtimes.runtime_for("onnx").load(exported.path, model.spec, OPTIONS)
    reference = eager.load(model, OPTIONS)
    for seed, sizes in enumerate(SIZES):
        arrays = draw(model.spec, sizes, seed)
        wanted, found = reference.run(arrays), runner.run(arrays)
        for name, value in wanted.items():
            np.testing.assert_allclose(found[name], value, atol=1e-6, rtol=1e-5)


class Cells(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTMCell(4, 6)
        self.gru = nn.GRUCell(6, 6)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        hidden, cell = self.lstm(x, (h, c))
        return self.gru(hidden, h), cell


@pytest.mark.parametrize("format_name", ["onnx", "pt2"])
def test_cells_keep_a_batch_of_one(format_name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = Cells().eval()
    ports = (Port("x", ("batch", 4)), Port("h", ("batch", 6)), Port("c", ("batch", 6)))
    states = (Port("hidden", ("batch", 6)), Port("cell", ("batch", 6)))
    model = Built(
        ModelSpec("cells", lambda: module, ports, outputs=states),
        module,
        WeightsRecord("random", ""),
    )
    exporter = formats.get(format_name)
    path = exporter.export(model, tmp_path / exporter.filename).path
    runner = runtimes.runtime_for(format_name).load(path, model.spec, OPTIONS)
    for batch in (1, 2, 5):
        arrays = draw(model.spec, {"batch": batch}, seed=batch)
        wanted = eager.load(model, OPTIONS).run(arrays)
        for name, value in runner.run(arrays).items():
            np.testing.assert_allclose(value, wanted[name], atol=1e-6, rtol=1e-5)

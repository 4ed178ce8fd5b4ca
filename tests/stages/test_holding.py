"""The numbers that a form holds go by the names of the module's, in every format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from toolkit import formats, runtimes
from toolkit.runtimes.base import RunOptions
from toolkit.stages.holding import held
from toolkit.stages.subject import of_module
from toolkit.words import ModelWords


class Net(nn.Module):
    """A convolution with its normalisation, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(1, 3, 3)
        self.norm = nn.BatchNorm2d(3)
        self.head = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.head(torch.relu(self.norm(self.conv(x))).mean((2, 3)))
        return y


@pytest.mark.parametrize("name", ["onnx", "onnx-legacy", "pt2", "trace", "script"])
def test_every_format_keeps_the_names_of_the_parameters(name: str, tmp_path: Path) -> None:
    module = Net().eval()
    subject = of_module(module, ModelWords("Net", inputs=("x=batch,1,6,6",)))
    exporter = formats.get(name)
    path = exporter.export(subject.built, tmp_path / exporter.filename).path
    runner = runtimes.runtime_for(name).load(path, subject.spec, RunOptions())
    found = dict(held(path, getattr(runner, "module", None)))
    for own in ("head.weight", "head.bias"):
        expected = module.get_parameter(own).detach().numpy()
        assert np.array_equal(found[own], expected)


def test_weights_beside_an_onnx_file_are_read_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnx

    module = Net().eval()
    subject = of_module(module, ModelWords("Net", inputs=("x=batch,1,6,6",)))
    path = formats.get("onnx").export(subject.built, tmp_path / "model.onnx").path
    beside = tmp_path / "beside" / "model.onnx"
    beside.parent.mkdir()
    onnx.save(onnx.load(path), beside, save_as_external_data=True, size_threshold=0)
    monkeypatch.chdir(tmp_path)
    found = dict(held(beside, None))
    assert np.array_equal(found["head.weight"], module.head.weight.detach().numpy())


def test_what_keeps_no_names_holds_nothing() -> None:
    assert list(held(None, object())) == []

"""Models of torch, exported and counted: by the graph, by torch's counter, and as published."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor, nn

from toolkit import formats, registry, weights
from toolkit.operations import Work, work_of
from toolkit.spec import BATCH, ModelSpec, Port
from toolkit.weights import Built, WeightsRecord

GIGA = 1e9
HALF_A_DIGIT = 0.0005
"""Published figures are rounded to a thousandth of a billion."""


class Attends(nn.Module):
    """One layer of attention over four heads."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(32, 96)

    def forward(self, x: Tensor) -> Tensor:
        queries, keys, values = self.layer(x).unflatten(-1, (3, 4, 8)).permute(2, 0, 3, 1, 4)
        return nn.functional.scaled_dot_product_attention(queries, keys, values)


class Convolves(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(
            6, 9, (3, 5), stride=(2, 1), padding=(4, 2), dilation=(3, 1), groups=3
        )
        self.up = nn.ConvTranspose2d(9, 6, 4, stride=2, padding=1, groups=3)

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.up(torch.relu(self.down(x)))
        return answer


class Remembers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.LSTM(5, 7, num_layers=2, bidirectional=True)

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.layer(x)[0]
        return answer


class Raises(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise RuntimeError(f"not today, not of {x.shape}")


def spec_of(build: Callable[[], nn.Module], given: Port, taken: Port) -> ModelSpec:
    return ModelSpec(build.__name__.lower(), build, (given,), (taken,))


ATTENDS = spec_of(Attends, Port("x", (BATCH, 6, 32)), Port("y", (BATCH, 4, 6, 8)))
CONVOLVES = spec_of(Convolves, Port("x", (BATCH, 6, 12, 9)), Port("y", (BATCH, 6, 14, 18)))
REMEMBERS = spec_of(Remembers, Port("x", ("time", BATCH, 5)), Port("y", ("time", BATCH, 14)))
TANH = spec_of(nn.Tanh, Port("x", (BATCH, 3)), Port("y", (BATCH, 3)))


def counted(spec: ModelSpec, folder: Path, **sizes: int) -> Work:
    """The work at these sizes, by the graph that the `onnx` format writes and by torch."""
    module = weights.construct(spec, 0).eval()
    path = folder / "model.onnx"
    formats.get("onnx").export(Built(spec, module, WeightsRecord("random", "", 0)), path)
    work = work_of(spec, sizes, path=path, module=module)
    assert work is not None
    return work


def test_attention_and_the_product_before_it_are_counted_alike(tmp_path: Path) -> None:
    work = counted(ATTENDS, tmp_path, batch=3)
    projected = 2 * 3 * 6 * 32 * 96
    attended = 2 * 2 * 3 * 4 * 6 * 6 * 8
    assert work.flops == work.torch_flops == projected + attended
    scale = 1  # of the scores, a list of one number
    assert work.bytes == 4 * (32 * 96 + 96 + scale + 3 * 6 * 32 + 3 * 4 * 6 * 8)


def test_grouped_and_transposed_convolutions_are_counted_alike(tmp_path: Path) -> None:
    work = counted(CONVOLVES, tmp_path, batch=2)
    down = 2 * (2 * 9 * 7 * 9) * (2 * 3 * 5)
    up = 2 * (2 * 9 * 7 * 9) * (2 * 4 * 4)
    assert work.flops == work.torch_flops == down + up
    assert work.disagreement == 0.0


def test_layers_of_a_bidirectional_lstm_are_counted_alike(tmp_path: Path) -> None:
    work = counted(REMEMBERS, tmp_path, time=4, batch=3)
    first, second = 7 + 5, 7 + 14
    assert work.flops == work.torch_flops == 2 * 4 * 3 * 2 * 4 * 7 * (first + second)
    assert work.source == "the exported graph; torch's counter agrees"


def test_counts_that_differ_are_both_told(tmp_path: Path) -> None:
    spec = registry.catalogue()["linear"]
    sizes = spec.traced_sizes
    path = tmp_path / "model.onnx"
    built = Built(spec, weights.construct(spec, 0).eval(), WeightsRecord("random", "", 0))
    formats.get("onnx").export(built, path)
    twice = nn.Sequential(built.module, nn.Linear(3, 3))
    work = work_of(spec, sizes, path=path, module=twice)
    assert work is not None
    assert work.torch_flops is not None
    assert work.flops < work.torch_flops
    assert work.disagreement is not None
    assert work.disagreement > 0.03
    assert work.source == f"the exported graph; torch's counter over eager says {work.torch_flops}"


def test_without_a_file_torch_counts_and_the_source_says_so() -> None:
    spec = registry.catalogue()["linear_20_30"]
    work = work_of(spec, {BATCH: 128}, module=weights.construct(spec, 0).eval())
    assert work is not None
    assert work.flops == work.torch_flops == 2 * 128 * 20 * 30
    assert work.bytes == 4 * (20 * 30 + 30 + 128 * 20 + 128 * 30)
    assert work.source == "torch's counter over eager: there is no ONNX file"


def test_a_broken_file_leaves_torchs_count_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"no graph at all")
    work = work_of(TANH, {BATCH: 2}, path=path, module=nn.Tanh())
    assert work is not None
    assert work.source.startswith("torch's counter over eager: the ONNX file cannot be followed:")


def test_a_module_that_raises_and_no_file_leave_nothing_to_count() -> None:
    assert work_of(TANH, {BATCH: 2}, module=Raises()) is None


def test_a_module_that_raises_leaves_the_graphs_count(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    built = Built(TANH, nn.Tanh().eval(), WeightsRecord("random", "", 0))
    formats.get("onnx").export(built, path)
    work = work_of(TANH, {BATCH: 2}, path=path, module=Raises())
    assert work == Work(0, 48, None, "the exported graph; torch's counter could not count")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["alexnet", "resnet18", "resnet50", "vgg16"])
def test_published_networks_have_the_operations_that_torchvision_says(
    name: str, tmp_path: Path
) -> None:
    spec = registry.catalogue()[name]
    sizes = dict.fromkeys(spec.traced_sizes, 224) | {BATCH: 1}
    work = counted(spec, tmp_path, **sizes)
    published = torchvision.models.get_model_weights(name)["IMAGENET1K_V1"].meta["_ops"]
    assert abs(work.flops / 2 / GIGA - published) <= HALF_A_DIGIT
    assert work.torch_flops == work.flops

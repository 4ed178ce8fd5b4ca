"""What variants do on CUDA: against a stand-in for the device, and on a GPU where there is one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.variants import sources
from toolkit import variants
from toolkit.benching.rounds import settings_of
from toolkit.errors import RunError
from toolkit.parity.tf32 import without_tf32
from toolkit.runtimes import devices, eager
from toolkit.runtimes.base import RunOptions
from toolkit.runtimes.torch_modules import ModuleRunner
from toolkit.variants import device_graphs

OPTIONS = RunOptions(threads=1)


class Stream:
    """One stream of the device, which does what it is told at once."""

    def __init__(self, log: list[str]) -> None:
        self.log = log

    def wait_stream(self, other: object) -> None:
        assert isinstance(other, Stream)
        self.log.append("wait")


class Device:
    """Stands for torch.cuda: what is captured is what was called, and runs again on a launch."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def replay(self) -> None:
        self.log.append("replay")

    @contextlib.contextmanager
    def capture(self, graph: object) -> Iterator[None]:
        assert graph is self
        self.log.append("capture")
        yield
        self.log.append("captured")


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    made = Device()
    nothing: Callable[[object], Any] = lambda _: contextlib.nullcontext()  # noqa: E731
    parts: dict[str, object] = {
        "Stream": lambda: Stream(made.log),
        "current_stream": lambda: Stream(made.log),
        "CUDAGraph": lambda: made,
        "graph": made.capture,
        "stream": nothing,
        "device": nothing,
        "synchronize": lambda _: made.log.append("synchronize"),
    }
    for name, part in parts.items():
        monkeypatch.setattr(torch.cuda, name, part)
    return made


class Told(nn.Module):
    """Tells the device of each call."""

    def __init__(self, module: nn.Module, log: list[str]) -> None:
        super().__init__()
        self.module = module
        self.log = log

    def forward(self, *tensors: torch.Tensor) -> object:
        self.log.append("call")
        return self.module(*tensors)


def test_a_graph_is_captured_after_a_warm_up_and_awaited_at_each_launch(
    device: Device,
) -> None:
    of = sources.bare("nested")
    told = Told(of.built.module, device.log)
    runner = device_graphs.GraphRunner(ModuleRunner(told, of.spec, "cpu"))
    call = runner.prepare(of.inputs)
    warm_up = ["wait", *["call"] * device_graphs.WARM_UP_CALLS, "wait"]
    assert device.log == [*warm_up, "capture", "call", "captured"]
    device.log.clear()
    call()
    assert device.log == ["replay", "synchronize"]


def test_a_graph_gives_what_eager_does_by_the_same_names(device: Device) -> None:
    of = sources.bare("nested")
    runner = variants.get("cuda-graph").load(of, OPTIONS)
    found, wanted = runner.run(of.inputs), eager.load(of.built, OPTIONS).run(of.inputs)
    assert list(found) == list(wanted)
    for name, array in wanted.items():
        np.testing.assert_array_equal(found[name], array)


def test_what_cannot_be_captured_is_one_line(device: Device) -> None:
    def refuses(*tensors: torch.Tensor) -> None:
        raise RuntimeError("operation not permitted when stream is capturing\nand more")

    of = sources.bare("nested")
    runner = device_graphs.GraphRunner(ModuleRunner(refuses, of.spec, "cpu"))
    with pytest.raises(RunError, match="cannot be captured as a CUDA graph: operation not"):
        runner.prepare(of.inputs)


@pytest.mark.parametrize(("tries", "search"), [(False, "HEURISTIC"), (True, "EXHAUSTIVE")])
def test_onnxruntime_leaves_tf32_and_has_cudnn_try_out_what_torch_does(
    monkeypatch: pytest.MonkeyPatch, tries: bool, search: str
) -> None:
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", tries)
    (_, own), _ = devices.execution_providers("cuda:1")
    assert own == {"device_id": "1", "use_tf32": "0", "cudnn_conv_algo_search": search}
    printed = settings_of("cuda:1")
    assert printed["cudnn_benchmark"] == str(tries).lower()
    assert printed["cudnn_conv_algo_search"] == search.lower()


@pytest.mark.cuda
@pytest.mark.parametrize("word", ["eager", "eager+channels_last", "trace", "pt2", "cuda-graph"])
def test_a_variant_computes_on_cuda_what_eager_does(word: str) -> None:
    of = sources.bare("nested")
    wanted = eager.load(of.built, OPTIONS).run(of.inputs)
    chosen = variants.parse(word)
    with without_tf32():
        runner = chosen.variant.load(of, chosen.options("cuda", 1))
        found = runner.run(of.inputs)
        with torch.inference_mode():
            runner.prepare(of.inputs)()
    assert list(found) == list(wanted)
    for name, array in wanted.items():
        np.testing.assert_allclose(found[name], array, atol=1e-4)

"""CUDA graphs: the kernels of one call, captured once and launched together."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from toolkit.errors import RunError
from toolkit.flattening import flatten
from toolkit.inputs import to_array
from toolkit.reasons import reason
from toolkit.runtimes import eager
from toolkit.runtimes.base import Array, Arrays, RunOptions
from toolkit.runtimes.torch_modules import ModuleRunner
from toolkit.variants.base import Source

WARM_UP_CALLS = 3
"""Calls on a side stream before a capture, as PyTorch's notes on CUDA graphs have them."""


class GraphRunner:
    """Captures a graph for each set of inputs; a call launches it and waits for the device."""

    def __init__(self, module: ModuleRunner) -> None:
        self.module = module
        self.inputs = module.inputs
        self.outputs = module.outputs

    def run(self, inputs: Arrays) -> dict[str, Array]:
        """Named arrays in, named arrays out; raises `RunError` with torch's reason."""
        call, value = self._captured(inputs)
        call()
        names = [port.name for port in self.module.spec.outputs]
        return {name: to_array(tensor) for name, tensor in flatten(value, names).items()}

    def prepare(self, inputs: Arrays) -> Callable[[], object]:
        """A call without arguments, for timing; raises `RunError` as `run` does."""
        return self._captured(inputs)[0]

    def launching(self, inputs: Arrays) -> Callable[[], object]:
        """A call without arguments, which does not wait; raises `RunError` as `run` does."""
        graph, _ = self._graph(inputs)
        launch: Callable[[], object] = graph.replay
        return launch

    def _captured(self, inputs: Arrays) -> tuple[Callable[[], object], object]:
        graph, value = self._graph(inputs)
        return partial(_launched, graph, self.module.device), value

    def _graph(self, inputs: Arrays) -> tuple[Any, object]:
        spec, device = self.module.spec, self.module.device
        try:
            with torch.inference_mode(), torch.cuda.device(device):
                return _capture(self.module.launching(inputs))
        except Exception as error:
            raise RunError(
                f"its call cannot be captured as a CUDA graph: {reason(error)}",
                model=spec.name,
                hint="a capture takes no call that waits for the device, as .item() does",
            ) from error


def captured(source: Source, options: RunOptions) -> GraphRunner:
    """A runner for a copy of the source's module on the GPU of the options."""
    return GraphRunner(eager.load(source.built, options, own=True))


def _capture(call: Callable[[], object]) -> tuple[Any, object]:
    stream: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP_CALLS):
            call()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        value = call()
    return graph, value


def _launched(graph: Any, device: str) -> None:
    graph.replay()
    torch.cuda.synchronize(device)

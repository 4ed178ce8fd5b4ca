"""Every value that a form computes on its way from inputs to outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import fx

from toolkit.inputs import Array, to_array, to_tensors
from toolkit.runtimes.base import Runner, RunOptions

LARGEST_FILE_BYTES = 2**30
"""Larger ONNX files are not opened up."""


def values_of(
    format_name: str, path: Path, runner: Runner, inputs: Mapping[str, Array]
) -> list[Array]:
    """The floating values of a graph, inputs included, in the order in which they are computed."""
    given = [array for array in inputs.values() if np.issubdtype(array.dtype, np.floating)]
    found = _of_program(runner, inputs) if format_name == "pt2" else _of_onnx(path, runner, inputs)
    return [*given, *found]


def _of_onnx(path: Path, runner: Runner, inputs: Mapping[str, Array]) -> Iterator[Array]:
    """The file run without optimisations, every node's output an output of the graph."""
    import onnx
    import onnxruntime

    from toolkit.runtimes.onnxruntime import session_options

    if path.stat().st_size > LARGEST_FILE_BYTES:
        return
    model = onnx.load(path)
    known = {value.name for value in model.graph.output}
    names = [name for node in model.graph.node for name in node.output if name]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in known)
    session: Any = onnxruntime.InferenceSession(
        model.SerializeToString(),
        session_options(RunOptions(optimise=False)),
        providers=["CPUExecutionProvider"],
    )
    feed = {port.name: np.ascontiguousarray(inputs[port.name]) for port in runner.inputs or ()}
    for array in session.run(names, feed):
        if isinstance(array, np.ndarray) and np.issubdtype(array.dtype, np.floating):
            yield array


class _Watching(fx.Interpreter):
    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.found: list[Array] = []

    def run_node(self, n: fx.Node) -> Any:
        """As the graph has it; what comes out is kept."""
        value = super().run_node(n)
        for member in value if isinstance(value, tuple | list) else (value,):
            if isinstance(member, torch.Tensor) and member.is_floating_point():
                self.found.append(to_array(member))
        return value


def _of_program(runner: Any, inputs: Mapping[str, Array]) -> Iterator[Array]:
    watching = _Watching(runner.module)
    with torch.no_grad():
        watching.run(*to_tensors(runner.spec, inputs, device=runner.device))
    yield from watching.found

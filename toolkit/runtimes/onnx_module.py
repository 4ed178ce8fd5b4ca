"""An ONNX file as a torch module: what judges files that have no module of their own."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from toolkit.errors import RunError
from toolkit.inputs import to_array
from toolkit.reasons import reason
from toolkit.runtimes.base import DeclaredPort, RunOptions
from toolkit.runtimes.external_data import require_sound_external_data
from toolkit.runtimes.onnxruntime import declared_port, session_options

if TYPE_CHECKING:
    import onnx

LARGEST_MESSAGE_BYTES = 2_000_000_000
"""protobuf takes messages up to 2 GiB."""
FLOATING = ("float32", "float64", "float16")


class OnnxModule(nn.Module):
    """The graph run by onnxruntime without optimisations; its floating weights are parameters.

    It takes tensors in the order of the file's inputs, and gives tensors by the names of its
    outputs. Nothing can be exported from it. Weights that do not fit into one protobuf message
    stay in the file.
    """

    no_float64 = "is an ONNX file, which computes in its own precision alone"

    def __init__(self, path: Path, libraries: tuple[str, ...] = ()) -> None:
        super().__init__()
        require_sound_external_data(path)
        model = _read(path)
        held_bytes = sum(len(one.raw_data) for one in model.graph.initializer)
        small = held_bytes < LARGEST_MESSAGE_BYTES
        weights = _weights_as_inputs(model) if small else {}
        self._session = _session(path, model.SerializeToString() if small else None, libraries)
        declared = [declared_port(one) for one in self._session.get_inputs()]
        self.inputs: tuple[DeclaredPort, ...] = tuple(
            port for port in declared if port.name not in weights
        )
        self._weight_names = {f"weight_{at}": name for at, name in enumerate(weights)}
        for attribute, name in self._weight_names.items():
            parameter = nn.Parameter(torch.from_numpy(weights[name]), requires_grad=False)
            self.register_parameter(attribute, parameter)

    def forward(self, *tensors: torch.Tensor) -> dict[str, torch.Tensor]:
        """Run the graph on the CPU."""
        names = [port.name for port in self.inputs]
        feed = dict(zip(names, map(to_array, tensors), strict=True))
        for attribute, name in self._weight_names.items():
            feed[name] = to_array(self.get_parameter(attribute))
        outputs = [one.name for one in self._session.get_outputs()]
        arrays = self._session.run(outputs, feed)
        return {name: torch.from_numpy(array) for name, array in zip(outputs, arrays, strict=True)}

    def __deepcopy__(self, memo: dict[int, Any]) -> OnnxModule:
        """Its own weights, and the same session: that holds no state of a run."""
        twin = OnnxModule.__new__(OnnxModule)
        memo[id(self)] = twin
        for name, value in vars(self).items():
            shared = name == "_session"
            vars(twin)[name] = value if shared else copy.deepcopy(value, memo)
        return twin


def _read(path: Path) -> onnx.ModelProto:
    import onnx

    try:
        return onnx.load(path)
    except Exception as error:  # a damaged file raises nearly anything inside protobuf
        raise RunError(f"{path.name} cannot be read as ONNX: {reason(error)}") from error


def _weights_as_inputs(model: onnx.ModelProto) -> dict[str, Any]:
    """The floating initialisers of the graph, each made an input whose default it stays."""
    import onnx
    from onnx import numpy_helper

    known = {value.name for value in model.graph.input}
    found = {}
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if str(array.dtype) not in FLOATING or tensor.name in known:
            continue
        found[tensor.name] = array.copy()
        model.graph.input.append(
            onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        )
    return found


def _session(path: Path, message: bytes | None, libraries: tuple[str, ...]) -> Any:
    import onnxruntime

    options = session_options(RunOptions(optimise=False, libraries=libraries))
    try:
        return onnxruntime.InferenceSession(
            message or str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise RunError(f"{path.name} cannot be loaded: {reason(error)}") from error

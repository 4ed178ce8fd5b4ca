"""The `openvino` runtime: ONNX files on OpenVINO's CPU device (extra `[openvino]`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.errors import InputsError, MissingError, RunError
from toolkit.reasons import reason
from toolkit.runtimes.base import Array, Arrays, DeclaredPort, RunOptions, named
from toolkit.runtimes.external_data import require_sound_external_data
from toolkit.spec import ModelSpec

DEVICE = "CPU"


class OpenVinoRunner:
    """One compiled model; every prepared call has a request, and so buffers, of its own."""

    def __init__(self, compiled: Any, spec: ModelSpec, threads: int | None = None) -> None:
        self.compiled = compiled
        self.spec = spec
        self.threads = threads
        self.inputs = tuple(map(_declared, compiled.inputs))
        self.outputs = tuple(map(_declared, compiled.outputs))

    @property
    def note(self) -> str | None:
        """That OpenVINO took fewer threads than it was told: it takes no more than there are."""
        taken = self.compiled.get_property("INFERENCE_NUM_THREADS")
        if self.threads in (None, taken):
            return None
        return f"OpenVINO took {taken} of the {self.threads} threads asked for"

    def run(self, inputs: Arrays) -> dict[str, Array]:
        """Named arrays in, named arrays out; raises `RunError` with OpenVINO's reason."""
        request = self._request(inputs)
        try:
            found = request.infer()
        except Exception as error:
            raise RunError(reason(error), model=self.spec.name) from error
        arrays = [np.array(found[place]) for place in range(len(self.outputs))]
        return named([port.name for port in self.outputs], arrays)

    def prepare(self, inputs: Arrays) -> Callable[[], object]:
        """A call without arguments: inputs bound, outputs views of the request's own buffers."""
        return partial(self._request(inputs).infer, share_outputs=True)

    def _request(self, inputs: Arrays) -> Any:
        import openvino

        missing = [port.name for port in self.inputs if port.name not in inputs]
        if missing:
            raise InputsError(f"inputs are missing: {', '.join(missing)}", model=self.spec.name)
        try:
            request = self.compiled.create_infer_request()
            for place, port in enumerate(self.inputs):
                tensor = openvino.Tensor(np.ascontiguousarray(inputs[port.name]))
                request.set_input_tensor(place, tensor)
        except Exception as error:
            raise RunError(reason(error), model=self.spec.name) from error
        return request


class OpenVino:
    """OpenVINO with explicit threads, for latency, all arithmetic in float32.

    Its own choice of a precision is bfloat16 where the processor has it.
    """

    name = "openvino"

    def load(self, path: Path, spec: ModelSpec, options: RunOptions) -> OpenVinoRunner:
        """Compile the file; raises `RunError`, `RefusedError` or `MissingError`."""
        if options.device != "cpu":
            raise MissingError("OpenVINO runs on the CPU alone here", model=spec.name)
        require_sound_external_data(path)
        try:
            import openvino
        except ImportError as error:
            raise MissingError(
                "openvino is not installed", hint="pip install 'torch-export-toolkit[openvino]'"
            ) from error
        core = openvino.Core()
        try:
            model = core.read_model(str(path))
            compiled = core.compile_model(model, DEVICE, settings(options))
        except Exception as error:
            raise RunError(
                f"{path.name} cannot be loaded: {reason(error)}", model=spec.name
            ) from error
        return OpenVinoRunner(compiled, spec, options.threads)


def settings(options: RunOptions) -> dict[str, Any]:
    """One stream, as a latency hint has it, and nothing computed in less than float32."""
    told: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "EXECUTION_MODE_HINT": "ACCURACY",
        "INFERENCE_PRECISION_HINT": "f32",
        "NUM_STREAMS": 1,
    }
    if options.threads is not None:
        told["INFERENCE_NUM_THREADS"] = options.threads
    return told


def _declared(port: Any) -> DeclaredPort:
    """An input or output, by the name that it has in the file."""
    shape = tuple(size.get_length() if size.is_static else None for size in port.partial_shape)
    return DeclaredPort(port.any_name, shape, np.dtype(port.element_type.to_dtype()).name)


RUNTIME = OpenVino()

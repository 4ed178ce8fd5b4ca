"""`openvino`: the ONNX file in OpenVINO."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.errors import MissingError
from toolkit.runtimes.base import Runner, RunOptions
from toolkit.variants import needs
from toolkit.variants.base import Source, Variant


@dataclass(frozen=True)
class OpenVino(Variant):
    """Compiled for latency, in float32 arithmetic."""

    runtime: str = "openvino"
    format: str | None = "onnx"
    one_layout: str | None = "OpenVINO chooses the layout of its tensors itself"
    own_threads: bool = True

    def missing(self, device: str) -> str | None:
        """The package; it runs on the CPU alone."""
        if device != "cpu":
            return "OpenVINO has no CUDA"
        return needs.our_extra("openvino")

    def load(self, source: Source, options: RunOptions) -> Runner:
        """Compile the file; raises `RunError`, `RefusedError` or `MissingError`."""
        from toolkit.runtimes.openvino import RUNTIME

        if source.libraries.get("onnx"):
            raise MissingError(
                "OpenVINO does not take onnxruntime's libraries of operators",
                model=source.spec.name,
            )
        return RUNTIME.load(source.form("onnx"), source.spec, options)


VARIANT = OpenVino("openvino", "OpenVINO: the ONNX file, latency hint, float32")

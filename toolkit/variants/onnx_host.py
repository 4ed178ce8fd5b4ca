"""`onnx-host`: on CUDA, with the copies from the host and back."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.variants import needs
from toolkit.variants.onnx_forms import OnnxForm


@dataclass(frozen=True)
class FromHost(OnnxForm):
    """Inputs come from the host's memory at each call, and outputs go back there."""

    from_host: bool = True

    def missing(self, device: str) -> str | None:
        """It is a row of CUDA's tables."""
        return needs.CUDA_ONLY if device == "cpu" else super().missing(device)


VARIANT = FromHost("onnx-host", "onnxruntime on CUDA, from host to host: copies are timed too")

"""`onnx-iobinding`: outputs are written to the same buffers at each call."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.variants.onnx_forms import OnnxForm


@dataclass(frozen=True)
class Bound(OnnxForm):
    """Inputs and outputs bound once, in the memory of the host."""

    bound: bool = True

    def missing(self, device: str) -> str | None:
        """It is a row of the CPU's tables."""
        if device != "cpu":
            return "on CUDA onnx has its inputs and outputs bound already"
        return super().missing(device)


VARIANT = Bound("onnx-iobinding", "onnxruntime, inputs and outputs bound once")

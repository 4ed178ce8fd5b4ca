"""`cuda-graph`: eager, its kernels launched as one graph."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.runtimes.base import Runner, RunOptions
from toolkit.variants import needs
from toolkit.variants.base import Source, Variant


@dataclass(frozen=True)
class CudaGraph(Variant):
    """One captured call, launched again and again."""

    def missing(self, device: str) -> str | None:
        """It is a row of CUDA's tables."""
        return needs.CUDA_ONLY if device == "cpu" else super().missing(device)

    def load(self, source: Source, options: RunOptions) -> Runner:
        """Move a copy of the module to the GPU; what cannot be captured is a `RunError` then."""
        from toolkit.variants.device_graphs import captured

        return captured(source, options)


VARIANT = CudaGraph("cuda-graph", "eager, captured as a CUDA graph", "eager")

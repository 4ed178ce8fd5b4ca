"""Variants that are the module itself, compiled by torch.compile."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.runtimes.base import Runner, RunOptions
from toolkit.variants import needs
from toolkit.variants.base import Source, Variant


@dataclass(frozen=True)
class CompiledModule(Variant):
    """`torch.compile` for exactly the sizes that are timed, compiled before the first call."""

    runtime: str = "torch.compile"
    mode: str = "default"

    def missing(self, device: str) -> str | None:
        """A C++ compiler and Python's headers, Triton and a GPU on CUDA."""
        on_gpu = None if device == "cpu" else needs.torch_on(device) or needs.triton()
        return on_gpu or needs.cpp_compiler() or needs.python_headers()

    def load(self, source: Source, options: RunOptions) -> Runner:
        """Compile a copy of the module; raises `RunError` with the reason where that fails."""
        from toolkit.variants.compiling import compiled

        return compiled(source, options, self.mode)

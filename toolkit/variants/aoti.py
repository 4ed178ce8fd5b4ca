"""`aoti`: the torch.export program compiled by AOTInductor."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.runtimes.base import Runner, RunOptions
from toolkit.variants import needs
from toolkit.variants.base import Source, Variant


@dataclass(frozen=True)
class Aoti(Variant):
    """The `pt2` form as a package of compiled code, whose inputs are checked before it runs."""

    runtime: str = "aot_inductor"
    format: str | None = "pt2"
    one_layout: str | None = "a package is compiled for the strides that were captured"

    def missing(self, device: str) -> str | None:
        """A C++ compiler, Triton and a GPU on CUDA."""
        on_gpu = None if device == "cpu" else needs.torch_on(device) or needs.triton()
        return on_gpu or needs.cpp_compiler()

    def load(self, source: Source, options: RunOptions) -> Runner:
        """Compile the program, and load the package; raises `RunError` with torch's reason."""
        from toolkit.variants.packages import packaged

        return packaged(source, source.form("pt2"), options)


VARIANT = Aoti("aoti", "AOTInductor: the torch.export program, compiled ahead of time")

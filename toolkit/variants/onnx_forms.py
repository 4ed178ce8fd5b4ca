"""Variants that are an ONNX file in onnxruntime, each with its own settings."""

from __future__ import annotations

from dataclasses import dataclass, replace

from toolkit.runtimes.base import Runner, RunOptions
from toolkit.runtimes.onnxruntime import Level, OnnxRuntime
from toolkit.variants import needs
from toolkit.variants.base import Source, Variant


@dataclass(frozen=True)
class OnnxForm(Variant):
    """An ONNX file at one level of optimisation; see `OnnxRuntime` for the other settings."""

    runtime: str = "onnxruntime"
    format: str | None = "onnx"
    one_layout: str | None = "onnxruntime chooses the layout of its tensors itself"
    own_threads: bool = True
    level: Level = "all"
    spinning: bool = False
    bound: bool = False
    from_host: bool = False

    def missing(self, device: str) -> str | None:
        """The GPU or its execution provider."""
        return needs.onnxruntime_on(device)

    def load(self, source: Source, options: RunOptions) -> Runner:
        """Open a session; raises `RunError`, `RefusedError` or `MissingError`."""
        assert self.format is not None
        path = source.form(self.format)
        options = replace(options, libraries=source.libraries.get(self.format, ()))
        runtime = OnnxRuntime(
            level=self.level, spinning=self.spinning, bound=self.bound, from_host=self.from_host
        )
        return runtime.load(path, source.spec, options)

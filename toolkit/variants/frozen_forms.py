"""Variants that are a TorchScript form, frozen and optimised for inference."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.runtimes.base import Runner, RunOptions
from toolkit.variants.base import Source, Variant


@dataclass(frozen=True)
class FrozenForm(Variant):
    """`torch.jit.freeze`, then `torch.jit.optimize_for_inference`: weights are constants."""

    runtime: str = "torchscript"

    def load(self, source: Source, options: RunOptions) -> Runner:
        """Load the file and freeze it; raises `RunError` with torch's reason."""
        from toolkit.runtimes.torch_modules import loaded, prepared_device
        from toolkit.runtimes.torchscript import script_runner

        assert self.format is not None
        path, device = source.form(self.format), prepared_device(options)
        frozen = loaded(lambda: _frozen(path, device, options), path.name, source.spec)
        return script_runner(frozen, source.spec, options)


def _frozen(path: Path, device: str, options: RunOptions) -> Any:
    import torch

    from toolkit.formats.quiet import quietly
    from toolkit.runtimes.torch_modules import laid_out
    from toolkit.runtimes.torchscript import read

    module = laid_out(read(path, device), options)
    with quietly():
        frozen = torch.jit.freeze(module)
        return torch.jit.optimize_for_inference(frozen)

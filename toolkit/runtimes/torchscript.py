"""The `torchscript` runtime: traces and scripts. Loading runs code: only for trusted files."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from toolkit.runtimes.base import RunOptions
from toolkit.runtimes.devices import torch_device
from toolkit.runtimes.torch_modules import ModuleRunner, laid_out, loaded, prepared_device
from toolkit.spec import ModelSpec


class TorchScriptRuntime:
    """torch.jit; the file says nothing about its inputs and outputs."""

    name = "torchscript"

    def load(self, path: Path, spec: ModelSpec, options: RunOptions) -> ModuleRunner:
        """Load an archive; raises `RunError`, or `MissingError` without the device."""
        device = prepared_device(options)
        module = loaded(lambda: laid_out(read(path, device), options), path.name, spec)
        return script_runner(module if options.optimise else _Unoptimised(module), spec, options)


def script_runner(module: Any, spec: ModelSpec, options: RunOptions) -> ModuleRunner:
    """What runs a script module that is on the options' device already."""
    return ModuleRunner(
        module,
        spec,
        torch_device(options.device),
        flat=_takes_tensors(module, spec),
        channels_last=options.channels_last,
    )


def _takes_tensors(module: Any, spec: ModelSpec) -> bool:
    """Whether it takes exactly the spec's inputs in order, as a trace does; a script may nest."""
    _, *declared = module.forward.schema.arguments  # the first is the module itself
    plain = all(str(each.type) == "Tensor" and not each.kwarg_only for each in declared)
    return plain and len(declared) == len(spec.inputs)


def read(path: Path, device: str) -> Any:
    """The script module in a file, in eval mode: a program, so only of a trusted one."""
    import torch

    with warnings.catch_warnings():
        # TorchScript is deprecated as a whole; that is known here, and no news to the user.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        module = torch.jit.load(str(path), map_location=device)  # type: ignore[no-untyped-call]
    return module.eval()


class _Unoptimised:
    """Runs a script module with the graph executor's optimisations off."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.forward = module.forward

    def __call__(self, *arguments: object, **keywords: object) -> object:
        import torch

        with torch.jit.optimized_execution(False):  # type: ignore[attr-defined]
            return self.module(*arguments, **keywords)


RUNTIME = TorchScriptRuntime()

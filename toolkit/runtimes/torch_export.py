"""The `torch_export` runtime: `.pt2` programs. Loading can run code: only for trusted files."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.runtimes.base import DeclaredPort, RunOptions
from toolkit.runtimes.torch_modules import ModuleRunner, laid_out, loaded, prepared_device
from toolkit.spec import ModelSpec

if TYPE_CHECKING:
    from torch.export import ExportedProgram


class TorchExportRuntime:
    """The captured graph, run by torch as it stands."""

    name = "torch_export"

    def load(self, path: Path, spec: ModelSpec, options: RunOptions) -> ModuleRunner:
        """Load a program; raises `RunError`, or `MissingError` without the device."""
        device = prepared_device(options)
        program = loaded(lambda: read(path, device), path.name, spec)
        return program_runner(program, spec, device, path.name, channels_last=options.channels_last)


def program_runner(
    program: ExportedProgram,
    spec: ModelSpec,
    device: str,
    name: str = "the captured program",
    *,
    channels_last: bool = False,
) -> ModuleRunner:
    """What runs a program that is on `device`; raises `RunError` where it has no module."""
    signature = program.graph_signature
    inputs = declared(program, [str(name) for name in signature.user_inputs])
    given = [name for name in signature.user_outputs if name is not None]
    outputs = declared(program, [str(name) for name in given])
    layout = RunOptions(device, channels_last=channels_last)
    return ModuleRunner(
        loaded(lambda: laid_out(program.module(), layout), name, spec),
        spec,
        device,
        inputs,
        _renamed(outputs, spec),
        flat=True,
        channels_last=channels_last,
    )


def read(path: Path, device: str) -> ExportedProgram:
    """The program in a file: loading it can run code, so only of a trusted one."""
    import torch

    before = logging.root.manager.disable
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(max(before, logging.WARNING))
        try:
            return moved(torch.export.load(path), device)
        finally:
            logging.disable(before)


def moved(program: ExportedProgram, device: str) -> ExportedProgram:
    """The program on a device; those of the CPU were captured there."""
    from torch.export.passes import move_to_device_pass

    return program if device == "cpu" else move_to_device_pass(program, device)


def declared(program: ExportedProgram, names: list[str]) -> tuple[DeclaredPort, ...]:
    """Ports as the graph's own nodes declare them; None for an extent that is not fixed."""
    values = {node.name: node.meta.get("val") for node in program.graph.nodes}
    return tuple(_port(name, values.get(name)) for name in names)


def _port(name: str, value: Any) -> DeclaredPort:
    if not hasattr(value, "shape"):
        return DeclaredPort(name, None, None)
    shape = tuple(size if isinstance(size, int) else None for size in value.shape)
    return DeclaredPort(name, shape, str(value.dtype).removeprefix("torch."))


def _renamed(ports: tuple[DeclaredPort, ...], spec: ModelSpec) -> tuple[DeclaredPort, ...] | None:
    """The graph's outputs by the spec's names; None where they do not go together one by one."""
    if len(ports) != len(spec.outputs):
        return None
    return tuple(
        DeclaredPort(wanted.name, port.shape, port.dtype)
        for wanted, port in zip(spec.outputs, ports, strict=True)
    )


RUNTIME = TorchExportRuntime()

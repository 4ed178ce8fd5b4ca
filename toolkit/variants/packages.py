"""AOTInductor: a torch.export program compiled into a package, and run behind an input check."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from toolkit.errors import RunError
from toolkit.formats.quiet import quietly
from toolkit.hashing import file_sha256
from toolkit.inputs import to_tensors
from toolkit.runtimes.base import Arrays, RunOptions
from toolkit.runtimes.torch_export import read
from toolkit.runtimes.torch_modules import ModuleRunner, loaded, prepared_device
from toolkit.variants.base import Source
from toolkit.variants.compiling import in_one_process, refusal
from toolkit.variants.input_check import InputCheck

if TYPE_CHECKING:
    from torch.export import ExportedProgram

HASH_LETTERS = 16
"""Of the program's hash, in the name of its package."""


class PackageRunner(ModuleRunner):
    """A package, given nothing that has not been checked."""

    check: InputCheck

    def _tensors(self, inputs: Arrays) -> tuple[torch.Tensor, ...]:
        tensors = super()._tensors(inputs)
        self.check.require(tensors)
        return tensors


def packaged(source: Source, path: Path, options: RunOptions) -> PackageRunner:
    """A runner for the program in `path`, compiled unless its package is in the scratch already.

    Raises `RunError` with torch's reason where it cannot be compiled or loaded.
    """
    spec, device = source.spec, prepared_device(options)
    program = loaded(lambda: read(path, device), path.name, spec)
    package = package_of(path, source.scratch, device, options.threads or torch.get_num_threads())
    if not package.is_file():
        _compile(program, package, source, device)
    with quietly():
        run = loaded(
            lambda: torch._inductor.aoti_load_package(str(package)), "the compiled package", spec
        )
    runner = PackageRunner(run, spec, device, flat=True)
    runner.check = InputCheck.of(program, [port.name for port in spec.inputs], device)
    return runner


def package_of(path: Path, scratch: Path, device: str, threads: int) -> Path:
    """Where the package of a program lies, named by all that the compiled code depends on.

    torch's number of threads stands in it.
    """
    digest = file_sha256(path)[:HASH_LETTERS]
    return scratch / f"aoti-{digest}-{device.replace(':', '-')}-threads-{threads}.pt2"


def _compile(program: ExportedProgram, package: Path, source: Source, device: str) -> None:
    """Compile beside the package and move it there: a reader sees all of it, or none."""
    with_inputs: Any = program
    if program.example_inputs is None:  # the files of ours hold none
        with_inputs._example_inputs = (to_tensors(source.spec, source.inputs, device=device), {})
    package.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=package.parent) as folder:
        fresh = Path(folder) / package.name
        try:
            with quietly(), in_one_process(), torch.inference_mode(False):
                torch._inductor.aoti_compile_and_package(program, package_path=str(fresh))
        except Exception as error:
            raise RunError(
                f"AOTInductor cannot compile it: {refusal(error)}", model=source.spec.name
            ) from error
        fresh.replace(package)

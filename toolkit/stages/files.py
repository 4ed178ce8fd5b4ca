"""Models that are files already, `.onnx`, `.pt` or `.pt2`: their spec, read off the file.

A program (`.pt`, `.pt2`) is a module like any other: its forms are exported from it and judged
against it. An ONNX file can be run and not exported: optimised by onnxruntime it is judged
against itself without optimisations.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from torch import nn

from toolkit import user_code
from toolkit.bundle import require_trusted
from toolkit.errors import InputsError, RunError, UnreadableError
from toolkit.reasons import reason
from toolkit.registry import FILE_FORMATS
from toolkit.runtimes import torch_export, torchscript
from toolkit.runtimes.base import DeclaredPort
from toolkit.runtimes.onnx_module import OnnxModule
from toolkit.runtimes.program_module import ProgramModule, ports
from toolkit.spec import DTYPES, Dimension, ModelSpec, Port
from toolkit.weights import DEFAULT
from toolkit.words import ModelWords

ONNX = ".onnx"
_MEMBER_OF: Mapping[str, tuple[str, ...]] = {
    ".pt": ("constants.pkl",),
    ".pt2": ("archive_format", "serialized_exported_program.json"),
}
"""What every archive of a program has, by its suffix, and no checkpoint; torch before 2.8 last."""
NOT_CAPTURED = "torch.export does not capture TorchScript; trace, script and onnx-legacy take it"


def file_of(words: ModelWords) -> Path | None:
    """The file that a word means; None where it means none that is there."""
    path = Path(words.word)
    return path if path.suffix in FILE_FORMATS and path.is_file() else None


def spec_of_file(words: ModelWords, path: Path, *, trust: bool) -> ModelSpec:
    """What a file takes and gives.

    Raises `InputsError`, `RefusedError`, `RunError`, or `UnreadableError` where it is no model.

    A program is loaded only when this user's toolkit wrote it, or with `trust`.
    """
    if words.arguments or words.weights != DEFAULT or words.training.said:
        raise InputsError(
            "a file has weights of its own: --arg, --weights and what is said about training are "
            "for models"
        )
    _require_program(path)
    require_trusted(path, FILE_FORMATS[path.suffix], trust)
    if path.suffix == ".pt":
        return _of_script(words, path)
    if words.inputs:
        raise InputsError("the file says its inputs: --input is for models that do not")
    if path.suffix == ONNX:
        module = OnnxModule(path, words.ort_libraries)
        return _spec(words, lambda: module, *_onnx_ports(module))
    program = _read(path, lambda: torch_export.read(path, "cpu"))
    return _spec(words, lambda: ProgramModule(program), *ports(program))


def _require_program(path: Path) -> None:
    """Raise `UnreadableError` for what no reader of programs would take, before trust is asked."""
    member = _MEMBER_OF.get(path.suffix)
    if member is None:
        return
    try:
        with zipfile.ZipFile(path) as archive:
            inside = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise _no_program(path, "it is no archive") from error
    if not any(PurePosixPath(name).name in member for name in inside):
        raise _no_program(path, f"it has no {member[0]}")


def _no_program(path: Path, why: str) -> UnreadableError:
    return UnreadableError(
        f"{path.name} is no program that torch can load: {why}",
        hint=f"if it is a checkpoint, name its network: file.py:Net --weights {path.name}",
    )


def _read(path: Path, load: Callable[[], Any]) -> Any:
    """What a program's file holds; raises `UnreadableError` where it is none."""
    try:
        return load()
    except Exception as error:
        raise _no_program(path, reason(error).partition(". ")[0]) from error


def _of_script(words: ModelWords, path: Path) -> ModelSpec:
    def build() -> nn.Module:
        module: nn.Module = _read(path, lambda: torchscript.read(path, "cpu"))
        for parameter in module.parameters():
            parameter.requires_grad_(False)  # else copies of them are no leaves
        return module

    given = words.ports()
    if not given:
        raise user_code.missing_inputs(words.word, build)
    limits = {"onnx": NOT_CAPTURED, "pt2": NOT_CAPTURED}
    return ModelSpec(
        words.shown,
        build,
        given,
        dimensions=words.dimensions(),
        constants=words.constants(),
        limits=limits,
    )


def _spec(
    words: ModelWords,
    build: Callable[[], nn.Module],
    found: Sequence[Port],
    dimensions: Sequence[Dimension],
) -> ModelSpec:
    """The file's inputs with the ranges that were said about them."""
    said = {dimension.name: dimension for dimension in words.dimensions()}
    own = tuple(one for one in dimensions if one.name not in said)
    return ModelSpec(
        words.shown, build, words.with_ranges(found), dimensions=(*own, *said.values())
    )


def _onnx_ports(module: OnnxModule) -> tuple[tuple[Port, ...], tuple[Dimension, ...]]:
    return tuple(map(_onnx_port, module.inputs)), ()


def _onnx_port(declared: DeclaredPort) -> Port:
    if declared.dtype not in DTYPES or declared.shape is None:
        raise RunError(f"input {declared.name} of the file is no tensor that can be drawn")
    shape = tuple(
        f"{declared.name}_{axis}" if size is None else size
        for axis, size in enumerate(declared.shape)
    )
    return Port(declared.name, shape, declared.dtype)

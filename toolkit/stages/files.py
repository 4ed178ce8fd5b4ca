"""Models that are files already, `.onnx`, `.pt` or `.pt2`: their spec, read off the file.

A program (`.pt`, `.pt2`) is a module like any other: its forms are exported from it and judged
against it. An ONNX file can be run and not exported: optimised by onnxruntime it is judged
against itself without optimisations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from toolkit import user_code
from toolkit.bundle import require_trusted
from toolkit.errors import InputsError, RunError
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
NOT_CAPTURED = "torch.export does not capture TorchScript; trace, script and onnx-legacy take it"


def file_of(words: ModelWords) -> Path | None:
    """The file that a word means; None where it means none that is there."""
    path = Path(words.word)
    return path if path.suffix in FILE_FORMATS and path.is_file() else None


def spec_of_file(words: ModelWords, path: Path, *, trust: bool) -> ModelSpec:
    """What a file takes and gives; raises `InputsError`, `RefusedError` or `RunError`.

    A program is loaded only when this user's toolkit wrote it, or with `trust`.
    """
    if words.arguments or words.weights != DEFAULT or words.training.said:
        raise InputsError(
            "a file has weights of its own: --arg, --weights and what is said about training are "
            "for models"
        )
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


def _read(path: Path, load: Callable[[], Any]) -> Any:
    """What a program's file holds; raises `RunError` where it is none."""
    try:
        return load()
    except Exception as error:
        raise RunError(
            f"{path.name} is no program that torch can load: {reason(error)}",
            hint=f"if it is a checkpoint, name its network: file.py:Net --weights {path.name}",
        ) from error


def _of_script(words: ModelWords, path: Path) -> ModelSpec:
    def build() -> nn.Module:
        module: nn.Module = _read(path, lambda: torchscript.read(path, "cpu", optimise=True))
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

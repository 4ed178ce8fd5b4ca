"""A program as a Python script of its own."""

from __future__ import annotations

import inspect
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import fx
from torch.overrides import resolve_name

from toolkit._version import __version__
from toolkit.reproduction import harness
from toolkit.reproduction.capturing import IrreproducibleError
from toolkit.reproduction.program import Program
from toolkit.reproduction.tensors import TensorWriter
from toolkit.reproduction.two_paths import TwoPaths

Kind = Literal["value", "non-finite", "structure", "raises"]

EXPORTS: Mapping[str, Callable[..., Any]] = {
    "onnx": harness.export_onnx,
    "onnx-legacy": harness.export_onnx_legacy,
    "pt2": harness.export_pt2,
    "trace": harness.export_trace,
    "script": harness.export_script,
}
_CALLS = {
    "onnx": "torch.onnx.export(dynamo=True) and onnxruntime",
    "onnx-legacy": "torch.onnx.export(dynamo=False) and onnxruntime",
    "pt2": "torch.export",
    "trace": "torch.jit.trace",
    "script": "torch.jit.script",
}
_ONNX = ("onnx", "onnx-legacy")
_METHODS = "torch.Tensor."
_COMMON = ("in_float64", "compare", "essence", "outcome", "told")
_TITLES = {
    "value": "other values than eager's",
    "non-finite": "values that are not finite where eager's are",
    "structure": "outputs of another shape or type than eager's",
    "raises": "an error for what eager runs",
}


@dataclass(frozen=True)
class Wanted:
    """What a script is to show: in which format, and the least score that counts."""

    format: str
    opset: int
    kind: Kind = "value"
    limit: float = 30.0
    message: str = ""
    about: str = ""
    seeded: frozenset[str] = frozenset()
    """Tensors that are drawn anew, by their names in the script."""


@dataclass
class Script:
    """The text of a script, and the arrays that go beside it."""

    text: str
    arrays: dict[str, Any] = field(default_factory=dict)


def script(program: Program | TwoPaths, wanted: Wanted, stored: str) -> Script:
    """The script of a program; what is stored beside it is called `stored`."""
    writer = TensorWriter(stored, wanted.seeded)
    body = _module(program, writer)
    inputs = _inputs(program, writer)
    constants = [
        f"KIND = {wanted.kind!r}",
        f"MESSAGE = {wanted.message!r}",
        f"LIMIT = {wanted.limit!r}",
        f"OPSET = {wanted.opset}",
        f"DYNAMIC = {_dynamic(program.dynamic)}",
    ]
    parts = [
        "\n".join(constants),
        *writer.helpers(),
        body,
        inputs,
        *_functions(wanted.format),
        _MAIN.format(export=EXPORTS[wanted.format].__name__),
    ]
    text = "\n\n\n".join(part.strip("\n") for part in parts)
    head = f"{_docstring(wanted)}\n\n{_imports(text)}\n\n"
    return Script(f"{head}{text}\n", writer.arrays)


_MAIN = """def export(model, example):
    return {export}(model, example, DYNAMIC, OPSET)


def judge():
    model = Reproduction().eval()
    return outcome(model, export, example_inputs(), failing_inputs(), LIMIT)


if __name__ == "__main__":
    sys.exit(told(judge(), KIND, MESSAGE))
"""


def _docstring(wanted: Wanted) -> str:
    lines = [
        f"{_CALLS[wanted.format]}: {_TITLES[wanted.kind]}.",
        "",
        *([wanted.about, ""] if wanted.about else []),
        "Exits 1 while that is so, 0 when it is not, 2 where something else goes wrong.",
        f"Written by torch-export-toolkit {__version__}, with torch {torch.__version__}.",
    ]
    text = "\n".join(lines).replace("\\", "\\\\").replace('"""', "'''")
    return f'"""{text}\n"""'


_OWN = ("contextlib", "copy", "io", "math", "operator", "platform", "re", "sys", "warnings")
_OWN_NAMES = {"Callable": "collections.abc", "Path": "pathlib", "Any": "typing"}
_LIBRARIES = {"np": "numpy as np", "onnxruntime": "onnxruntime", "torch": "torch"}


def _imports(text: str) -> str:
    """What the text of a script uses."""
    used = set(re.findall(r"\b\w+", text))
    own = [f"import {name}" for name in _OWN if f"{name}." in text]
    own += [f"from {home} import {name}" for name, home in _OWN_NAMES.items() if name in used]
    return "\n".join(
        [*own, "", *(f"import {_LIBRARIES[name]}" for name in _LIBRARIES if name in used)]
    )


def _functions(format_name: str) -> list[str]:
    runtime = harness.in_onnxruntime if format_name in _ONNX else harness.in_torchscript
    needed: list[Callable[..., Any]] = [EXPORTS[format_name]]
    needed += [] if format_name == "pt2" else [runtime]
    needed += [getattr(harness, name) for name in _COMMON]
    return [_source(each) for each in needed]


def _source(function: Callable[..., Any]) -> str:
    """The function's text without the remarks that are for our own tools."""
    lines = inspect.getsource(function).splitlines()
    return "\n".join(line.split("  # noqa")[0].split("  # type: ignore")[0] for line in lines)


def _dynamic(axes: Sequence[tuple[int, ...]]) -> str:
    if not any(axes):
        return "None"
    entries = ", ".join(
        "{" + ", ".join(f"{axis}: torch.export.Dim.DYNAMIC" for axis in each) + "}" for each in axes
    )
    return f"({entries},)"


def _module(program: Program | TwoPaths, writer: TensorWriter) -> str:
    constants = [
        f"        self.register_buffer({name!r}, {writer.given(name, tensor)})"
        for name, tensor in sorted(program.constants.items())
    ]
    lines = ["class Reproduction(torch.nn.Module):"]
    both = [program.first, program.second] if isinstance(program, TwoPaths) else [program]
    names = [node.name for node in both[0].inputs]
    condition = ""
    if isinstance(program, TwoPaths):
        decided = program.decision(names)
        if decided is None:
            raise IrreproducibleError("nothing tells the two paths apart")
        condition = decided
    if constants:
        lines += ["    def __init__(self):", "        super().__init__()", *constants, ""]
    lines.append(f"    def forward(self, {', '.join(names)}):")
    if condition:
        lines += [f"        if {condition}:", *_statements(both[0], names, " " * 12)]
    lines += _statements(both[-1], names, " " * 8)
    return "\n".join(lines)


def _statements(program: Program, names: Sequence[str], indent: str) -> list[str]:
    known = dict(zip(program.inputs, names, strict=True))
    lines = []
    for node in program.graph.nodes:
        if node.op == "call_function":
            lines.append(f"{indent}{node.name} = {_call(node, known)}")
    outputs = ", ".join(_expression(node, known) for node in program.outputs)
    return [*lines, f"{indent}return ({outputs},)"]


def _call(node: fx.Node, known: Mapping[fx.Node, str]) -> str:
    target: Any = node.target
    arguments = [_expression(each, known) for each in node.args]
    if target is operator.getitem:
        return f"{arguments[0]}[{arguments[1]}]"
    if str(target) == "aten.sym_size.int":  # as anyone writes it; tracers know it so
        return f"{arguments[0]}.shape[{arguments[1]}]"
    arguments += [f"{key}={_expression(each, known)}" for key, each in node.kwargs.items()]
    name = named(target)
    method = name.removeprefix(_METHODS)
    if method.isidentifier() and not method.startswith("_") and name.startswith(_METHODS):
        return f"{arguments[0]}.{method}({', '.join(arguments[1:])})"
    return f"{name}({', '.join(arguments)})"


def named(target: Any) -> str:
    """The name of a function in a script."""
    if isinstance(target, torch._ops.OpOverload):
        return f"torch.ops.{target}"
    home = getattr(target, "__module__", "")
    if home in ("_operator", "math"):
        return f"{home.removeprefix('_')}.{target.__name__}"
    name = resolve_name(target) or ""
    if not name.startswith("torch.") or "<" in name:
        raise IrreproducibleError(f"{target} cannot be written down")
    return str(name)


def _expression(value: Any, known: Mapping[fx.Node, str]) -> str:
    if isinstance(value, fx.Node):
        return f"self.{value.target}" if value.op == "get_attr" else known.get(value, value.name)
    if isinstance(value, list | tuple):
        inner = ", ".join(_expression(each, known) for each in value)
        return f"({inner},)" if isinstance(value, tuple) and value else f"[{inner}]"
    if isinstance(value, slice):
        parts = (value.start, value.stop, value.step)
        return f"slice({', '.join(_expression(each, known) for each in parts)})"
    return _plain(value)


def _plain(value: Any) -> str:
    """A Python value, or one of torch's own kinds of values."""
    if value is Ellipsis:
        return "..."
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if isinstance(value, torch.device):
        return f"torch.device({str(value)!r})"
    if value is None or isinstance(
        value, bool | int | float | str | torch.dtype | torch.layout | torch.memory_format
    ):
        return repr(value)
    raise IrreproducibleError(f"an argument of type {type(value).__name__} cannot be written down")


def _inputs(program: Program | TwoPaths, writer: TensorWriter) -> str:
    failing = _tuple(writer.given(f"input_{i}", each) for i, each in enumerate(program.failing))
    lines = ["def failing_inputs():", f"    return {failing}", "", "", "def example_inputs():"]
    if program.example is program.failing:
        return "\n".join([*lines, "    return failing_inputs()"])
    example = _tuple(writer.given(f"example_{i}", each) for i, each in enumerate(program.example))
    return "\n".join([*lines, f"    return {example}"])


def _tuple(parts: Iterable[str]) -> str:
    return f"({', '.join(parts)},)"


def write(made: Script, path: Path) -> None:
    """The script at `path`, its arrays beside it; the old ones stay until the new ones are whole.

    Raises OSError.
    """
    from toolkit.bundle.golden import write_arrays

    beside = stored_name(path)
    if made.arrays:
        draft = beside.with_suffix(".part")
        write_arrays(draft, {name: np.asarray(array) for name, array in made.arrays.items()})
        draft.replace(beside)
    draft = path.with_suffix(".part")
    draft.write_text(made.text, encoding="utf-8")
    draft.replace(path)
    if not made.arrays:
        beside.unlink(missing_ok=True)


def stored_name(path: Path) -> Path:
    """Where the arrays of a script lie."""
    return path.with_name(f"{path.stem}.tensors.npz")

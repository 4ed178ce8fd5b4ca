"""Runtimes: one small file each; which one runs a format is looked up here."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from toolkit.errors import UsageError
from toolkit.runtimes.base import Runtime

RUNTIME_OF = {
    "onnx": "onnxruntime",
    "pt2": "torch_export",
    "trace": "torchscript",
    "script": "torchscript",
    "onnx-legacy": "onnxruntime",
}
NAMES = tuple(dict.fromkeys(RUNTIME_OF.values()))


def get(name: str) -> Runtime:
    """The runtime of that name; raises `UsageError` for any other word."""
    if name not in NAMES:
        raise UsageError(f"no runtime is called {name}", hint=f"runtimes: {', '.join(NAMES)}")
    return cast(Runtime, import_module(f"toolkit.runtimes.{name}").RUNTIME)


def runtime_for(format_name: str) -> Runtime:
    """The runtime that runs a format; raises `UsageError` for an unknown format."""
    if format_name not in RUNTIME_OF:
        raise UsageError(
            f"no format is called {format_name}", hint=f"formats: {', '.join(RUNTIME_OF)}"
        )
    return get(RUNTIME_OF[format_name])

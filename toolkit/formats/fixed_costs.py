"""What torch.onnx does anew at every call although its result is the same: done once here.

At each call it reads the source of its five hundred translation functions to build the registry
of operators, and asks the dispatcher for all operators once per namespace. Both are internals of
torch: where one is gone, or is called in another way than here, torch's own call is made as it is,
and a warning says so.
"""

from __future__ import annotations

import contextlib
import copy
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from toolkit.formats.quiet import PlainCallWarning

REGISTRATION = "torch.onnx._internal.exporter._registration"
EXPORT_UTILITIES = "torch._export.utils"

_registries: dict[tuple[int, bool], Any] = {}


@contextlib.contextmanager
def paid_once() -> Iterator[None]:
    """torch.onnx.export in this context reuses what earlier exports of the process built."""
    with contextlib.ExitStack() as stack:
        for reused in (_registry_reused, _operators_listed_once):
            try:
                stack.enter_context(reused())
            except Exception as gone:  # however a library says that it is another one
                _warn(gone)
        yield


def build_registry(opset: int) -> None:
    """Build the registry of an opset that later exports of this process, or its forks, reuse."""
    _registry(import_module(REGISTRATION).ONNXRegistry.from_torchlib, opset)


def _warn(gone: Exception) -> None:
    text = f"torch.onnx pays its fixed costs at every export: {type(gone).__name__}: {gone}"
    warnings.warn(text, PlainCallWarning, stacklevel=2)


@contextlib.contextmanager
def _registry_reused() -> Iterator[None]:
    registry_class = import_module(REGISTRATION).ONNXRegistry
    built_anew = registry_class.from_torchlib

    def reused(*arguments: Any, **options: Any) -> Any:
        try:
            _require_known(arguments, options, "opset_version")
            return _own_copy(_registry(built_anew, **options))
        except Exception as gone:  # if it is no fault of ours, the plain call raises it too
            _warn(gone)
        return built_anew(*arguments, **options)

    with replaced_attribute(registry_class, "from_torchlib", staticmethod(reused)):
        yield


def _require_known(arguments: Sequence[Any], options: Mapping[str, Any], *names: str) -> None:
    """Refuse a call that says anything else than it said when this was written."""
    if arguments or set(options) != set(names):
        said = ", ".join([*(type(each).__name__ for each in arguments), *options]) or "nothing"
        raise TypeError(f"an internal is called with {said}")


def _registry(built_anew: Callable[..., Any], opset_version: int) -> Any:
    """The registry of an opset; torchvision's operators are in it only once they are known."""
    key = (opset_version, "torchvision" in sys.modules)
    if key not in _registries:
        _registries[key] = built_anew(opset_version=opset_version)
    return _registries[key]


def _own_copy(registry: Any) -> Any:
    """A registry to which one export can add its own translations."""
    own = copy.copy(registry)
    own.functions = {operator: list(found) for operator, found in registry.functions.items()}
    return own


@contextlib.contextmanager
def _operators_listed_once() -> Iterator[None]:
    """No code of the model runs while it is translated, so that no operator can be added."""
    utilities = import_module(EXPORT_UTILITIES)
    list_operators = utilities._materialize_cpp_cia_ops
    listed: list[Any] = []

    def once(*arguments: Any, **options: Any) -> Any:
        try:
            _require_known(arguments, options)
        except TypeError as changed:
            _warn(changed)
            return list_operators(*arguments, **options)
        if not listed:
            listed.append(list_operators())
        return listed[0]

    with replaced_attribute(utilities, "_materialize_cpp_cia_ops", once):
        yield


@contextlib.contextmanager
def replaced_attribute(owner: Any, name: str, value: object) -> Iterator[None]:
    """Set an attribute in the context; KeyError where the owner does not define it itself."""
    before = vars(owner)[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)

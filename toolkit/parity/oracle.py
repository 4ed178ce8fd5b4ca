"""The oracle: a float64 run of the user's own module, and whether it is fit to judge."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from toolkit.inputs import Array, run_module
from toolkit.parity.modules import ModulePath
from toolkit.spec import ModelSpec

_NARROW = (torch.float16, torch.bfloat16, torch.float32)


@contextmanager
def default_float64() -> Iterator[None]:
    """Tensors that a module makes inside its forward become float64 too."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def float64_twin(module: nn.Module) -> nn.Module:
    """A deep copy in float64: parameters, buffers, and tensors kept as plain attributes."""
    twin = copy.deepcopy(module).double()
    for part in twin.modules():
        for name, value in list(vars(part).items()):
            if name not in ("_parameters", "_buffers", "_modules"):
                vars(part)[name] = _widened(value)
    return twin


def _widened(value: Any) -> Any:
    if isinstance(value, torch.Tensor) and not isinstance(value, nn.Parameter):
        return value.double() if value.dtype in _NARROW else value
    if type(value) in (list, tuple):
        return type(value)(_widened(member) for member in value)
    if type(value) is dict:
        return {key: _widened(member) for key, member in value.items()}
    return value


class _NarrowingWatch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Remembers the first operation that took float64 and gave less, and its module."""

    def __init__(self, path: ModulePath) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.path = path
        self.found: str | None = None

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        del types
        result = func(*args, **(kwargs or {}))
        narrow = next((part for part in _tensors(result) if part.dtype in _NARROW), None)
        wide = any(part.dtype is torch.float64 for part in _tensors(args))
        if self.found is None and self.path.running and wide and narrow is not None:
            self.found = f"{self.path.current}: {func} gives {narrow.dtype}"
        return result


def _tensors(values: Any) -> list[torch.Tensor]:
    members = values if isinstance(values, tuple | list) else (values,)
    return [member for member in members if isinstance(member, torch.Tensor)]


class Oracle:
    """Runs a module in float64; `unfit` says why it cannot judge, None while it can."""

    def __init__(self, module: nn.Module, spec: ModelSpec, arrays: Mapping[str, Array]) -> None:
        self.spec = spec
        self.unfit: str | None = None
        try:
            with default_float64():
                self.module = float64_twin(module)
                self.unfit = self._first_narrowing(arrays)
        except Exception as error:
            self.unfit = f"cannot run in float64: {type(error).__name__}: {error}"

    def _first_narrowing(self, arrays: Mapping[str, Array]) -> str | None:
        with ModulePath(self.module) as path, _NarrowingWatch(path) as watch:
            run_module(self.module, self.spec, arrays, float_dtype=torch.float64)
        return f"casts down inside {watch.found}" if watch.found else None

    def run(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """Named outputs; floating ones in float64."""
        with default_float64():
            return run_module(self.module, self.spec, arrays, float_dtype=torch.float64)

"""The oracle: a float64 run of the user's own module, and whether it is fit to judge."""

from __future__ import annotations

import copy
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from toolkit.inputs import TORCH_DTYPES, Array, run_module, run_tensors
from toolkit.parity.modules import ModulePath
from toolkit.parity.probabilities import ProbabilityWatch
from toolkit.parity.watching import OperatorWatch, tensors_in
from toolkit.reasons import reason
from toolkit.spec import ModelSpec

_HALVES = (torch.float16, torch.bfloat16)
_NARROW = (*_HALVES, torch.float32)


@contextmanager
def default_float64() -> Iterator[None]:
    """Tensors that a module makes inside its forward become float64 too."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def on_cpu(module: nn.Module, device: str) -> nn.Module:
    """The module, or a copy of it where it lies on another device."""
    return module if device == "cpu" else copy.deepcopy(module).cpu()


def converted(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    """A deep copy in `dtype`: parameters, buffers, and tensors kept as plain attributes."""
    twin = copy.deepcopy(module)
    return _plain_too(_cast(twin, dtype), dtype)


def _cast(module: Any, dtype: torch.dtype) -> nn.Module:
    """As `Module.to(dtype)`, which would take the imaginary part from what is complex."""
    cast: nn.Module = module._apply(lambda one: one.to(dtype) if one.is_floating_point() else one)
    return cast


def _plain_too(twin: nn.Module, dtype: torch.dtype) -> nn.Module:
    for part in twin.modules():
        for name, value in list(vars(part).items()):
            if name not in ("_parameters", "_buffers", "_modules"):
                vars(part)[name] = _in_dtype(value, dtype)
    return twin


def _in_dtype(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, torch.Tensor) and not isinstance(value, nn.Parameter):
        return value.to(dtype) if value.dtype in _NARROW else value
    if type(value) in (list, tuple):
        return type(value)(_in_dtype(member, dtype) for member in value)
    if type(value) is dict:
        return {key: _in_dtype(member, dtype) for key, member in value.items()}
    return value


class _NarrowingWatch(OperatorWatch):  # type: ignore[no-untyped-call]
    """Remembers the first operation that took float64 and gave less, and its module."""

    def __init__(self, path: ModulePath, narrow: tuple[torch.dtype, ...]) -> None:
        super().__init__()
        self.path = path
        self.narrow = narrow
        self.found: str | None = None
        self.where: str | None = None

    def ran(self, func: Any, args: tuple[Any, ...], result: Any) -> None:
        """Look at one operator."""
        narrow = next((part for part in tensors_in(result) if part.dtype in self.narrow), None)
        wide = any(part.dtype is torch.float64 for part in tensors_in(args))
        if self.found is None and self.path.running and wide and narrow is not None:
            self.where = self.path.current
            self.found = f"{self.where}: {func} gives {narrow.dtype}"


class Oracle:
    """Runs a module in float64.

    `unfit` says why it cannot judge, None while it can, and `where` in which module of the user's
    network that is. `probabilities` are the outputs that are such by their making.
    """

    def __init__(self, module: nn.Module, spec: ModelSpec, arrays: Mapping[str, Array]) -> None:
        self.spec = spec
        self.unfit: str | None = None
        self.where: str | None = None
        self.probabilities: frozenset[str] = frozenset()
        why_not = getattr(module, "no_float64", None)
        if why_not is not None:
            self.unfit = str(why_not)
            return
        try:
            with default_float64():
                self.module = converted(module, torch.float64)
                self._try(arrays)
        except Exception as error:
            self.unfit = cannot_run(error)
            self.where = _raised_in(error, getattr(self, "module", None))

    def _try(self, arrays: Mapping[str, Array]) -> None:
        """The first run: what it does on the way is looked at."""
        with (
            ModulePath(self.module) as path,
            ProbabilityWatch() as watch,
            _NarrowingWatch(path, _narrow_for(self.spec)) as narrowing,
        ):
            outputs = run_tensors(self.module, self.spec, arrays, float_dtype=torch.float64)
        self.probabilities = frozenset(name for name, one in outputs.items() if watch.holds(one))
        if narrowing.found is not None:
            self.unfit = f"casts down inside {narrowing.found}"
            self.where = narrowing.where

    def run(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """Named outputs; floating ones in float64."""
        with default_float64():
            return run_module(self.module, self.spec, arrays, float_dtype=torch.float64)


def _narrow_for(spec: ModelSpec) -> tuple[torch.dtype, ...]:
    """What an oracle must not cast down to: for outputs of half precision float32 is exact."""
    dtypes = {TORCH_DTYPES[port.dtype] for port in spec.outputs if port.is_float}
    return _HALVES if dtypes and dtypes <= set(_HALVES) else _NARROW


def cannot_run(error: BaseException) -> str:
    """What kept a module from running in float64, in one line."""
    return f"cannot run in float64: {type(error).__name__}: {' '.join(reason(error).split())}"


def _raised_in(error: BaseException, root: nn.Module | None) -> str | None:
    """The innermost module of the network whose code the error came through."""
    if root is None:
        return None
    paths = {id(part): name for name, part in root.named_modules()}
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    owners = [id(frame.f_locals.get("self")) for frame in frames]
    inside = [paths[owner] for owner in owners if owner in paths]
    return (inside[-1] or type(root).__name__) if inside else None

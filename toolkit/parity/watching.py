"""What torch runs while a model does: functions as they are called, operators as they ran."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode


class FunctionWatch(TorchFunctionMode):
    """While entered, is told of every function of torch that is called; it runs as it would."""

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        del types
        named = kwargs or {}
        self.called(func, args, named)
        return func(*args, **named)

    @abstractmethod
    def called(self, func: Any, args: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        """One function with its arguments, before it runs."""


class OperatorWatch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While entered, is told of every operator that ran; what it gives stays as it is."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        del types
        result = func(*args, **(kwargs or {}))
        self.ran(func, args, result)
        return result

    @abstractmethod
    def ran(self, func: Any, args: tuple[Any, ...], result: Any) -> None:
        """One operator with its positional arguments."""


def name_of(func: Any) -> str:
    """The operator's name, the same for all its overloads."""
    return str(func.overloadpacket.__name__)


def tensors_in(values: Any) -> list[torch.Tensor]:
    """The tensors among an operation's arguments or results, those in lists too."""
    if isinstance(values, torch.Tensor):
        return [values]
    if not isinstance(values, tuple | list):
        return []
    return [tensor for member in values for tensor in tensors_in(member)]

"""The operators of torch that run while a model does, with what they take and give."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


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

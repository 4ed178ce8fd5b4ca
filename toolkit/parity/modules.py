"""Where in the user's network a run is: the dotted path of the module whose forward is active."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle


class ModulePath:
    """While entered, `current` names the innermost module of `root` that is running.

    TorchScript takes no hooks: of a script the root alone is known, and taken to run all the time.
    """

    def __init__(self, root: nn.Module) -> None:
        self._root = root
        self._stack: list[str] = []
        self._handles: list[RemovableHandle] = []

    @property
    def current(self) -> str:
        """The dotted path, or the root's class name."""
        return (self._stack[-1] if self._stack else "") or type(self._root).__name__

    @property
    def running(self) -> bool:
        """Whether the root's forward is active at all."""
        return bool(self._stack) or isinstance(self._root, torch.jit.ScriptModule)

    def __enter__(self) -> ModulePath:
        for name, part in self._root.named_modules():
            if isinstance(part, torch.jit.ScriptModule):
                continue
            self._handles.append(part.register_forward_pre_hook(self._entering(name)))
            self._handles.append(part.register_forward_hook(self._leaving, always_call=True))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._stack.clear()

    def _entering(self, name: str) -> Any:
        def hook(module: nn.Module, inputs: object) -> None:
            del module, inputs
            self._stack.append(name)

        return hook

    def _leaving(self, module: nn.Module, inputs: object, output: object) -> None:
        del module, inputs, output
        if self._stack:
            self._stack.pop()

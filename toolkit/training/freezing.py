"""Parameters that a training leaves as they are, and those that it is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import nn

from toolkit.errors import TrainingError


def trainable(module: nn.Module) -> list[nn.Parameter]:
    """The parameters that are not frozen."""
    return [parameter for parameter in module.parameters() if parameter.requires_grad]


def freeze(module: nn.Module, prefixes: Sequence[str]) -> tuple[str, ...]:
    """Freeze every parameter under a prefix (`features`, `fc.weight`); their names.

    Submodules under a prefix go to eval mode: batch statistics are left as they are too. Raises
    `TrainingError` for a prefix that names nothing.
    """
    names = [name for name, _ in module.named_parameters()]
    for prefix in prefixes:
        if not any(_under(name, prefix) for name in names):
            parts = dict.fromkeys(name.partition(".")[0] for name in names)
            raise TrainingError(
                f"no parameter goes by {prefix!r}: there is nothing to freeze",
                hint=f"the module's parts are: {', '.join(parts)}",
            )
    for name, part in module.named_modules():
        if any(_under(name, prefix) for prefix in prefixes):
            part.eval()
    frozen = []
    for name, parameter in module.named_parameters():
        if any(_under(name, prefix) for prefix in prefixes):
            parameter.requires_grad_(False)
            frozen.append(name)
    return tuple(frozen)


@contextmanager
def frozen(module: nn.Module, prefixes: Sequence[str]) -> Iterator[None]:
    """Frozen inside; after it every parameter learns, or does not, as before."""
    before = {parameter: parameter.requires_grad for parameter in module.parameters()}
    try:
        freeze(module, prefixes)
        yield
    finally:
        for parameter, learns in before.items():
            parameter.requires_grad_(learns)


def _under(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")

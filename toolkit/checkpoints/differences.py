"""How named tensors differ from those that a module needs, tied ones included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.checkpoints.telling import listed

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Differences:
    """What keeps named tensors from being a module's, as lists to show; none where they are.

    `needed` and `shared` count the module's names, and those of them that were given; `torn` are
    names that are one tensor in the module and hold different values in the file.
    """

    needed: int
    shared: int
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    shapes: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    torn: tuple[str, ...] = ()

    @property
    def agreeing(self) -> int:
        """How many tensors were given as they are needed."""
        return self.shared - len(self.shapes) - len(self.kinds)

    @property
    def count(self) -> int:
        """How many differences there are."""
        named = (self.missing, self.unexpected, self.shapes, self.kinds, self.torn)
        return sum(len(names) for names in named)

    def told(self) -> str:
        """The differences by what they are, each with the first names."""
        reasons = {
            "missing": self.missing,
            "unexpected": self.unexpected,
            "of another shape": self.shapes,
            "of another kind": self.kinds,
            "one tensor in the model, and different in the file": self.torn,
        }
        return "; ".join(f"{kind}: {listed(names)}" for kind, names in reasons.items() if names)


def differences(expected: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> Differences:
    """Compare named tensors with a module's own; a name may lack where a tied one is given."""
    shared = [name for name in expected if name in state]
    lent = filled(expected, state)
    alike = [name for name in shared if state[name].shape == expected[name].shape]
    return Differences(
        needed=len(expected),
        shared=len(shared) + len(lent),
        missing=tuple(name for name in expected if name not in state and name not in lent),
        unexpected=tuple(name for name in state if name not in expected),
        shapes=tuple(
            f"{name} {tuple(state[name].shape)} for {tuple(expected[name].shape)}"
            for name in shared
            if state[name].shape != expected[name].shape
        ),
        kinds=tuple(
            f"{name} {state[name].dtype} for {expected[name].dtype}"
            for name in alike
            if _kind(state[name]) != _kind(expected[name])
        ),
        torn=_torn(expected, state),
    )


def filled(expected: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> dict[str, str]:
    """Names that are not given, and the tied name whose tensor is theirs too."""
    found: dict[str, str] = {}
    for group in _tied(expected):
        given = [name for name in group if name in state]
        if given:
            found.update({name: given[0] for name in group if name not in state})
    return found


def spare(expected: Mapping[str, Tensor]) -> int:
    """How many names may lack because a tied one is given."""
    return sum(len(group) - 1 for group in _tied(expected))


def _tied(expected: Mapping[str, Tensor]) -> list[Sequence[str]]:
    """Groups of names that are the same memory, seen the same way."""
    import torch

    groups: dict[tuple[object, ...], list[str]] = {}
    for name, tensor in expected.items():
        if tensor.layout != torch.strided or tensor.is_meta or not tensor.numel():
            continue
        view = (tensor.data_ptr(), tensor.dtype, tuple(tensor.shape), tensor.stride())
        groups.setdefault(view, []).append(name)
    return [names for names in groups.values() if len(names) > 1]


def _torn(expected: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[str, ...]:
    found: list[str] = []
    for group in _tied(expected):
        given = [name for name in group if name in state]
        first = given[:1]
        others = [name for name in given if not _equal(state[name], state[first[0]])]
        found += [f"{first[0]} and {name}" for name in others]
    return tuple(found)


def _equal(left: Tensor, right: Tensor) -> bool:
    """Bit for bit, so that NaN is equal to itself."""
    import torch

    if left.shape != right.shape or left.dtype != right.dtype:
        return False
    if left.data_ptr() == right.data_ptr() and left.stride() == right.stride():
        return True
    return torch.equal(
        left.contiguous().flatten().view(torch.uint8),
        right.contiguous().flatten().view(torch.uint8),
    )


def _kind(tensor: Tensor) -> tuple[bool, bool]:
    return tensor.is_floating_point(), tensor.is_complex()

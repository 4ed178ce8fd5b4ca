"""Where in a checkpoint named tensors lie: at its top, nested, or picked by a key or a prefix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from toolkit.checkpoints.telling import listed
from toolkit.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

_DEEPEST = 4
"""How many mappings may lie in one another: `{"ema": {"model": {"state_dict": …}}}`."""

_MEND = "it must hold model.state_dict(), alone or in a dictionary"


@dataclass(frozen=True)
class Section:
    """One mapping of named tensors in a checkpoint, and what must be said of it.

    `place` is the dotted key of the mapping, `picked` the prefix that a key chose among its names,
    `others` what lies among the tensors and is none, `wrappers` what was taken out of the names.
    """

    place: str
    tensors: Mapping[str, Tensor]
    others: tuple[str, ...] = ()
    picked: str = ""
    wrappers: tuple[str, ...] = ()

    def said(self) -> list[str]:
        """What was found, in words."""
        told = [f"from {self.place!r}"] if self.place else []
        told += [f"the names under '{self.picked}.' alone"] if self.picked else []
        told += [f"{part!r} taken out of the names" for part in self.wrappers]
        return told + ([f"left out, no tensors: {listed(self.others)}"] if self.others else [])


def sections(source: str, tree: object, key: str | None = None) -> list[Section]:
    """Every mapping of named tensors, or those that `key` picks: `ema.model`, `state_dict.model`.

    A key is a dotted way through mappings; what is left of it at the end is a prefix of names.
    Raises `WeightsError` where there is none.
    """
    node, place, prefix = _descended(tree, key or "")
    found = list(_walk(node, place, set(), _DEEPEST))
    if prefix:
        found = [_restricted(section, prefix) for section in found]
        found = [section for section in found if section.tensors]
    if found:
        return found
    if key is None:
        raise _empty(source, tree)
    raise WeightsError(
        f"{source} has no named tensors under {key!r}",
        hint=f"there are: {_begins(tree)}" if isinstance(tree, Mapping) and tree else None,
    )


def _descended(tree: object, key: str) -> tuple[object, str, str]:
    """What a key leads to, the part of it that did, and the rest, which no mapping has."""
    found: Any = tree
    rest, place = key, list[str]()
    while rest and isinstance(found, Mapping):
        part = rest if rest in found else rest.partition(".")[0]
        if part not in found:
            break
        found, rest = found[part], rest[len(part) + 1 :]
        place.append(part)
    return found, ".".join(place), rest


def _walk(tree: object, place: str, seen: set[int], depth: int) -> Iterator[Section]:
    """Mappings that hold tensors, outermost first, each once: a file may nest one in itself."""
    import torch

    if not isinstance(tree, Mapping) or id(tree) in seen or not depth:
        return
    seen.add(id(tree))
    tensors = {str(n): value for n, value in tree.items() if isinstance(value, torch.Tensor)}
    if tensors or (not tree and not place):
        others = tuple(str(name) for name in tree if str(name) not in tensors)
        yield Section(place, tensors, others)
    for name, inner in tree.items():
        yield from _walk(inner, f"{place}.{name}" if place else str(name), seen, depth - 1)


def _restricted(section: Section, prefix: str) -> Section:
    under = f"{prefix}."
    tensors = {
        name.removeprefix(under): tensor
        for name, tensor in section.tensors.items()
        if name.startswith(under)
    }
    return replace(section, tensors=tensors, others=(), picked=prefix)


def _empty(source: str, tree: object) -> WeightsError:
    if isinstance(tree, Mapping):
        return WeightsError(f"{source} holds no named tensors, only {_begins(tree)}", hint=_MEND)
    return WeightsError(f"{source} holds {type(tree).__name__}, not named tensors", hint=_MEND)


def _begins(tree: Mapping[Any, Any]) -> str:
    """The keys of a mapping, or what names of tensors begin with."""
    return listed(list(dict.fromkeys(str(name).partition(".")[0] for name in tree)))

"""Which port of a candidate is which of the reference's: by name, else by position (rule 1)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from toolkit.errors import ToolkitError
from toolkit.parity.declared import Declared
from toolkit.parity.findings import Finding, note
from toolkit.spec import Port

MOST_WAYS = 10_000
"""Of leaving inputs out: where there are more, none is looked for."""

Kind = Literal["input", "output"]


class PortsError(ToolkitError):
    """The ports of a candidate are not those of its reference: a `structure` finding."""

    name = "structure"


@dataclass(frozen=True)
class Matching:
    """The candidate's own name of each port that it has, by the reference's.

    `dropped` are inputs that the candidate does without.
    """

    kind: Kind
    own: Mapping[str, str]
    by_position: bool = False
    dropped: tuple[str, ...] = ()

    def told(self) -> list[Finding]:
        """What a reader must know of it: nothing where all names agree."""
        found = []
        if self.by_position:
            pairs = ", ".join(f"{own} as {name}" for name, own in self.own.items())
            text = f"{self.kind}s are taken by position, their names differ: {pairs}"
            found.append(note("structure", text))
        if self.dropped:
            text = f"the candidate does without the {_told(self.kind, self.dropped)}"
            found.append(note("structure", text))
        return found


def match_inputs(ports: Sequence[Port], found: Sequence[Declared]) -> Matching:
    """The candidate's inputs; raises `PortsError` where they cannot be the reference's.

    An input that nothing uses may have been dropped by an exporter. That is known by the names
    of those that are left, else where they fit in one way alone.
    """
    names, own = [port.name for port in ports], [entry.name for entry in found]
    if set(own) <= set(names):
        pairs = {name: name for name in names if name in own}
        matching = Matching("input", pairs, dropped=_without(names, pairs))
    elif len(own) == len(names):
        matching = Matching("input", dict(zip(names, own, strict=True)), by_position=True)
    else:
        matching = _fitted(ports, found)
    _require_like(ports, found, matching)
    return matching


def match_outputs(names: Sequence[str], own: Sequence[str]) -> Matching:
    """The candidate's outputs; raises `PortsError` where they are more or fewer."""
    if set(own) == set(names):
        return Matching("output", {name: name for name in names})
    if len(own) != len(names):
        raise _other_number("output", names, own)
    return Matching("output", dict(zip(names, own, strict=True)), by_position=True)


def _fitted(ports: Sequence[Port], found: Sequence[Declared]) -> Matching:
    """Fewer inputs, in their order, where their dtypes and shapes leave one way to take them."""
    few = math.comb(len(ports), len(found)) <= MOST_WAYS
    ways = [
        chosen
        for chosen in (combinations(ports, len(found)) if few else ())
        if all(_fits(port, entry) for port, entry in zip(chosen, found, strict=True))
    ]
    names = [port.name for port in ports]
    if len(ways) != 1:
        raise _other_number("input", names, [entry.name for entry in found])
    pairs = {port.name: entry.name for port, entry in zip(ways[0], found, strict=True)}
    return Matching("input", pairs, by_position=True, dropped=_without(names, pairs))


def _fits(port: Port, entry: Declared) -> bool:
    if entry.shape is None or entry.dtype != port.dtype or len(entry.shape) != len(port.shape):
        return False
    pairs = zip(port.shape, entry.shape, strict=True)
    return not any(
        isinstance(size, int) and isinstance(extent, int) and size != extent
        for size, extent in pairs
    )


def _require_like(ports: Sequence[Port], found: Sequence[Declared], matching: Matching) -> None:
    """Raise `PortsError` for inputs of another dtype or rank: no case could be run."""
    by_name = {entry.name: entry for entry in found}
    faults = [
        f"{own} as {_like(entry)}, the reference takes {port.name} as {port.dtype} of rank "
        f"{len(port.shape)}"
        for port in ports
        if (own := matching.own.get(port.name)) and _is_other(port, entry := by_name[own])
    ]
    if faults:
        raise PortsError(f"the candidate takes {'; '.join(faults)}")


def _is_other(port: Port, entry: Declared) -> bool:
    other_rank = entry.shape is not None and len(entry.shape) != len(port.shape)
    return other_rank or entry.dtype not in (None, port.dtype)


def _like(entry: Declared) -> str:
    rank = "" if entry.shape is None else f" of rank {len(entry.shape)}"
    return f"{entry.dtype or 'a tensor'}{rank}"


def fixed_sizes(
    ports: Sequence[Port], found: Sequence[Declared], matching: Matching
) -> Mapping[str, int]:
    """The reference's dimensions that the candidate's inputs fix, each at one size."""
    sizes: dict[str, set[int]] = {}
    for name, extent in _fixed(ports, found, matching):
        sizes.setdefault(name, set()).add(extent)
    return {name: extents.pop() for name, extents in sizes.items() if len(extents) == 1}


def _fixed(
    ports: Sequence[Port], found: Sequence[Declared], matching: Matching
) -> Iterator[tuple[str, int]]:
    by_name = {entry.name: entry for entry in found}
    for port in ports:
        shape = by_name[matching.own[port.name]].shape if port.name in matching.own else None
        for size, extent in zip(port.shape, shape or (), strict=False):
            if isinstance(size, str) and isinstance(extent, int):
                yield size, extent


def _without(names: Sequence[str], pairs: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in pairs)


def _other_number(kind: Kind, names: Sequence[str], own: Sequence[str]) -> PortsError:
    has = "takes" if kind == "input" else "gives"
    return PortsError(
        f"the candidate {has} the {_told(kind, own)}, the reference {has} the {_told(kind, names)}"
    )


def _told(kind: Kind, names: Sequence[str]) -> str:
    return f"{kind}{'s' if len(names) > 1 else ''} {', '.join(names) or 'none'}"

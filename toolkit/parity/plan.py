"""The case plan: which sizes and which values a check runs, by coverage and not by luck."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle
from typing import Any, Literal

from numpy.typing import NDArray

from toolkit.inputs import Kind, draw
from toolkit.spec import ModelSpec

Array = NDArray[Any]
DrawClass = Literal["ordinary", "scaled", "flat", "outliers"]
DRAW_CLASSES: tuple[DrawClass, ...] = ("ordinary", "scaled", "flat", "outliers")

SEEDS = 3
"""Draws of the declared distribution at every size."""
CLASS_CASES = 4
"""The least number of cases of a draw class: in a single one eager may meet the oracle by luck."""
FEW_SIZES = 6
"""Up to so many points of the size plan each gets every seed; beyond, only some do."""

_CLASS_OF: Mapping[str, DrawClass] = {
    "ordinary": "ordinary",
    "flipped": "ordinary",
    "full-range": "ordinary",
    "given": "ordinary",
    "scaled": "scaled",
    "outliers": "outliers",
}
_FLAT_KINDS: tuple[Kind, ...] = ("zeros", "ones", "lowest", "highest")


@dataclass(frozen=True)
class Case:
    """One point of the size plan with one draw of values; `given` holds the user's own arrays."""

    number: int
    sizes: Mapping[str, int]
    kind: Kind | Literal["given"]
    seed: int
    given: Mapping[str, Array] | None = None

    @property
    def draw_class(self) -> DrawClass:
        """The class whose cases share their noise."""
        return _CLASS_OF.get(self.kind, "flat")

    def inputs(self, spec: ModelSpec) -> Mapping[str, Array]:
        """The arrays of this case, the same at every call."""
        if self.given is not None:
            return self.given
        assert self.kind != "given"
        return draw(spec, self.sizes, self.seed, self.kind)

    def __str__(self) -> str:
        sizes = ", ".join(f"{name} {size}" for name, size in self.sizes.items()) or "fixed sizes"
        return f"case {self.number} ({sizes}; {self.kind}, seed {self.seed})"


def size_points(spec: ModelSpec) -> list[dict[str, int]]:
    """Every dynamic dimension at each tested size, alone and together; the traced point first."""
    traced = spec.traced_sizes
    points = [traced]
    for dimension in spec.dimensions:
        points += [{**traced, dimension.name: size} for size in dimension.tested]
    if len(spec.dimensions) > 1:
        points += _together(spec)
    unique = {tuple(point.items()): point for point in points}
    return list(unique.values())


def _together(spec: ModelSpec) -> Iterator[dict[str, int]]:
    """All dimensions away from their traced size at once: in step, and shifted against another."""
    tested = [dimension.tested for dimension in spec.dimensions]
    names = [dimension.name for dimension in spec.dimensions]
    for step in range(max(map(len, tested))):
        yield {name: sizes[step % len(sizes)] for name, sizes in zip(names, tested, strict=True)}
    for step in range(max(map(len, tested))):
        shifted = enumerate(zip(names, tested, strict=True))
        yield {name: sizes[(step + index) % len(sizes)] for index, (name, sizes) in shifted}


def plan(
    spec: ModelSpec, *, seed: int = 0, given: tuple[Mapping[str, Array], ...] = ()
) -> tuple[Case, ...]:
    """All cases of a check, numbered; the same for the same spec and seed."""
    points = size_points(spec)
    described: list[tuple[dict[str, int], Kind, int]] = [
        *_ordinary(spec, points, seed),
        *_spread(points, ["scaled"] * max(CLASS_CASES, len(points)), seed + 100),
        *_spread(points, [*_FLAT_KINDS, "zeros"], seed + 200),
        *_spread(points, ["outliers"] * CLASS_CASES, seed + 300),
    ]
    drawn = [Case(number, *parts) for number, parts in enumerate(described)]
    own = [
        Case(len(drawn) + index, _sizes_of(spec, arrays), "given", seed, arrays)
        for index, arrays in enumerate(given)
    ]
    return (*drawn, *own)


def _ordinary(
    spec: ModelSpec, points: list[dict[str, int]], seed: int
) -> Iterator[tuple[dict[str, int], Kind, int]]:
    everywhere = len(points) <= FEW_SIZES
    for index, point in enumerate(points):
        for offset in range(SEEDS if everywhere or index < SEEDS else 1):
            yield point, "ordinary", seed + 10 * index + offset
    yield from _spread(points, ["flipped"] * min(CLASS_CASES, max(2, len(points))), seed)
    if any(not port.is_float for port in spec.inputs):
        yield from _spread(points, ["full-range"] * 2, seed + 50)


def _spread(
    points: list[dict[str, int]], kinds: list[Kind] | list[str], seed: int
) -> Iterator[tuple[dict[str, int], Kind, int]]:
    """Each kind once, going round the size points, so that no class sees one size only."""
    for offset, (kind, point) in enumerate(zip(kinds, cycle(points), strict=False)):
        yield point, kind, seed + offset  # type: ignore[misc]


def _sizes_of(spec: ModelSpec, arrays: Mapping[str, Array]) -> dict[str, int]:
    """The sizes that given arrays have, read off the first port that names each dimension."""
    found: dict[str, int] = {}
    for port in spec.inputs:
        for size, extent in zip(port.shape, arrays[port.name].shape, strict=True):
            if isinstance(size, str):
                found.setdefault(size, extent)
    return found

"""The case plan: which sizes and which values a check runs, by coverage and not by luck."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any, Literal, cast

from numpy.typing import NDArray

from toolkit.inputs import FLAT_KINDS, LENGTH_KINDS, Kind, draw, landmarks
from toolkit.spec import BATCH, INTEGERS, ModelSpec, Port

Array = NDArray[Any]
DrawClass = Literal["ordinary", "scaled", "flat", "outliers"]
DRAW_CLASSES: tuple[DrawClass, ...] = ("ordinary", "scaled", "flat", "outliers")

SEEDS = 3
"""Draws of the declared distribution at every size."""
CLASS_CASES = 4
"""The least number of cases of a draw class: in a single one eager may meet the oracle by luck."""
FEW_SIZES = 6
"""Up to so many points of the size plan each gets every seed; beyond, only some do."""

WIDE_CASES = 3
"""Draws of many samples: what one sample in hundreds shows is not left to luck."""
WIDEST = 512
LEAST_WIDE = 16
WIDE_VALUES = 2**19
"""The most values of an input or output of a wide case; a larger sample makes it narrower."""
MOST_REAL_SIZES = 4
"""Sizes of real samples at which values are drawn as well."""
LEAST_FULL_RANGE = 2
"""Draws of integers over their full range; more where one holds too few of its landmarks."""

CaseKind = Literal[Kind, "given", "held-out", "units", "weights"]
"""How values come about: drawn, the user's own, of a data set, or sought (units, weights)."""
_CLASS_OF: Mapping[CaseKind, DrawClass] = {
    **dict.fromkeys(FLAT_KINDS, "flat"),
    "scaled": "scaled",
    "outliers": "outliers",
}


@dataclass(frozen=True)
class Case:
    """One point of the size plan with one draw of values.

    `flag` is the boolean that alone is false or true; `given` holds arrays that are not drawn.
    """

    number: int
    sizes: Mapping[str, int]
    kind: CaseKind
    seed: int
    flag: str | None = None
    given: Mapping[str, Array] | None = None

    @property
    def draw_class(self) -> DrawClass:
        """The class whose cases share their noise."""
        return _CLASS_OF.get(self.kind, "ordinary")

    @property
    def values(self) -> str:
        """Its kind, with the boolean that it is about."""
        return self.kind if self.flag is None else f"{self.kind} in {self.flag} alone"

    def inputs(self, spec: ModelSpec) -> Mapping[str, Array]:
        """The arrays of this case, the same at every call."""
        if self.given is not None:
            return self.given
        return draw(spec, self.sizes, self.seed, cast("Kind", self.kind), self.flag)

    def __str__(self) -> str:
        sizes = ", ".join(f"{name} {size}" for name, size in self.sizes.items()) or "fixed sizes"
        return f"case {self.number} ({sizes}; {self.values}, seed {self.seed})"


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


@dataclass(frozen=True)
class _Draw:
    """A case without its number."""

    sizes: dict[str, int]
    kind: Kind
    seed: int
    flag: str | None = None


def plan(
    spec: ModelSpec,
    *,
    seed: int = 0,
    given: Sequence[Mapping[str, Array]] = (),
    held_out: Sequence[Mapping[str, Array]] = (),
) -> tuple[Case, ...]:
    """All cases of a check, numbered; the same for the same spec and seed.

    A model without floating inputs has no larger values and no outliers: its draws are those of
    the integers. `given` are the user's own arrays, `held_out` samples of the data that the model
    is trained on. At sizes that they alone have, ordinary values are drawn too.
    """
    points = size_points(spec)
    real_points = [_sizes_of(spec, arrays) for arrays in (*held_out, *given)]
    draws = [
        *_ordinary(points, seed),
        *_of_some_inputs(spec, points, seed),
        *_spread(points, FLAT_KINDS, seed + 200),
        *(_of_floats(points, seed) if any(port.is_float for port in spec.inputs) else ()),
        *_wide(spec, points, seed + 400),
        *_at_real_sizes(spec, points, real_points, seed + 500),
    ]
    drawn = [
        Case(number, one.sizes, one.kind, one.seed, one.flag) for number, one in enumerate(draws)
    ]
    real: list[tuple[CaseKind, Mapping[str, Array]]] = [
        *(("held-out", arrays) for arrays in held_out),
        *(("given", arrays) for arrays in given),
    ]
    held = [
        Case(number, _sizes_of(spec, arrays), kind, seed, given=arrays)
        for number, (kind, arrays) in enumerate(real, start=len(drawn))
    ]
    return (*drawn, *held)


def _ordinary(points: list[dict[str, int]], seed: int) -> Iterator[_Draw]:
    everywhere = len(points) <= FEW_SIZES
    for index, point in enumerate(points):
        for offset in range(SEEDS if everywhere or index < SEEDS else 1):
            yield _Draw(point, "ordinary", seed + 10 * index + offset)


def _of_floats(points: list[dict[str, int]], seed: int) -> Iterator[_Draw]:
    yield from _spread(points, ["flipped"] * min(CLASS_CASES, max(2, len(points))), seed)
    yield from _spread(points, ["scaled"] * max(CLASS_CASES, len(points)), seed + 100)
    yield from _spread(points, ["outliers"] * CLASS_CASES, seed + 300)


def _of_some_inputs(spec: ModelSpec, points: list[dict[str, int]], seed: int) -> Iterator[_Draw]:
    """What integers, booleans, masks and lengths can be, with ordinary values beside them.

    At the traced sizes: what fails there is not taken for a size that does not vary.
    """
    traced, *_ = points
    ends = [len(landmarks(port)) for port in spec.inputs if _is_drawn_over_a_range(port)]
    for offset in range(max(LEAST_FULL_RANGE, *ends) if ends else 0):
        yield _Draw(traced, "full-range", seed + 50 + offset)
    for offset, (kind, flag) in enumerate(_flags(spec)):
        yield _Draw(traced, kind, seed + 60 + offset, flag)
    if any(port.mask or _is_length(port) for port in spec.inputs):
        widest = {one.name: one.tested[-1] for one in spec.dimensions}
        yield from _spread([traced], LENGTH_KINDS, seed + 80)
        if widest != traced:
            yield from _spread([widest], ["sorted", "unsorted"], seed + 90)


def _wide(spec: ModelSpec, points: list[dict[str, int]], seed: int) -> Iterator[_Draw]:
    """Batches as large as they are cheap: a channel that is nearly always off is on in some."""
    traced, *_ = points
    size = widest(spec)
    if size is not None:
        yield from _spread([{**traced, BATCH: size}], ["wide"] * WIDE_CASES, seed)


def _at_real_sizes(
    spec: ModelSpec, points: list[dict[str, int]], real: Sequence[dict[str, int]], seed: int
) -> Iterator[_Draw]:
    """Real samples are few and alike: at their sizes ordinary values are drawn too, a case each."""
    further: list[dict[str, int]] = []
    for point in real:
        allowed = all(spec.dimension(name).allows(size) for name, size in point.items())
        if allowed and point not in (*points, *further):
            further.append(point)
    yield from _spread(further[:MOST_REAL_SIZES], ["ordinary"] * MOST_REAL_SIZES, seed)


def widest(spec: ModelSpec) -> int | None:
    """The batch of a wide case; None for a model without that dimension, or of large samples."""
    if BATCH not in spec.traced_sizes:
        return None
    one = {**spec.traced_sizes, BATCH: 1}
    largest = max((_values(port, one) for port in (*spec.inputs, *spec.outputs)), default=1)
    size = min(WIDEST, WIDE_VALUES // max(largest, 1))
    dimension = spec.dimension(BATCH)
    allowed = (each for each in range(size, LEAST_WIDE - 1, -1) if dimension.allows(each))
    return next(allowed, None)


def _values(port: Port, sizes: Mapping[str, int]) -> int:
    """How many values it holds; an extent that only running it tells counts as one."""
    return math.prod(sizes.get(size, 1) if isinstance(size, str) else size for size in port.shape)


def _is_drawn_over_a_range(port: Port) -> bool:
    return port.dtype in INTEGERS and not port.mask and port.up_to is None


def _is_length(port: Port) -> bool:
    return port.dtype in INTEGERS and port.up_to is not None


def _flags(spec: ModelSpec) -> Iterator[tuple[Kind, str | None]]:
    """Both values of every boolean; of several also of each alone, so that all pairs occur."""
    flags = [port.name for port in spec.inputs if port.dtype == "bool" and not port.mask]
    kinds: tuple[Kind, ...] = ("false", "true")
    # Of two, what one alone is false in is what the other alone is true in.
    alone = flags if len(flags) > len(kinds) else flags[:-1]
    everywhere = [None] if flags else []
    yield from ((kind, flag) for flag in (*everywhere, *alone) for kind in kinds)


def _spread(points: Sequence[dict[str, int]], kinds: Sequence[Kind], seed: int) -> Iterator[_Draw]:
    """Each kind once, going round the size points, so that no class sees one size only."""
    for offset, (kind, point) in enumerate(zip(kinds, cycle(points), strict=False)):
        yield _Draw(point, kind, seed + offset)


def _sizes_of(spec: ModelSpec, arrays: Mapping[str, Array]) -> dict[str, int]:
    """The sizes that given arrays have, read off the first port that names each dimension."""
    found: dict[str, int] = {}
    for port in spec.inputs:
        for size, extent in zip(port.shape, arrays[port.name].shape, strict=True):
            if isinstance(size, str):
                found.setdefault(size, extent)
    return found

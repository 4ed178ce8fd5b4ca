"""One tensor that goes into a model or comes out of it, and the sizes that it can have."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from toolkit.errors import SpecError

BATCH = "batch"
"""The name of the dimension along which samples are put together."""

Size = int | str
"""One extent of a shape: a number, or the name of a dynamic dimension."""

FLOATS = ("float16", "bfloat16", "float32", "float64")
INTEGERS = ("uint8", "int8", "int16", "int32", "int64")
DTYPES = (*FLOATS, *INTEGERS, "bool")

TRACED_SIZE = 2
USUAL_SIZES = (2, 3, 5)


@dataclass(frozen=True)
class Dimension:
    """The range of one symbolic dimension: `low` to `high` (None: no end) in steps of `step`.

    `usual` is the size that the model is usually run at, None where nothing says it.
    """

    name: str
    low: int = 1
    high: int | None = None
    step: int = 1
    traced_at: int | None = None
    usual: int | None = None

    def __post_init__(self) -> None:
        if self.low < 0 or self.step < 1:
            raise SpecError(f"dimension {self.name}: low must be ≥ 0 and step ≥ 1")
        if self.high is not None and self.high < self.low:
            raise SpecError(f"dimension {self.name}: high {self.high} is under low {self.low}")
        if self.traced_at is not None and not self.allows(self.traced_at):
            raise SpecError(f"dimension {self.name}: traced at {self.traced_at}, not in its range")
        if self.usual is not None and not self.allows(self.usual):
            raise SpecError(f"dimension {self.name}: usually {self.usual}, not in its range")

    def allows(self, size: int) -> bool:
        """Whether `size` lies in the range and on a step."""
        in_range = size >= self.low and (self.high is None or size <= self.high)
        return in_range and (size - self.low) % self.step == 0

    @property
    def traced(self) -> int:
        """The size that exporters see: 2 where the range allows it (1 is often specialised)."""
        if self.traced_at is not None:
            return self.traced_at
        candidates = (TRACED_SIZE, self.low + self.step, self.low)
        return next(size for size in candidates if self.allows(size))

    @property
    def tested(self) -> tuple[int, ...]:
        """The sizes that a check runs: the least, 2, 3 and 5, or as many further steps."""
        sizes = {size for size in (self.low, self.traced, *USUAL_SIZES) if self.allows(size)}
        for stride in (1, 2, 4):
            if len(sizes) < len(USUAL_SIZES) + 1 and self.allows(self.low + stride * self.step):
                sizes.add(self.low + stride * self.step)
        return tuple(sorted(sizes))

    @property
    def timed(self) -> int:
        """The size that is timed where none is asked for: else the largest that a check runs."""
        return self.tested[-1] if self.usual is None else self.usual


@dataclass(frozen=True)
class Port:
    """One named tensor that goes in or comes out, and how its values are drawn.

    Without `low` and `high` floating values are standard normal and integers lie in 0 … 9;
    with them values are uniform in the closed range. Every draw keeps to the range. `up_to` names
    a dimension whose size is the upper end (lengths of sequences); `high` then only caps it.
    `path` says where an input lies inside a parameter of `forward`, as in `states.1`; without it
    the input is the parameter of its name. A `mask` is drawn as one of padding at the end: along
    the last axis as many ones as a sample is long, at least one, then zeros.
    """

    name: str
    shape: tuple[Size, ...]
    dtype: str = "float32"
    low: float | None = None
    high: float | None = None
    up_to: str | None = None
    path: str | None = None
    mask: bool = False

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise SpecError(f"port {self.name}: unknown dtype {self.dtype}; one of {DTYPES}")
        if any(isinstance(size, int) and size < 0 for size in self.shape):
            raise SpecError(f"port {self.name}: negative size in {self.shape}")
        if self.up_to is None and (self.low is None) != (self.high is None):
            raise SpecError(f"port {self.name}: give both ends of the range, or neither")
        if self.low is not None and self.high is not None and not self.low <= self.high:
            raise SpecError(f"port {self.name}: range {self.low} … {self.high} is empty")
        if self.dtype in INTEGERS and self.low is not None and self.high is not None:
            self._require_integers(self.low, self.high)
        if self.low is not None and not math.isfinite(self.low + (self.high or 0.0)):
            raise SpecError(f"port {self.name}: the range must be finite")

    def bounded(self, sizes: Mapping[str, int]) -> Port:
        """The port with `up_to` replaced by the size of its dimension."""
        if self.up_to is None:
            return self
        low = 0.0 if self.low is None else self.low
        high = float(sizes[self.up_to]) if self.high is None else min(self.high, sizes[self.up_to])
        return replace(self, low=min(low, high), high=high, up_to=None)

    def _require_integers(self, low: float, high: float) -> None:
        bits = int(self.dtype.lstrip("uint"))
        signed = not self.dtype.startswith("u")
        least = -(2 ** (bits - 1)) if signed else 0
        most = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
        if low != int(low) or high != int(high) or low < least or high > most:
            raise SpecError(f"port {self.name}: range {low:g} … {high:g} does not fit {self.dtype}")

    @property
    def dotted(self) -> str:
        """Where it lies among the arguments of `forward`."""
        return self.path or self.name

    @property
    def is_float(self) -> bool:
        """Whether the port carries floating values."""
        return self.dtype in FLOATS

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of its dynamic dimensions, in order."""
        return tuple(size for size in self.shape if isinstance(size, str))

    @property
    def batch_axis(self) -> int | None:
        """Where its samples lie beside each other; None for what all of them share."""
        return self.shape.index(BATCH) if BATCH in self.shape else None

    def at(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The shape with every name replaced by its size."""
        return tuple(sizes[size] if isinstance(size, str) else size for size in self.shape)

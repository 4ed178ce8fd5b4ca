"""The sizes that are timed: those asked for, else the usual ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from toolkit.errors import UsageError
from toolkit.options import Cell
from toolkit.spec import BATCH, ModelSpec


def sizes_of(spec: ModelSpec, cell: Cell) -> dict[str, int]:
    """The batch of the cell; every other dynamic dimension as asked for, else as it usually is."""
    require_allowed(spec, cell.sizes)
    sizes = {one.name: cell.sizes.get(one.name, one.timed) for one in spec.dimensions}
    if BATCH in sizes:
        if not spec.dimension(BATCH).allows(cell.batch):
            raise UsageError(f"batch {cell.batch} is out of the model's range", model=spec.name)
        sizes[BATCH] = cell.batch
    elif cell.batch != 1:
        raise UsageError("the model has no dimension called batch", model=spec.name)
    return sizes


def without_batch(sizes: Mapping[str, int]) -> dict[str, int]:
    """What a row says of its sizes besides the batch."""
    return {name: size for name, size in sizes.items() if name != BATCH}


def require_sizes(asked: Mapping[str, int], specs: Iterable[ModelSpec | None]) -> None:
    """Raise `UsageError` for sizes that the models cannot be timed at; None is one not yet known.

    A model that lacks a dimension is timed without it, as long as another has it.
    """
    require_no_batch(asked)
    found = list(specs)
    for spec in filter(None, found):
        require_allowed(spec, asked)
    known = [one.name for spec in filter(None, found) for one in spec.dimensions]
    require_known([] if None in found else asked, known)


def require_allowed(spec: ModelSpec, asked: Mapping[str, int]) -> None:
    """Raise `UsageError` for a size out of the model's range; names that it lacks are others'."""
    for dimension in spec.dimensions:
        size = asked.get(dimension.name)
        if size is not None and not dimension.allows(size):
            high = "any" if dimension.high is None else dimension.high
            step = f" in steps of {dimension.step}" if dimension.step > 1 else ""
            raise UsageError(
                f"--size {dimension.name}={size}: {dimension.name} is {dimension.low} to"
                f" {high}{step}",
                model=spec.name,
            )


def require_no_batch(asked: Iterable[str]) -> None:
    """Raise `UsageError` for the batch, which has an option of its own."""
    if BATCH in asked:
        raise UsageError(f"--size {BATCH}: how many samples are timed at once is --{BATCH}")


def require_known(asked: Iterable[str], known: Iterable[str]) -> None:
    """Raise `UsageError` for the size of a dimension that no model has."""
    own = [name for name in dict.fromkeys(known) if name != BATCH]
    for name in asked:
        if name not in own:
            raise UsageError(
                f"--size {name}: no model has a dynamic dimension called {name}",
                hint=f"there is {', '.join(own)}" if own else "all sizes but the batch are numbers",
            )

"""Which axes of the inputs move together, found by moving them alone first and then with others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import nn

from toolkit.dynamics.ranges import Range, find_range, neighbours
from toolkit.dynamics.trials import Axis, Trials
from toolkit.spec import BATCH, ModelSpec

MOST_TOGETHER = 4
"""Of more axes of one size not every pair and triple is tried, only all of them at once."""


@dataclass(frozen=True)
class Group:
    """Axes that have one size, and the sizes that eager takes for it; `name` is the dimension's.

    `joined` where it is a dimension that the user named, which has a range of its own.
    """

    name: str
    axes: tuple[Axis, ...]
    range: Range
    joined: bool = False

    @property
    def given(self) -> int:
        """The size that the user gave."""
        return self.axes[0].size

    @property
    def places(self) -> dict[tuple[str, int], str]:
        """Its name by input and axis."""
        return {(axis.port, axis.place): self.name for axis in self.axes}


def find_groups(trials: Trials, axes: Sequence[Axis]) -> list[Group]:
    """Every axis that can vary, with those that must vary with it, first axes before others."""
    free = sorted(axes, key=lambda axis: axis.place)
    found: list[Group] = []
    for axis in list(free):
        if axis not in free:
            continue
        group = _group_of(trials, axis, [one for one in free if one is not axis])
        if group is not None and _goes_with(trials, group, found):
            found.append(group)
            free = [one for one in free if one not in group.axes]
    return found


def _goes_with(trials: Trials, group: Group, others: Sequence[Group]) -> bool:
    """Whether it varies while the others do: some sizes hold each alone and not together."""
    moved = {key: size for other in others for key, size in _another(other).items()}
    return bool(trials.takes({**moved, **_another(group)}, batch=True))


def _another(group: Group) -> dict[str, int]:
    """A size besides the given one, for every axis of the group."""
    held, step, given = group.range, group.range.step, group.given
    up = held.high is None or given + step <= held.high
    names = [group.name] if group.joined else []
    keys = [*(axis.key for axis in group.axes), *names]
    return dict.fromkeys(keys, given + step if up else given - step)


def _group_of(trials: Trials, axis: Axis, others: Sequence[Axis]) -> Group | None:
    for chosen in _together(axis, others):
        keys = frozenset(one.key for one in chosen)
        if not _moves(trials, keys, axis.size):
            continue
        least = chosen if axis.size == 1 else _without_idle(trials, axis, chosen)
        return _measured(trials, least)
    return _with_named(trials, axis)


def _together(axis: Axis, others: Sequence[Axis]) -> Iterator[tuple[Axis, ...]]:
    """The axis alone, then with others of its size: those at the same place, all, a few.

    At size 1 the same place comes first, because one alone is taken wherever sizes are broadcast.
    """
    equal = [one for one in others if one.size == axis.size]
    beside = [one for one in equal if one.place == axis.place]
    alone = (axis,)
    yield from ((axis, *beside), alone) if axis.size == 1 and beside else (alone,)
    if beside and axis.size > 1:
        yield (axis, *beside)
    if len(equal) > len(beside):
        yield (axis, *equal)
    if len(equal) <= MOST_TOGETHER:
        for count in (1, 2):
            yield from ((axis, *few) for few in combinations(equal, count) if len(equal) > count)


def _moves(trials: Trials, keys: frozenset[str], given: int) -> bool:
    return any(trials.takes(dict.fromkeys(keys, size)) for size in neighbours(given))


def _without_idle(trials: Trials, axis: Axis, chosen: tuple[Axis, ...]) -> tuple[Axis, ...]:
    """Of axes that vary together those without which the first cannot."""
    kept = chosen
    for other in chosen:
        fewer = tuple(one for one in kept if one is not other)
        keys = frozenset(one.key for one in fewer)
        if other is not axis and _moves(trials, keys, axis.size):
            kept = fewer
    return kept


def _measured(trials: Trials, axes: tuple[Axis, ...]) -> Group | None:
    keys = [axis.key for axis in axes]
    given = axes[0].size
    held = find_range(
        lambda size: trials.takes(dict.fromkeys(keys, size)), given, _tables(trials.module)
    )
    if held is None:
        return None
    return Group(_name(trials, axes, held), axes, held)


def _name(trials: Trials, axes: tuple[Axis, ...], held: Range) -> str:
    """`batch` for the first axis of all inputs, where samples stay apart; else `x_2`.

    From then on no other size may change what the outputs have as their batch.
    """
    keys = frozenset(axis.key for axis in axes)
    having = [port for port in trials.spec.inputs if port.shape]
    shared = all(port.shape[0] in keys for port in having)
    if shared and len(axes) == len(having) and BATCH not in _taken(trials.spec):
        size = axes[0].size if axes[0].size > 1 else axes[0].size + held.step
        followed = trials.keeps_samples_apart(keys, size)
        if followed:
            trials.followed = followed
            return BATCH
    return _free_name(trials.spec, axes[0])


def _taken(spec: ModelSpec) -> set[str]:
    return {dimension.name for dimension in spec.dimensions} | {port.name for port in spec.inputs}


def _free_name(spec: ModelSpec, axis: Axis) -> str:
    name = f"{axis.port}_{axis.place}"
    while name in _taken(spec):
        name += "_"
    return name


def _with_named(trials: Trials, axis: Axis) -> Group | None:
    """The axis as one more of a dimension that the user named, where it varies with that alone."""
    for name, size in trials.given.items():
        named = trials.spec.dimension(name)
        if size != axis.size or named.low == named.high:
            continue
        other = next((one for one in named.tested if one not in (1, size)), None)
        if other is not None and trials.takes({name: other, axis.key: other}, batch=True):
            return Group(name, (axis,), Range(named.low, named.high, named.step), joined=True)
    return None


def _tables(module: nn.Module) -> list[int]:
    """The lengths of what positions are looked up in: embeddings and a user's own tensors."""
    found: set[int] = set()
    for part in module.modules():
        if isinstance(part, nn.Embedding):
            found.add(part.num_embeddings)
        elif not type(part).__module__.startswith("torch."):
            own: Mapping[str, torch.Tensor | None] = {**part._parameters, **part._buffers}
            found.update(
                size for value in own.values() if value is not None for size in value.shape
            )
    return sorted(found)

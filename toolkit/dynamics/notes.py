"""What is told about the sizes that were tried: which vary, and by what line the others do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from toolkit.dynamics.captured import Baked, Captured
from toolkit.dynamics.groups import Group
from toolkit.dynamics.ranges import neighbours
from toolkit.dynamics.trials import LARGE, LATE, Axis, Trials
from toolkit.grammar import told_dim, told_input
from toolkit.spec import Dimension, ModelSpec


@dataclass(frozen=True)
class Told:
    """One note: `dynamic` for what was tried, `baked-dimension` for what only capture refuses."""

    name: Literal["dynamic", "baked-dimension"]
    message: str


def notes(
    spec: ModelSpec, trials: Trials, axes: Sequence[Axis], captured: Captured
) -> tuple[Told, ...]:
    """First what varies, in the words of --input and --dim, then what does not, and why."""
    told = [Told("dynamic", _summary(spec, captured.groups))]
    if captured.refused:
        text = f"torch.export refuses the model, eager alone was asked: {captured.refused}"
        told.append(Told("dynamic", text))
    ends = (_ends(trials, group) for group in captured.groups if not group.joined)
    told += [Told("dynamic", text) for text in ends if text]
    told += [Told("baked-dimension", _baked(one)) for one in captured.baked]
    groups = [*captured.groups, *(one.group for one in captured.baked)]
    moving = {axis for group in groups for axis in group.axes}
    return (*told, *(Told("dynamic", _fixed(trials, axis)) for axis in axes if axis not in moving))


def _summary(spec: ModelSpec, groups: Sequence[Group]) -> str:
    if not groups:
        return "no size that is a number can vary"
    names = {group.name for group in groups}
    inputs = [f"--input {told_input(port)}" for port in spec.inputs if names & set(port.symbols)]
    dims = (spec.dimension(group.name) for group in groups if not group.joined)
    limited = [f"--dim {told_dim(dim)}" for dim in dims if dim != Dimension(dim.name)]
    return f"can vary: {' '.join([*inputs, *limited])}"


def _ends(trials: Trials, group: Group) -> str:
    """Why a range ends where it does: what eager says of the next sizes; empty where it has none.

    An end that the captured graph sets is told with that.
    """
    held = group.range
    beyond = [held.low - held.step] if held.low > held.step else []
    beyond += [held.high + held.step] if held.high is not None else []
    refused = {
        size: trials.refusal(dict.fromkeys((axis.key for axis in group.axes), size))
        for size in beyond
    }
    told = [f"at {size} {why}" for size, why in refused.items() if why not in (None, LATE, LARGE)]
    return f"{group.name} is {held}: {'; '.join(told)}" if told else ""


def _baked(one: Baked) -> str:
    held = one.group
    why = str(one.line) if one.line else one.text
    by = f": {why}" if why else ""
    if one.kept is not None:
        by = by or ": torch.export sets that by itself"
        return f"{held.name}: eager takes {held.range}, the captured graph {one.kept}{by}"
    places = ", ".join(f"{axis.port} axis {axis.place}" for axis in held.axes)
    return f"{places}: eager takes {held.range}, torch.export fixes it at {held.given}{by}"


def _fixed(trials: Trials, axis: Axis) -> str:
    what = f"{axis.port} axis {axis.place} stays {axis.size}"
    sizes = list(neighbours(axis.size))
    taken = [size for size in sizes if trials.takes({axis.key: size})]
    if taken:
        return f"{what}: eager takes {taken[0]} too, but in no regular steps with the others"
    refusal = trials.refusal({axis.key: sizes[0]})
    return f"{what}: at {sizes[0]} {refusal}"

"""What torch.export keeps of the dimensions that eager takes, and the lines that fix the others.

The number of captures is bounded: one with all dimensions, one more for each time that it names
some as fixed, then each of the rest alone, once together and once with none: at most dimensions
+ 3. Each may be tried in both of torch's modes, as by every format.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch.export import ExportedProgram

from toolkit.dynamics.groups import Group
from toolkit.dynamics.lines import Line, line_of_error
from toolkit.dynamics.ranges import Range, lowest
from toolkit.dynamics.trials import with_names
from toolkit.dynamics.watching import (
    Place,
    Question,
    fixing_line,
    narrowing_line,
    watching,
)
from toolkit.formats import capture
from toolkit.formats.flat import flattened
from toolkit.inputs import draw, to_tensors
from toolkit.reasons import causes, reason
from toolkit.spec import Dimension, ModelSpec
from toolkit.weights import Built


@dataclass(frozen=True)
class Baked:
    """Sizes that eager takes and a captured graph does not: `kept` of them, or only the given.

    `text` is torch's reason where no line is known.
    """

    group: Group
    line: Line | None
    text: str = ""
    kept: Range | None = None


@dataclass
class Captured:
    """The dimensions that a captured graph keeps; `refused` where it takes the model in no way."""

    groups: list[Group]
    baked: list[Baked] = field(default_factory=list)
    refused: str | None = None


@dataclass(frozen=True)
class _Attempt:
    """One capture: the graph, or what torch raised, and what was asked about sizes."""

    spec: ModelSpec
    questions: list[Question]
    program: ExportedProgram | None = None
    error: Exception | None = None


def what_is_kept(built: Built, groups: Sequence[Group]) -> Captured:
    """Capture the model with all groups dynamic, then with fewer as long as it is refused."""
    found = Captured(list(groups))
    attempt = _attempt(built, found.groups)
    while attempt.error and (fixed := _fixed(found.groups, attempt.questions)):
        _bake(found, fixed, attempt)
        attempt = _attempt(built, found.groups)
    best = _one_by_one(built, found, attempt) if attempt.error else attempt
    if best is not None and best.program is not None:
        _narrow(found, best)
    return found


def with_groups(spec: ModelSpec, groups: Sequence[Group]) -> ModelSpec:
    """The spec with every group as a dimension; outputs are left to be found again."""
    names = {place: name for group in groups for place, name in group.places.items()}
    added = tuple(_dimension(group) for group in groups if not group.joined)
    ports = tuple(with_names(port, names) for port in spec.inputs)
    return replace(spec, inputs=ports, outputs=(), dimensions=(*spec.dimensions, *added))


def _dimension(group: Group) -> Dimension:
    held = group.range
    free = Dimension(group.name, held.low, held.high, held.step)
    # At 1 exporters take a size for a constant.
    return free if group.given in (1, free.traced) else replace(free, traced_at=group.given)


def _attempt(built: Built, groups: Sequence[Group]) -> _Attempt:
    spec = replace(with_groups(built.spec, groups), outputs=built.spec.outputs)
    own = flattened(replace(built, spec=spec, module=copy.deepcopy(built.module)))
    with watching(own.spec) as watched:
        try:
            names = [dimension.name for dimension in spec.dimensions]
            program = capture.attempt(own, names)
        except Exception as error:  # torch and a user's code may raise anything
            return _Attempt(own.spec, watched.of_failure, error=error)
    return _Attempt(own.spec, watched.of_success, program)


def _places(group: Group) -> frozenset[Place]:
    return frozenset(group.places)


def _fixed(groups: Sequence[Group], questions: Sequence[Question]) -> list[Group]:
    fixed = {place for one in questions for place in one.fixed}
    return [group for group in groups if fixed & _places(group)]


def _bake(found: Captured, groups: Sequence[Group], attempt: _Attempt) -> None:
    for group in groups:
        found.groups.remove(group)
        line = fixing_line(attempt.questions, _places(group))
        error = attempt.error
        if line is None and error is not None:
            line = _line_of_causes(error)
        found.baked.append(Baked(group, line, "" if error is None else reason(error)))


def _line_of_causes(error: BaseException) -> Line | None:
    lines = (line_of_error(cause) for cause in reversed(causes(error)))
    return next((line for line in lines if line is not None), None)


def _one_by_one(built: Built, found: Captured, refused: _Attempt) -> _Attempt | None:
    """Each dimension alone, then those together that can be; None where no graph can be had."""
    error = refused.error
    assert error is not None
    together = list(found.groups)
    alone = {group.name: _attempt(built, [group]) for group in together} if together else {}
    for group in together:
        if alone[group.name].error:
            _bake(found, [group], alone[group.name])
    if found.groups and len(found.groups) < len(together):
        again = _attempt(built, found.groups)
        if not again.error:
            return again
        error, refused = again.error, again
    if found.groups:  # each alone and not all together: the first one stays
        first, *others = found.groups
        _bake(found, others, refused)
        return alone[first.name]
    static = _attempt(built, [])
    if static.error:
        found.groups, found.baked = together, []
        found.refused = reason(error)
        return None
    return static


def _narrow(found: Captured, attempt: _Attempt) -> None:
    """Run the graph at sizes that eager takes: where it refuses, the range ends before."""
    for group in [group for group in found.groups if not group.joined]:
        kept = _kept(group, attempt)
        if kept == group.range:
            continue
        place = found.groups.index(group)
        line = narrowing_line(attempt.questions, _places(group))
        found.baked.append(Baked(group, line, kept=kept))
        found.groups[place : place + 1] = [] if kept is None else [replace(group, range=kept)]


def _kept(group: Group, attempt: _Attempt) -> Range | None:
    assert attempt.program is not None
    graph = attempt.program.module()
    spec = attempt.spec
    traced = spec.traced_sizes[group.name]

    @functools.cache
    def takes(size: int) -> bool:
        return _runs(graph, spec, {**spec.traced_sizes, group.name: size})

    held = group.range
    near = [traced + held.step, traced - held.step]
    others = [size for size in near if spec.dimension(group.name).allows(size)]
    if others and not any(map(takes, others)):
        return None
    low = held.low if takes(held.low) else lowest(takes, traced, held.step)
    high = _upper_end(group, attempt, takes)
    return Range(low, high, held.step)


def _upper_end(group: Group, attempt: _Attempt, takes: Any) -> int | None:
    """The end that the graph states itself, or eager's; the traced size where no larger runs."""
    held, spec = group.range, attempt.spec
    assert attempt.program is not None
    stated = capture.upper_ends(spec, attempt.program).get(group.name)
    ends = [end for end in (held.high, stated) if end is not None]
    high = min(ends) if ends else None
    traced = spec.traced_sizes[group.name]
    above = traced + held.step
    if (high is None or above <= high) and not takes(above):
        return traced
    return high if high is None else held.low + (high - held.low) // held.step * held.step


def _runs(graph: torch.nn.Module, spec: ModelSpec, sizes: dict[str, int]) -> bool:
    try:
        with torch.no_grad():
            graph(*to_tensors(spec, draw(spec, sizes, seed=0)))
    except Exception:
        return False
    return True

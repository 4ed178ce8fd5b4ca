"""Which dimensions of a model's inputs can vary: what eager takes, and what a capture keeps of it.

Sizes given as numbers are moved alone, then together with others of the same size; what eager
takes gets a name and a range, and torch.export is asked to keep it. What stays fixed is told with
the line of code that fixes it. Trials in eager are begun for a minute at most; captures are at
most as many as dimensions, and three.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

from toolkit.dynamics.captured import Captured, what_is_kept, with_groups
from toolkit.dynamics.groups import find_groups
from toolkit.dynamics.notes import Told, notes
from toolkit.dynamics.trials import Trials, opened
from toolkit.formats.quiet import quietly
from toolkit.spec import BATCH, ModelSpec
from toolkit.weights import Built

__all__ = ["Found", "Told", "find_dynamic"]


@dataclass(frozen=True)
class Found:
    """The spec with a name for every size that can vary, and what is to be told about all sizes.

    The spec's outputs are empty where any was found: their shapes are others now.
    """

    spec: ModelSpec
    told: tuple[Told, ...]


def find_dynamic(built: Built) -> Found:
    """Try every size of the inputs that is a number; names stay as they are.

    The spec must be complete, and eager must run at the sizes given.
    """
    spec, axes = opened(built.spec)
    if not axes:
        return Found(built.spec, ())
    trials = Trials(copy.deepcopy(built.module), spec)
    with quietly():
        if any(port.batch_axis == 0 for port in spec.inputs):
            size = spec.traced_sizes[BATCH]
            trials.followed = trials.keeps_samples_apart(frozenset([BATCH]), size)
        groups = find_groups(trials, axes)
        kept = what_is_kept(built, groups) if groups else Captured([])
        found = _with(built.spec, kept)
        return Found(found, notes(found, trials, axes, kept))


def _with(spec: ModelSpec, kept: Captured) -> ModelSpec:
    return with_groups(spec, kept.groups) if kept.groups else spec

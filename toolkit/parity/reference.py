"""What a form is judged against: eager and the oracle over the case plan, run once a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from torch import nn

from toolkit.events import Observe, Progress, ignore
from toolkit.inputs import Array
from toolkit.parity import batching
from toolkit.parity.budget import LEAST_CASES
from toolkit.parity.compare import Slicing, Vector
from toolkit.parity.findings import Finding
from toolkit.parity.noise import measure_noise
from toolkit.parity.plan import Case, DrawClass
from toolkit.parity.probabilities import PROBABILITY_SCALE
from toolkit.parity.second_look import Spread, spread
from toolkit.spec import Dimension, ModelSpec, Port

LEAST_SHARE = 0.5
"""Of the planned cases so many must run in eager, or the check proves nothing."""
LEAST_SIZES = 2


@dataclass(frozen=True)
class Judged:
    """One case with what eager and the oracle gave.

    Where the oracle cannot judge the case, `alone` says why, and eager stands in for it.
    """

    case: Case
    inputs: Mapping[str, Array]
    eager: Mapping[str, Array]
    oracle: Mapping[str, Array]
    alone: str | None = None


@dataclass
class Reference:
    """Eager and the oracle over a plan, the noise of each output, and what eager itself shows.

    `cases` are those that ran, in the order in which they cover most; `left_out` did not run for
    want of time; `certain` are the numbers of those that run whatever they cost. `probabilities`
    are the outputs that are such by their making. `cache` is the same in
    lower precisions.
    """

    spec: ModelSpec
    module: nn.Module
    device: str
    planned: int
    cases: list[Judged] = field(default_factory=list)
    outside: list[tuple[Case, str]] = field(default_factory=list)
    left_out: list[Case] = field(default_factory=list)
    certain: frozenset[int] = frozenset()
    unfit: str | None = None
    unfit_in: str | None = None
    probabilities: frozenset[str] = frozenset()
    findings: list[Finding] = field(default_factory=list)
    slices: dict[str, Slicing] = field(default_factory=dict)
    noise: dict[tuple[str, DrawClass], Vector] = field(default_factory=dict)
    batch_trial: batching.BatchTrial | None = None
    cache: dict[str, Reference | None] = field(default_factory=dict)
    observe: Observe = ignore
    form: str | None = None
    """What is being judged, told with the progress."""
    _spreads: dict[int, Spread] = field(default_factory=dict)

    @property
    def least(self) -> int:
        """How many of `cases` a form runs whatever they cost."""
        return sum(judged.case.number in self.certain for judged in self.cases) or LEAST_CASES

    @property
    def noise_source(self) -> str:
        """`float64`, or `perturbation` where the oracle is unfit."""
        return "perturbation" if self.unfit else "float64"

    @property
    def random(self) -> bool:
        """Whether eager departs from itself, so that no value can be judged."""
        return any(found.name == "nondeterministic" for found in self.findings)

    def port(self, name: str) -> Port:
        """The output port of that name."""
        return next(port for port in self.spec.outputs if port.name == name)

    def varies(self, name: str) -> bool:
        """Whether the values of the inputs, and not their sizes alone, decide an output's shape."""
        seen: dict[tuple[tuple[str, int], ...], tuple[int, ...]] = {}
        for judged in self.cases:
            if name in judged.eager:
                shape = judged.eager[name].shape
                if seen.setdefault(tuple(judged.case.sizes.items()), shape) != shape:
                    return True
        return False

    def noise_of(self, name: str, judged: Judged) -> Vector:
        """The noise of each slice of an output in a case.

        Where eager stands in for the oracle in this case alone, how far it moves counts too.
        """
        noise = self.noise[name, judged.case.draw_class]
        if judged.alone is None or self.unfit:
            return noise
        moved = self.slices[name].reduce(self.spread(judged).changes[name])
        return np.asarray(np.maximum(noise, moved))

    def scale(self, name: str) -> float:
        """What an output's largest value counts as at least; 0 where nothing is known of it."""
        return PROBABILITY_SCALE if name in self.probabilities else 0.0

    def spread(self, judged: Judged) -> Spread:
        """How far eager moves in this case under the second look; computed once."""
        number = judged.case.number
        if number not in self._spreads:
            looking = Progress(self.spec.name, "check", "second look", form=self.form)
            self._spreads[number] = spread(
                self.module,
                self.spec,
                judged.inputs,
                judged.eager,
                device=self.device,
                alive=lambda: self.observe(looking),
            )
        return self._spreads[number]

    def too_little(self) -> str | None:
        """Why the cases that eager accepts are too few to judge by, if they are."""
        narrow = any(
            len(dimension.tested) >= LEAST_SIZES > len(self._sizes(dimension.name))
            for dimension in self.spec.dimensions
        )
        if not narrow and len(self.cases) >= LEAST_SHARE * self.planned:
            return None
        text = f"eager runs in {len(self.cases)} of {self.planned} planned cases"
        refused = map(self._refused, self.spec.dimensions)
        return "; ".join([text, *(where for where in refused if where)])

    def _sizes(self, name: str) -> set[int]:
        return {judged.case.sizes[name] for judged in self.cases}

    def _refused(self, dimension: Dimension) -> str | None:
        """The sizes at which eager never runs, and the words that leave them out."""
        runs = self._sizes(dimension.name)
        never = [str(size) for size in dimension.tested if size not in runs]
        if not never:
            return None
        name = dimension.name
        return (
            f"it never runs at {name} {', '.join(never)}: "
            f"--dim {name}=LOW..HIGH:STEP says the sizes that the model takes"
        )


def core(reference: Reference) -> Reference:
    """The cases that run whatever they cost, with noise of their own: the same on any machine."""
    cases = [judged for judged in reference.cases if judged.case.number in reference.certain]
    alone = replace(reference, cases=cases, slices={}, noise={})
    if not reference.random:
        measure_noise(alone)
    return alone

"""Inputs on which numbers that a form changed show, sought where the whole plan shows nothing.

A changed weight between two channels shows only where both are on at once: on one input in
hundreds, maybe. The module itself with the form's numbers says on which. While nothing shows, the
inputs ascend the gradient of what goes into the rectifiers where the two differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.func import functional_call

from toolkit.events import Progress
from toolkit.flattening import flatten
from toolkit.inputs import Array, arguments, draw, to_array, to_tensors
from toolkit.parity.ascent import FAR_ENOUGH, Rectified, ascend, deviation
from toolkit.parity.budget import Budget
from toolkit.parity.cases import compare_case
from toolkit.parity.findings import Finding, note
from toolkit.parity.held import Departing, Held, departing
from toolkit.parity.oracle import Oracle, on_cpu
from toolkit.parity.plan import Case
from toolkit.parity.reference import Judged, Reference
from toolkit.parity.referring import judged_by
from toolkit.reasons import reason

LEAST_S = 10.0
"""What a search may take whatever the budget has left: numbers that depart are evidence."""
STEPS = 12
"""From one draw; then the next."""
MOST_RUNS = 256
FIRST_SEED = 800
"""From the check's own; those of the plan and of its units end before it."""


def look_closer(reference: Reference, held: Held, budget: Budget) -> Judged | Finding | None:
    """The case in which numbers that depart show; else a note that they do.

    None where the form holds the module's own, or what it holds cannot be read. What the user's
    module raises where it is called in another way than the plan calls it ends the search, and is
    told with the note.
    """
    try:
        changed = departing(reference.module, held())
    except Exception:  # the runtime has read the file: this only says where to look
        return None
    if not changed.tensors or not reference.cases:
        return None
    seconds = max(budget.for_seeking_s, LEAST_S)
    search = _Search(reference, changed, budget, budget.clock() + seconds)
    outcome = "no input was found that shows it"
    try:
        found = search.found()
    except Exception as raised:  # the user's code, watched, differentiated, with other numbers
        found = None
        why = " ".join(reason(raised).split())
        outcome = f"the search for an input that shows it ended with {type(raised).__name__}: {why}"
    if found is not None:
        return found
    return note("weights", f"the form holds {changed}, which is not the model's; {outcome}")


class _Values(Rectified):
    """While entered, keeps what goes into rectifiers."""

    def __init__(self) -> None:
        super().__init__()
        self.values: list[Tensor] = []

    def rectified(self, values: Tensor) -> None:
        """Look at the values of one rectifier."""
        self.values.append(values)


class _Search:
    """Draws, and ascents from them, until the module shows the changed numbers or time ends."""

    def __init__(
        self, reference: Reference, changed: Departing, budget: Budget, ends: float
    ) -> None:
        self.reference = reference
        self.spec = reference.spec
        self.changed = changed
        self.clock = budget.clock
        self.ends = ends
        self.seed = min(judged.case.seed for judged in reference.cases) + FIRST_SEED
        name, form = reference.spec.name, reference.form
        self.told = Progress(name, "check", "where its own numbers show", form=form)
        ran = [judged.case for judged in reference.cases]
        refused = [case for case, _ in reference.outside]
        self.number = 1 + max(one.number for one in [*ran, *refused, *reference.left_out])

    def found(self) -> Judged | None:
        """The case in which the module with the changed numbers fails against itself."""
        tensors: list[Tensor] = []
        left = 0
        for run in range(MOST_RUNS):
            if run and self.clock() > self.ends:
                return None
            self.reference.observe(self.told)
            if not left:
                tensors, left = self._drawn(run), STEPS
            shown = self._shown(tensors, run)
            if shown is not None:
                return shown
            left = left - 1 if self._ascended(tensors) else 0
        return None

    def _drawn(self, run: int) -> list[Tensor]:
        arrays = draw(self.spec, self.spec.traced_sizes, self.seed + run)
        return list(to_tensors(self.spec, arrays, device=self.reference.device))

    def _ascended(self, tensors: list[Tensor]) -> bool:
        """Move the inputs a step; False where there is nowhere to go."""
        before = list(tensors)
        ascend(self.spec, tensors, lambda: self._wanted(tensors))
        pairs = zip(before, tensors, strict=True)
        return not all(torch.equal(was, now) for was, now in pairs)

    def _wanted(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Of each rectifier how far the places where the numbers change it are from being on."""
        own, theirs = self._rectified(tensors, {}), self._rectified(tensors, self.changed.tensors)
        wanted = []
        for mine, other in zip(own, theirs, strict=False):
            differ = (mine != other).detach()
            if mine.requires_grad and differ.any():
                margins = torch.maximum(mine, other)[differ] / deviation(mine)
                wanted.append(margins.max().clamp(max=FAR_ENOUGH))
        return wanted

    def _rectified(self, tensors: Sequence[Tensor], changed: Mapping[str, Tensor]) -> list[Tensor]:
        watch = _Values()
        with watch:
            self._called(tensors, changed)
        return watch.values

    def _called(self, tensors: Sequence[Tensor], changed: Mapping[str, Tensor]) -> object:
        positional, named = arguments(self.spec, tensors)
        return functional_call(self.reference.module, dict(changed), positional, named)

    def _outputs(
        self, tensors: Sequence[Tensor], changed: Mapping[str, Tensor]
    ) -> dict[str, Array]:
        with torch.no_grad():
            value = self._called(tensors, changed)
        names = [port.name for port in self.spec.outputs]
        return {name: to_array(one) for name, one in flatten(value, names).items()}

    def _shown(self, tensors: Sequence[Tensor], run: int) -> Judged | None:
        """These inputs as a case, where the changed numbers fail in it."""
        ports = [port.name for port in self.spec.inputs]
        arrays = dict(zip(ports, map(to_array, tensors), strict=True))
        seed = self.seed + run
        case = Case(self.number, self.spec.traced_sizes, "weights", seed, given=arrays)
        own = self._outputs(tensors, {})
        theirs = self._outputs(tensors, self.changed.tensors)
        alone = Judged(case, arrays, own, own)
        if not compare_case(self.reference, alone, theirs).failed:
            return None
        oracle = Oracle(on_cpu(self.reference.module, self.reference.device), self.spec, arrays)
        return judged_by(oracle, case, arrays, own)

"""Variants that are more than a form as it was checked: judged at the sizes that are timed.

What is compiled is made for these sizes alone, so the plan of a check, which runs others, is no
question for it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace

from toolkit import results
from toolkit.benching.contestants import Candidate, Lineup
from toolkit.benching.sizes import sizes_of
from toolkit.benching.values import Vetted
from toolkit.errors import ToolkitError
from toolkit.events import Progress
from toolkit.options import Cell
from toolkit.parity.budget import Budget
from toolkit.parity.limits import USUAL
from toolkit.parity.plan import plan
from toolkit.parity.reference import Reference
from toolkit.parity.referring import refer
from toolkit.parity.tf32 import without_tf32
from toolkit.parity.verdict import Verdict, judge
from toolkit.spec import Dimension, ModelSpec
from toolkit.stages.rows import status_of, with_verdict
from toolkit.variants import Chosen

BUDGET_S = 20.0
"""For the cases of one variant, and for the reference that those of a model share."""


def vetted(lineup: Lineup) -> Iterator[Vetted]:
    """What parity says of each such variant."""
    for candidate in lineup.candidates:
        wanted = {
            name: chosen
            for chosen in candidate.chosen
            if (name := lineup.name(candidate, chosen)) not in lineup.dead
            and _is_more(candidate, chosen)
        }
        if wanted:
            reference = _reference(candidate, lineup)
            for name, chosen in wanted.items():
                yield Vetted(name, _judged(lineup, reference, name, candidate, chosen))


def _is_more(candidate: Candidate, chosen: Chosen) -> bool:
    """Whether a variant is more than a form as it was checked, and that form is right."""
    form = candidate.forms.get(chosen.variant.format or "")
    without = chosen.variant.format is not None and (form is None or form.status != "pass")
    return not chosen.plain and not without


def _reference(candidate: Candidate, lineup: Lineup) -> Reference:
    """Eager and its oracle, at the sizes of the cell alone."""
    cell = lineup.cell
    spec = at_sizes(candidate.subject.spec, cell)
    module = copy.deepcopy(candidate.subject.built.module).to(cell.device)
    seed = candidate.subject.words.seed
    budget = Budget(BUDGET_S)
    return refer(
        module,
        spec,
        plan(spec, seed=seed),
        device=cell.device,
        budget=budget,
        observe=lineup.observe,
    )


def at_sizes(spec: ModelSpec, cell: Cell) -> ModelSpec:
    """The spec with every dimension at the one size that is timed."""
    sizes = sizes_of(spec, cell)
    return replace(
        spec, dimensions=tuple(Dimension(name, size, size) for name, size in sizes.items())
    )


@without_tf32()
def _judged(
    lineup: Lineup, reference: Reference, name: str, candidate: Candidate, chosen: Chosen
) -> results.CheckResult:
    """The verdict on one variant, compiled under the settings that it is judged and timed under."""

    def observe(progress: Progress) -> None:
        lineup.observe(replace(progress, form=name))

    row = results.CheckResult(
        model=candidate.subject.shown,
        format=chosen.variant.format,
        runtime=chosen.word,
        device=lineup.cell.device,
        status="error",
        score=None,
        noise_source=None,
        cases=0,
        weights=candidate.subject.built.weights.origin,
    )
    try:
        runner = lineup.runner(name, candidate, chosen)
        verdict = judge(reference, runner, limits=USUAL, budget=Budget(BUDGET_S), observe=observe)
    except ToolkitError as failure:
        return _failed(row, chosen, failure)
    return _with(row, chosen, reference, verdict)


def _failed(row: results.CheckResult, chosen: Chosen, failure: ToolkitError) -> results.CheckResult:
    found = results.Finding(
        name=failure.name, severity="error", message=f"{chosen.word}: {failure.message}"
    )
    return row.model_copy(update={"status": status_of(failure), "findings": [found]})


def _with(
    row: results.CheckResult, chosen: Chosen, reference: Reference, verdict: Verdict
) -> results.CheckResult:
    return with_verdict(
        row.model_copy(update={"status": verdict.status}),
        verdict,
        (),
        reference=reference,
        limits=USUAL,
        told=lambda found: results.Finding(
            name=found.name, severity=found.severity, message=f"{chosen.word}: {found.message}"
        ),
    )

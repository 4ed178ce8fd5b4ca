"""What is no time of a round: the work of a call, and what the first one takes from nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from toolkit import cold, results
from toolkit.benching.contestants import Candidate, Lineup, example
from toolkit.benching.sizes import sizes_of
from toolkit.benching.values import Described
from toolkit.cold import ColdStart
from toolkit.cold.measuring import Told
from toolkit.errors import ToolkitError
from toolkit.events import Progress
from toolkit.operations import work_of
from toolkit.options import Cell
from toolkit.parity.tf32 import without_tf32
from toolkit.runtimes import eager
from toolkit.runtimes.base import Arrays, RunOptions
from toolkit.variants import Chosen

AOTI = "aoti"


def described(
    lineup: Lineup, timed: frozenset[str], *, starts: bool, timeout_s: float | None = None
) -> Described:
    """The work of every contestant, and with `starts` the cold starts of what was `timed`.

    This process is ended after `timeout_s` without progress.
    """
    work: dict[str, results.Work] = {}
    for candidate in lineup.candidates:
        found = _work(lineup, candidate)
        if found is not None:
            work |= {lineup.name(candidate, chosen): found for chosen in candidate.chosen}
    if not starts:
        return Described(work)
    seed = lineup.candidates[0].subject.words.seed
    starting = list(_starts(lineup, timed))
    limits = cold.Limits.told(timeout_s)
    found_starts = cold.measure(starting, seed=seed, limits=limits, observe=_told(lineup))
    return Described(
        work,
        {name: one.cold for name, one in found_starts.items() if one.cold},
        {name: one.failure.message for name, one in found_starts.items() if one.failure},
    )


def _work(lineup: Lineup, candidate: Candidate) -> results.Work | None:
    """The operations and bytes of one call at the sizes that are timed."""
    subject = candidate.subject
    form = candidate.forms.get("onnx")
    path = form.path if form is not None and form.status == "pass" else subject.file
    is_onnx = subject.file is not None
    module = None if is_onnx else subject.built.module
    try:
        found = work_of(subject.spec, sizes_of(subject.spec, lineup.cell), path=path, module=module)
    except ToolkitError:
        return None  # a column without figures
    return None if found is None else results.Work.model_validate(found, from_attributes=True)


def _starts(lineup: Lineup, timed: frozenset[str]) -> Iterator[ColdStart]:
    for name, candidate, chosen in lineup.pairs():
        if name in timed:
            yield _start(lineup, name, candidate, chosen)


def _start(lineup: Lineup, name: str, candidate: Candidate, chosen: Chosen) -> ColdStart:
    subject, variant = candidate.subject, chosen.variant
    inputs = example(subject.spec, lineup.cell)
    start = ColdStart(
        name=name,
        variant=variant.name,
        built=subject.built,
        words=subject.words,
        inputs=inputs,
        path=_file(candidate, chosen, lineup.cell),
        threads=chosen.threads or lineup.cell.threads,
        device=lineup.cell.device,
        channels_last=chosen.channels_last,
        libraries=subject.libraries_for(variant.format) if variant.format else (),
        trusted=True,  # judged in this run
    )
    return (
        replace(start, expected=_of_eager(lineup, candidate, inputs)) if start.is_built else start
    )


@without_tf32()
def _of_eager(lineup: Lineup, candidate: Candidate, inputs: Arrays) -> Arrays:
    """What a module that a user's code builds anew has to give; files are those judged."""
    device = lineup.cell.device
    return eager.load(candidate.subject.built, RunOptions(device)).run(inputs)


def _file(candidate: Candidate, chosen: Chosen, cell: Cell) -> Path | None:
    """What a start loads: the form, or what was compiled of it."""
    form = candidate.forms.get(chosen.variant.format or "")
    if form is None or chosen.variant.name != AOTI:
        return form.path if form else None
    from toolkit.variants.packages import package_of  # imports torch's compiler

    compiled = package_of(form.path, candidate.scratch, cell.device, chosen.threads or cell.threads)
    return compiled if compiled.is_file() else None


def _told(lineup: Lineup) -> Told:
    name = lineup.candidates[0].subject.spec.name

    def told(done: int, total: int) -> None:
        lineup.observe(Progress(name, "bench", f"{lineup.cell}: cold starts", done, total))

    return told

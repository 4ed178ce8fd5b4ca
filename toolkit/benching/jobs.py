"""Jobs of `toolkit bench`: models judged, a set of rounds timed, and a whole table in one process.

`toolkit.pipeline` has them among its verbs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch

from toolkit import results
from toolkit.benching.contestants import Candidate, Lineup
from toolkit.benching.describing import described
from toolkit.benching.entering import chosen_of, entered, formats_of
from toolkit.benching.merging import Gathered, merged
from toolkit.benching.rounds import timed
from toolkit.benching.sizes import require_allowed, require_sizes
from toolkit.benching.values import Described, Entrant, SetOfRounds, Task, Vetted, one_process
from toolkit.benching.vetting import vetted
from toolkit.events import Observe, ignore
from toolkit.folders import temporary_folder
from toolkit.options import BenchOptions
from toolkit.runtimes.devices import torch_device
from toolkit.stages import room
from toolkit.stages.subject import Subject, prepare
from toolkit.words import ModelWords


def enter(
    words: ModelWords,
    options: BenchOptions,
    device: str,
    folder: Path,
    *,
    observe: Observe = ignore,
) -> Iterator[results.CheckResult | Entrant]:
    """The verdicts of what is to be timed on a device; then the model, its forms in `folder`."""
    torch_device(device)
    subject = prepare(words, observe, trust=options.trust, fallback=True)
    require_allowed(subject.spec, options.sizes)
    room.require_to_bench(subject, formats_of(chosen_of(subject, options)), written=False)
    folder.mkdir(parents=True, exist_ok=True)
    rows, forms = entered(subject, options, device, folder, observe)
    yield from rows
    names = frozenset(one.name for one in subject.spec.dimensions)
    yield Entrant(words, forms, folder, ours=not subject.is_exported, dimensions=names)


def vet(entrants: Sequence[Entrant], task: Task, *, observe: Observe = ignore) -> Iterator[Vetted]:
    """What parity says of the variants that are more than a form as it was checked."""
    yield from vetted(_lineup(entrants, task, observe))


def time_set(
    entrants: Sequence[Entrant], task: Task, *, observe: Observe = ignore
) -> Iterator[SetOfRounds]:
    """One set of rounds of a comparison: what a fresh process does."""
    yield timed(_lineup(entrants, task, observe), task.protocol)


def describe(
    entrants: Sequence[Entrant],
    task: Task,
    timed_names: frozenset[str],
    *,
    observe: Observe = ignore,
) -> Iterator[Described]:
    """The work of each model and the cold starts of what was timed; none for a quick one."""
    lineup = _lineup(entrants, task, observe)
    starts = task.options.preset != "quick"
    yield described(lineup, timed_names, starts=starts, timeout_s=task.timeout_s)


def _lineup(entrants: Sequence[Entrant], task: Task, observe: Observe) -> Lineup:
    """The models of a comparison, built anew."""
    torch_device(task.cell.device)
    torch.set_num_threads(task.cell.threads)
    options, candidates = task.options, []
    for one in entrants:
        subject = prepare(one.words, observe, one.bundle, trust=options.trust, fallback=True)
        chosen = chosen_of(subject, options)
        room.require_to_bench(subject, formats_of(chosen), written=True)
        candidates.append(Candidate(subject, chosen, one.forms, one.scratch))
    _use_one_interop_thread()
    return Lineup(candidates, task.cell, task.vetted, task.dead, task.only, task.again, observe)


def _use_one_interop_thread() -> None:
    """As onnxruntime has one: said once the user's code is imported, which may say it only once.

    Where that code or its work was first, the number stays, and the settings of the table tell it.
    """
    with suppress(RuntimeError):
        torch.set_num_interop_threads(1)


def bench(
    subjects: Sequence[Subject], options: BenchOptions, *, observe: Observe = ignore
) -> Iterator[results.CheckResult | results.Comparison]:
    """All of a comparison in this process: verdicts, then a table for each cell.

    What needs a process of its own is not timed, and nothing is started cold.
    """
    require_sizes(options.sizes, [subject.spec for subject in subjects])
    with temporary_folder() as folder:
        for device in options.devices:
            candidates = []
            for number, subject in enumerate(subjects):
                chosen = chosen_of(subject, options)
                room.require_to_bench(subject, formats_of(chosen), written=False)
                place = Path(folder, device.replace(":", "-"), str(number))
                place.mkdir(parents=True)
                rows, forms = entered(subject, options, device, place, observe)
                yield from rows
                candidates.append(Candidate(subject, chosen, forms, place))
            for cell in options.cells(device):
                yield from _in_one_process(Lineup(candidates, cell, observe=observe), options)


def _in_one_process(
    lineup: Lineup, options: BenchOptions
) -> Iterator[results.CheckResult | results.Comparison]:
    torch.set_num_threads(lineup.cell.threads)
    passed = {}
    for one in vetted(lineup):
        passed[one.name] = one
        if one.status != "pass":
            yield one.row
    lineup = replace(lineup, vetted=passed)
    protocol = one_process(options, lineup.candidates[0].subject.words.seed)
    gathered = Gathered(options, lineup.cell, [timed(lineup, protocol)])
    gathered.described = described(lineup, frozenset(), starts=False)
    yield merged(gathered)

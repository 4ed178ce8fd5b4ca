"""Comparisons in fresh processes: what is timed is judged first, then set after set is timed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from toolkit import results
from toolkit.baselines import Baseline, Case, Remeasure, keep, remeasures
from toolkit.benching import turns
from toolkit.benching.merging import Gathered, merged
from toolkit.benching.sizes import require_known
from toolkit.benching.values import Described, Entrant, SetOfRounds, Task, Vetted, protocol_of
from toolkit.errors import ToolkitError
from toolkit.folders import temporary_folder
from toolkit.isolation import Death
from toolkit.options import BenchOptions, Cell, Gate
from toolkit.sweep.comparing import Comparing
from toolkit.timing import waiting
from toolkit.timing.protocol import Protocol
from toolkit.timing.sets import enough, share
from toolkit.variants import parse
from toolkit.words import ModelWords

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Read when the libraries are imported: before a process knows anything of its job."""
INTERRUPTED = "interrupted"
"""Why there are no more sets, where it is none of the protocol's reasons."""


@dataclass
class _Timing:
    """One comparison while it is measured."""

    entrants: tuple[Entrant, ...]
    task: Task
    gathered: Gathered

    @property
    def words(self) -> ModelWords:
        """The first model: what goes wrong for all is told of it."""
        return self.entrants[0].words

    @property
    def variables(self) -> dict[str, str]:
        """The environment of its processes."""
        threads = dict.fromkeys(THREAD_VARIABLES, str(self.task.cell.threads))
        return {**threads, **waiting.variables()}

    @property
    def timed(self) -> frozenset[str]:
        """The contestants that have times."""
        sets = [*self.gathered.sets, *(one for own in self.gathered.alone.values() for one in own)]
        return frozenset(name for one in sets for name in one.measured.samples_ns)

    @property
    def apart(self) -> list[str]:
        """Those that need processes of their own, as far as they may be timed."""
        rows = self.gathered.rows
        return [name for name, row in rows.items() if row.alone and row.note is None]

    def whose_turn(self, death: Death) -> str | None:
        """The contestant that a process of a set was at: in its rounds it noted them itself."""
        last = death.last
        in_rounds = last is not None and last.stage == "bench" and last.done is not None
        return turns.last(self.entrants[0].scratch) if in_rounds else death.form

    def buried(self, name: str | None, death: Death) -> bool:
        """Go on without the contestant that ended a process; False where there is none to name."""
        if name is None or name in self.task.dead:
            return False
        self.bury(name, _told(death), death.kind)
        return True

    def bury(self, name: str, reason: str, ended: results.Ended) -> None:
        """Go on without a contestant."""
        self.gathered.dead[name] = reason
        self.gathered.ended[name] = ended
        self.task = replace(self.task, dead={**self.task.dead, name: reason})


@dataclass
class Benching(Comparing):
    """Comparisons, each set of rounds in a process that nothing else has warmed."""

    baseline: Baseline | None = None
    """The saved run that comparisons are held against."""
    dimensions: set[str] = field(default_factory=set)
    """Names of the dynamic dimensions of what was judged so far, to be timed."""

    def bench(self, models: Sequence[ModelWords], options: BenchOptions) -> None:
        """Judge what is to be timed, then time it: all models of a device side by side."""
        with temporary_folder() as folder:
            for device in options.devices:
                place = Path(folder, device.replace(":", "-"))
                entrants = [
                    self._entered(words, options, device, place / str(number))
                    for number, words in enumerate(models)
                ]
                if entrants[0] is not None:  # without the baseline there is nothing to compare
                    had = [entrant for entrant in entrants if entrant is not None]
                    self.dimensions.update(*(one.dimensions for one in had))
                    if len(models) == len(self.meant) and not self.sized(options.sizes):
                        return
                    self._keep_files(had, options.gate)
                    self.time(had, options, device)

    def sized(self, sizes: Mapping[str, int]) -> bool:
        """Whether each size belongs to a model; some know their dimensions only once they run."""
        try:
            require_known(sizes, sorted(self.dimensions))
        except ToolkitError as error:
            self._failed(self.meant[0].shown, "bench", error)
            return False
        return True

    def time(self, entrants: Sequence[Entrant], options: BenchOptions, device: str) -> None:
        """A comparison for each cell of a device, of forms that were judged already."""
        for cell in options.cells(device):
            protocol = protocol_of(options, entrants[0].words.seed, len(entrants))
            again = self._again(entrants, cell, options)
            task = Task(options, cell, protocol, again=again, timeout_s=self.limits.timeout_s)
            timing = _Timing(tuple(entrants), task, Gathered(options, cell, again=again))
            self._compare_times(timing)

    def _again(
        self, entrants: Sequence[Entrant], cell: Cell, options: BenchOptions
    ) -> tuple[Remeasure, ...]:
        """The files of the saved run that this comparison is held against."""
        if self.baseline is None:
            return ()
        today = {
            (one.words.shown, name): form.sha256
            for one in entrants
            for name, form in one.forms.items()
            if form.sha256
        }
        return tuple(
            again
            for again in remeasures(self.baseline, today)
            if again.case.device == cell.device
            and again.case.batch in (None, cell.batch)
            and _at_threads(again.case, cell, options)
        )

    def _keep_files(self, entrants: Sequence[Entrant], gate: Gate) -> None:
        """What is timed under a name is kept, so that it can be timed again."""
        if gate.save is None:
            return
        for one in entrants:
            right = {name: form.path for name, form in one.forms.items() if form.status == "pass"}
            keep(right, gate.folder, ours=one.ours)

    def _entered(
        self, words: ModelWords, options: BenchOptions, device: str, folder: Path
    ) -> Entrant | None:
        """One model, judged on a device; None, with a failure, for one that cannot be had."""
        for value in self._rows(words, "bench", "enter", words, options, device, folder):
            if isinstance(value, Death):
                self._mourn(words, "bench", value)
            elif isinstance(value, results.CheckResult):
                self._add(value)
            elif isinstance(value, Entrant):
                return value
        self._add_unbuilt(words, "bench", device)
        return None

    def _compare_times(self, timing: _Timing) -> None:
        """A table of what was timed, also where Ctrl-C or SIGTERM ends it early."""
        before = len(self.benched)
        try:
            self._vet(timing)
            self._add_sets(timing)
            self._describe(timing)
            self._add_table(timing.gathered)
        except BaseException as end:
            if not isinstance(end, Exception) and len(self.benched) == before:
                timing.gathered.stopped = timing.gathered.stopped or INTERRUPTED
                self._add_table(timing.gathered)
            raise

    def _add_table(self, gathered: Gathered) -> None:
        if gathered.sets:
            self.benched.append(merged(gathered))
            self.saved()

    def _describe(self, timing: _Timing) -> None:
        """What stands beside the times; a process that ends at it costs none of them."""
        if not timing.gathered.sets:
            return
        for value in self._work(timing, "describe", timing.task, timing.timed):
            if isinstance(value, Described):
                timing.gathered.described = value
            elif isinstance(value, Death):
                notes = dict.fromkeys(timing.timed, _told(value))
                timing.gathered.described = Described(notes=notes)

    def _vet(self, timing: _Timing) -> None:
        """Judge what is more than a form as it was checked; what ends the process is not timed."""
        if all(parse(word).plain for word in timing.task.options.chosen):
            return
        while (death := self._vetted_until_death(timing)) is not None:
            if not timing.buried(death.form, death):
                self._mourn(timing.words, "bench", death)
                return

    def _vetted_until_death(self, timing: _Timing) -> Death | None:
        for value in self._work(timing, "vet", timing.task):
            if isinstance(value, Death):
                return value
            if isinstance(value, Vetted):
                if value.name not in timing.task.vetted and value.status != "pass":
                    self._add(value.row)
                vetted = {**timing.task.vetted, value.name: value}
                timing.task = replace(timing.task, vetted=vetted)
        return None

    def _add_sets(self, timing: _Timing) -> None:
        """Sets until there is enough; those before one that failed are kept."""
        gathered, protocol = timing.gathered, timing.task.protocol
        while gathered.stopped is None and self._add_set(timing):
            gathered.stopped = enough(gathered.measured, protocol, gathered.measured_alone)

    def _add_set(self, timing: _Timing) -> bool:
        """One more set, and one of each variant that needs a process of its own."""
        number = len(timing.gathered.sets)
        part = share(timing.task.protocol, number)
        found = self._set(timing, replace(timing.task, protocol=part))
        if found is None:
            return False
        timing.gathered.sets.append(found)
        for name in timing.apart:
            self._add_alone(timing, name, part)
        return True

    def _add_alone(self, timing: _Timing, name: str, part: Protocol) -> None:
        """One set of a variant in a process of its own; what it fails for is told in its row."""
        task = replace(timing.task, protocol=part, only=name)
        try:
            found = next(iter(self._job_of(timing, "time_set", task)), None)
        except ToolkitError as failure:
            timing.bury(name, failure.message, "error")
            return
        if isinstance(found, Death):
            timing.bury(name, _told(found), found.kind)
        elif isinstance(found, SetOfRounds):
            timing.gathered.alone.setdefault(name, []).append(found)

    def _set(self, timing: _Timing, task: Task) -> SetOfRounds | None:
        """One set in a fresh process, without what ends it; None, with a failure, without any."""
        while True:
            task = replace(task, dead=timing.task.dead)
            found = next(iter(self._work(timing, "time_set", task)), None)
            if isinstance(found, SetOfRounds):
                return found
            if not isinstance(found, Death):
                return None
            if not timing.buried(timing.whose_turn(found), found):
                self._mourn(timing.words, "bench", found)
                return None

    def _work(self, timing: _Timing, function: str, task: Task, *more: object) -> Iterator[object]:
        """A job of the comparison in a fresh process; what it raises is a failure."""
        try:
            yield from self._job_of(timing, function, task, *more)
        except ToolkitError as error:
            self._failed(timing.words.shown, "bench", error)

    def _job_of(
        self, timing: _Timing, function: str, task: Task, *more: object
    ) -> Iterator[object]:
        return self._job(
            function, timing.entrants, task, *more, fresh=True, variables=timing.variables
        )


def _at_threads(case: Case, cell: Cell, options: BenchOptions) -> bool:
    """Whether a saved case is of this cell: at its threads, or by a variant with its own.

    Such a variant has a row in the table of each thread count, and these are numbered.
    """
    chosen = {one.word: one.threads for one in map(parse, options.chosen)}
    own = chosen.get(case.variant)
    if own is None:
        return case.threads == cell.threads
    return case.threads == own and case.number == options.threads.index(cell.threads) + 1


def _told(death: Death) -> str:
    """How a process ended, as a row says it."""
    return f"{death.kind}: {death.cause}"

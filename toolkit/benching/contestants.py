"""Models as contestants: every variant loaded in this process, at the sizes that are timed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from toolkit import results
from toolkit.baselines import Remeasure
from toolkit.benching.sizes import sizes_of, without_batch
from toolkit.benching.values import Row, Vetted, name_of
from toolkit.bundle import require_trusted
from toolkit.errors import MissingError, RefusedError, RunError, ToolkitError
from toolkit.events import Observe, Progress, ignore
from toolkit.inputs import draw
from toolkit.options import Cell, TimedForm
from toolkit.runtimes.base import Arrays, Launching, Placing, Remarking, Runner
from toolkit.spec import BATCH, ModelSpec
from toolkit.stages.subject import Subject
from toolkit.timing.calls import Contestant
from toolkit.timing.protocol import BUFFERS
from toolkit.variants import Chosen, Source, parse


@dataclass(frozen=True)
class Candidate:
    """One model in this process, the variants that are asked of it, and its forms by format."""

    subject: Subject
    chosen: tuple[Chosen, ...]
    forms: Mapping[str, TimedForm]
    scratch: Path


@dataclass(frozen=True)
class Lineup:
    """All that is compared; the baseline is the first variant of the first model.

    With `only`, that one contestant, which is its own baseline.
    """

    candidates: Sequence[Candidate]
    cell: Cell
    vetted: Mapping[str, Vetted] = field(default_factory=dict)
    dead: Mapping[str, str] = field(default_factory=dict)
    only: str | None = None
    again: Sequence[Remeasure] = ()
    observe: Observe = ignore

    @property
    def baseline(self) -> str:
        """The contestant that the speed-ups refer to."""
        first = self.candidates[0]
        return self.only or self.name(first, first.chosen[0])

    def name(self, candidate: Candidate, chosen: Chosen) -> str:
        """A contestant's name; of models that share a word the later ones are numbered."""
        shown = candidate.subject.shown
        alike = [one for one in self.candidates if one.subject.shown == shown]
        place = next(number for number, one in enumerate(alike, start=1) if one is candidate)
        numbered = shown if place == 1 else f"{shown} #{place}"
        return name_of(numbered, chosen.word, several=len(self.candidates) > 1)

    def pairs(self) -> Iterator[tuple[str, Candidate, Chosen]]:
        """Every contestant's name, its model and its variant."""
        for candidate in self.candidates:
            for chosen in candidate.chosen:
                yield self.name(candidate, chosen), candidate, chosen

    def entering(self) -> Iterator[tuple[str, Candidate, Chosen]]:
        """Those that have a row in this process."""
        return (one for one in self.pairs() if self.only in (None, one[0]))

    def entry(
        self, name: str, candidate: Candidate, chosen: Chosen
    ) -> tuple[Row, Contestant | None]:
        """A row with its contestant; None, with the reason in the row, where there is none.

        Raises where the baseline cannot be timed: without it there is nothing to compare with.
        """
        row = self._row(name, candidate, chosen)
        ended: results.Ended | None = None
        try:
            self._require_right(name, candidate, chosen)
            if row.alone and self.only is None:
                return row, None
            ended = "error"  # what is right and fails all the same
            sizes = without_batch(sizes_of(candidate.subject.spec, self.cell))
            row = replace(row, sizes=sizes)
            runner = self.runner(name, candidate, chosen)
            return _told_by(runner, row), self._contestant(name, candidate, runner)
        except ToolkitError as failure:
            if name == self.baseline:
                raise
            return replace(row, note=failure.message, ended=ended), None

    def twin(self) -> Contestant:
        """The baseline loaded anew: identical code in another place of memory."""
        first = self.candidates[0]
        chosen = first.chosen[0]
        self._require_right(self.baseline, first, chosen)
        return self._loaded(self.baseline, first, chosen)

    def remeasuring(self) -> Iterator[tuple[Remeasure, Candidate]]:
        """The files of a saved run, each with the model of today that it is held against."""
        if self.only is not None:
            return
        for again in self.again:
            for candidate in self.candidates:
                if candidate.subject.shown == again.case.model:
                    yield again, candidate

    def remeasured(self, again: Remeasure, candidate: Candidate) -> Contestant:
        """A file of a saved run; raises where it cannot or may not be loaded."""
        self._require_alive(again.name)
        require_trusted(again.path, again.format, trust=False)
        form = TimedForm(again.path, 0, "pass", None)
        other = replace(candidate, forms={again.format: form})
        chosen = parse(again.case.variant)
        return self._loaded(again.name, other, chosen)

    def _loaded(self, name: str, candidate: Candidate, chosen: Chosen) -> Contestant:
        return self._contestant(name, candidate, self.runner(name, candidate, chosen))

    def _contestant(self, name: str, candidate: Candidate, runner: Runner) -> Contestant:
        """What was loaded, with its rotated buffers."""
        spec = candidate.subject.spec
        sizes = sizes_of(spec, self.cell)
        calls = tuple(runner.prepare(draw(spec, sizes, seed)) for seed in range(BUFFERS))
        launching = None
        if isinstance(runner, Launching):
            launching = lambda: runner.launching(draw(spec, sizes, 0))  # noqa: E731
        return Contestant(name, calls, sizes.get(BATCH, 1), launching)

    def runner(self, name: str, candidate: Candidate, chosen: Chosen) -> Runner:
        """A variant loaded; raises a `ToolkitError` with why it cannot be."""
        self.observe(
            Progress(candidate.subject.spec.name, "bench", f"{self.cell}: {name}", form=name)
        )
        missing = chosen.variant.missing(self.cell.device)
        if missing is not None:
            raise MissingError(missing)
        source = source_of(candidate, example(candidate.subject.spec, self.cell))
        return chosen.variant.load(source, chosen.options(self.cell.device, self.cell.threads))

    def _require_alive(self, name: str) -> None:
        """Raise `RunError` for what ended a process before, in the judging or in the timing."""
        if name in self.dead:
            raise RunError(self.dead[name])

    def _require_right(self, name: str, candidate: Candidate, chosen: Chosen) -> None:
        """Raise for what parity does not pass, `RefusedError` where it was refused: not timed."""
        self._require_alive(name)
        form = candidate.forms.get(chosen.variant.format or "")
        if chosen.variant.format is not None and form is None:
            raise RunError(f"there is no {chosen.variant.format} form of it")
        if form is not None and form.status != "pass":
            raise _failure_of(form.status)(f"parity: {form.status}")
        own = self.vetted.get(name)
        if own is not None and own.status != "pass":
            raise _failure_of(own.status)(own.message)
        if own is None and not chosen.plain:
            raise RunError("its outputs were not compared with eager's")

    def _row(self, name: str, candidate: Candidate, chosen: Chosen) -> Row:
        subject, variant = candidate.subject, chosen.variant
        form = candidate.forms.get(variant.format or "")
        own = self.vetted.get(name)
        score = own.row.score if own else form.score if form else None
        return Row(
            model=subject.shown,
            variant=chosen.word,
            format=variant.format,
            runtime=variant.runtime,
            dtype=dtype_of(subject.spec),
            threads=chosen.threads or self.cell.threads,
            batch=self.cell.batch if BATCH in subject.spec.traced_sizes else None,
            weights=subject.built.weights.origin,
            size_bytes=form.size_bytes if form else None,
            parity_score=score,
            sha256=form.sha256 if form else None,
            alone=chosen.alone(self.cell.threads),
            settings=chosen.settings,
        )


def _failure_of(status: results.CheckStatus) -> type[ToolkitError]:
    """What is raised for a variant that parity gave this status."""
    return RefusedError if status == "refused" else RunError


def _told_by(runner: Runner, row: Row) -> Row:
    """The row, with what its runner says."""
    placed = runner.placed if isinstance(runner, Placing) else None
    return replace(
        row, placed=placed, remark=runner.note if isinstance(runner, Remarking) else None
    )


def source_of(candidate: Candidate, inputs: Arrays) -> Source:
    """What the variants of a model are made of."""
    right = {name: form.path for name, form in candidate.forms.items() if form.status == "pass"}
    libraries = {name: candidate.subject.libraries_for(name) for name in right}
    return Source(candidate.subject.built, right, inputs, candidate.scratch, libraries)


def example(spec: ModelSpec, cell: Cell) -> Arrays:
    """Inputs at the sizes that are timed."""
    return draw(spec, sizes_of(spec, cell), 0)


def dtype_of(spec: ModelSpec) -> str:
    """The dtype of the computation: that of the first floating port."""
    ports = [*spec.inputs, *spec.outputs]
    return next((port.dtype for port in ports if port.is_float), ports[0].dtype)

"""Many models through the pipeline, each stage in a child process: rows as they come.

A model that cannot be built, crashes or hangs is a row; the others go on. The parent process
imports no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from toolkit import results
from toolkit.bundle import update_parity
from toolkit.errors import REFUSED, UNJUDGED, USAGE, ToolkitError
from toolkit.events import Observe, Progress, ignore
from toolkit.isolation import Death, Limits, expect_exports, run_job
from toolkit.options import (
    BenchOptions,
    CheckOptions,
    ExportOptions,
    PredictOptions,
    Surroundings,
    TimedForm,
)
from toolkit.outcome import (
    Failure,
    Outcome,
    parity_summary,
    timed_forms,
    unanswered_row,
    unjudged_row,
)
from toolkit.spec import ALL_FORMATS, FORMAT_NAMES
from toolkit.words import ModelWords, display_name

_DEATHS = ("timeout", "crash", "out-of-memory")
_RETRIES = len(ALL_FORMATS)
_FINISH_S = {"train": 60.0}
"""What Ctrl-C does not end at once: a training judges and keeps its best weights so far."""


@dataclass(frozen=True)
class Stages:
    """How each stage of a whole run is to be done."""

    export: ExportOptions
    check: CheckOptions
    bench: BenchOptions


@dataclass
class Sweep(Outcome):
    """Runs what a command was asked to do, model by model, and gathers what it finds."""

    limits: Limits = field(default_factory=Limits)
    observe: Observe = ignore
    saved: Callable[[], None] = lambda: None
    """Called after every row; it may pass over some where writing takes long."""
    kept: Callable[[], None] = lambda: None
    """Called after every model; nothing of it may be lost afterwards."""
    surroundings: Surroundings | None = None
    completed: list[str] = field(default_factory=list)
    place: str = ""
    exporting: bool = False
    """Whether exports follow: what those of several models need is imported once, for all."""

    def resolve(
        self, words: Sequence[ModelWords], *, everything: bool, device: str = "cpu"
    ) -> list[ModelWords]:
        """The models meant, every word known to name one; raises `UsageError` before any work.

        A user's code that ends the process which looks it up is left for its own stages to tell.
        """
        found: list[ModelWords] = []
        several = self.exporting and (everything or len(words) > 1)
        if several:
            expect_exports()
        for value in self._job("resolve", tuple(words), everything, device, fresh=several):
            if not isinstance(value, Death):
                found, self.surroundings = value  # type: ignore[misc]
            elif not found:
                raise ToolkitError(f"the models could not be looked up: {value.message}")
        return found

    def each(self, found: Sequence[ModelWords]) -> Iterator[ModelWords]:
        """The models that are not done yet, one by one; each is marked once its work is over.

        One whose work failed without a row is not: a resumed sweep tries it again.
        """
        for place, words in enumerate(found, start=1):
            shown = display_name(words.word)
            if shown in self.completed:
                continue
            self.place = f"{place}/{len(found)}" if len(found) > 1 else ""
            failures = len(self.failures)
            yield words
            if len(self.failures) == failures:
                self.completed.append(shown)
            self.kept()

    def whole_way(self, words: ModelWords, stages: Stages, *, timed: bool = True) -> None:
        """Weights, export, check and bench of one model; what fails early is not gone on with."""
        if not self.train(words, required=False):
            self._add_unbuilt(words, "train", stages.check.device)
            return
        exported, rows = self._prove(words, stages)
        bundle = Path(exported.bundle) if exported and exported.bundle else None
        if bundle is not None:
            self._note_parity(words, bundle, rows)
        forms = timed_forms(exported, rows)
        if forms and timed:
            self.bench(words, stages.bench, forms, bundle)

    def _prove(
        self, words: ModelWords, stages: Stages
    ) -> tuple[results.ExportedModel | None, list[results.CheckResult]]:
        """Export and check in one process; a form that ends it is left out, and said."""
        before = len(self.checked)
        names = stages.check.formats or FORMAT_NAMES
        dead: dict[str, str] = {}
        for _ in range(_RETRIES + 1):
            exported, death = self._proved_until_death(words, stages, names, dead)
            if exported is not None:
                rows = self.checked[before:]
                done = [row.format for row in rows]
                left = [name for name in names if name not in done]
                bundle = Path(exported.bundle) if exported.bundle else None
                rows += self._judge_rest(words, stages.check, left, bundle, death)
                return exported, rows
            if death is None or death.form is None or death.form in dead:
                self._mourn(words, "export", death)
                break
            dead[death.form] = f"{death.kind}: {death.cause}"
        self._add_unbuilt(words, "export", stages.check.device)
        return None, self.checked[before:]

    def _proved_until_death(
        self, words: ModelWords, stages: Stages, names: tuple[str, ...], dead: dict[str, str]
    ) -> tuple[results.ExportedModel | None, Death | None]:
        exported: results.ExportedModel | None = None
        for value in self._rows(
            words, "export", "prove", words, stages.export, stages.check, names, dead
        ):
            if isinstance(value, Death):
                return exported, value
            if isinstance(value, results.ExportedModel):
                exported = value
                self.exported.append(value)
                self.saved()
            else:
                self._add(value)
        return exported, None

    def _judge_rest(
        self,
        words: ModelWords,
        options: CheckOptions,
        left: list[str],
        bundle: Path | None,
        death: Death | None,
    ) -> list[results.CheckResult]:
        """The forms that came after the one which ended the process, in another process."""
        if death is None:
            return []
        before = len(self.checked)
        left = self._bury(words, death, left, options.device)
        self._check_left(words, options, left, bundle)
        return self.checked[before:]

    def _note_parity(
        self, words: ModelWords, bundle: Path, rows: Sequence[results.CheckResult]
    ) -> None:
        """Put the verdicts into the manifest; that it cannot be written loses no row."""
        try:
            update_parity(bundle, parity_summary(rows))
        except (ToolkitError, OSError) as error:
            shown = display_name(words.word)
            self.failures.append(Failure(shown, "export", REFUSED, f"manifest: {error}", "bundle"))

    def train(
        self,
        words: ModelWords,
        *,
        again: bool = False,
        required: bool = True,
    ) -> bool:
        """Train one model, or find its earlier weights; whether nothing went wrong.

        A model without a training plan is a failure only where training is `required`.
        """
        before = len(self.failures)
        rows = 0
        for value in self._rows(words, "train", "train", words, again, required):
            if isinstance(value, Death):
                self._mourn(words, "train", value)
                break
            self.trained.append(value)
            rows += 1
            self.saved()
        if required and not rows and len(self.failures) == before:
            shown = display_name(words.word)
            self.failures.append(Failure(shown, "train", USAGE, "it has no training plan", "usage"))
        return len(self.failures) == before

    def export(self, words: ModelWords, options: ExportOptions) -> results.ExportedModel | None:
        """Write one bundle; a form whose export ends the process is left out and said."""
        dead: dict[str, str] = {}
        for _ in range(_RETRIES + 1):
            death: Death | None = None
            for value in self._rows(words, "export", "export", words, options, dead):
                if isinstance(value, results.ExportedModel):
                    self.exported.append(value)
                    self.saved()
                    return value
                death = value
            if death is None or death.form is None or death.form in dead:
                self._mourn(words, "export", death)
                return None
            dead[death.form] = f"{death.kind}: {death.cause}"
        return None

    def check(
        self, words: ModelWords, options: CheckOptions, bundle: Path | None = None
    ) -> list[results.CheckResult]:
        """Check every form of one model; a form that ends the process is a row, the rest go on."""
        before = len(self.checked)
        failures = len(self.failures)
        self._check_left(words, options, list(options.formats or FORMAT_NAMES), bundle)
        if len(self.failures) > failures and len(self.checked) == before:
            self._add_unbuilt(words, "check", options.device)
        return self.checked[before:]

    def _check_left(
        self, words: ModelWords, options: CheckOptions, left: list[str], bundle: Path | None
    ) -> None:
        while left:
            death = self._checked_until_death(words, options, left, bundle)
            if death is None:
                return
            left = self._bury(words, death, left, options.device)

    def _bury(self, words: ModelWords, death: Death, left: list[str], device: str) -> list[str]:
        """A row for the form that ended the process; the forms that are left after it."""
        form = death.form if death.form in left else None
        self._add(unjudged_row(words, form, death.kind, death.message, device))
        return [] if form is None else left[left.index(form) + 1 :]

    def _checked_until_death(
        self,
        words: ModelWords,
        options: CheckOptions,
        left: list[str],
        bundle: Path | None,
    ) -> Death | None:
        """Rows as they come, their formats taken from `left`; how the process ended before it."""
        for value in self._rows(words, "check", "check", words, options, tuple(left), bundle):
            if isinstance(value, Death):
                return value
            self._add(value)
            if value.format in left:
                del left[: left.index(value.format) + 1]
        return None

    def _add(self, row: results.CheckResult) -> None:
        self.checked.append(row)
        self.saved()

    def bench(
        self,
        words: ModelWords,
        options: BenchOptions,
        forms: Mapping[str, TimedForm] | None = None,
        bundle: Path | None = None,
    ) -> None:
        """Time one model's forms in a fresh process that nothing else has warmed."""
        threads = {name: str(options.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
        for value in self._rows(
            words, "bench", "bench", words, options, forms, bundle, fresh=True, variables=threads
        ):
            if isinstance(value, Death):
                self._mourn(words, "bench", value)
            elif isinstance(value, results.CheckResult):
                self.checked.append(value)
            else:
                self.benched.append(value)
            self.saved()

    def predict(self, bundle: str, images: Sequence[Path], options: PredictOptions) -> None:
        """Classify image files; one that ends the process is a row, the rest go on in another."""
        left = tuple(images)
        while left:
            death = self._predicted_until_death(bundle, left, options)
            at = None if death is None or death.last is None else death.last.done
            if death is None or at is None:
                self._mourn(ModelWords(bundle), "predict", death)
                return
            self.predicted.append(unanswered_row(bundle, left[at], death.kind, death.message))
            left = left[at + 1 :]

    def _predicted_until_death(
        self, bundle: str, images: tuple[Path, ...], options: PredictOptions
    ) -> Death | None:
        for value in self._rows(ModelWords(bundle), "predict", "predict", bundle, images, options):
            if isinstance(value, Death):
                return value
            if isinstance(value, Surroundings):
                self.surroundings = value
            else:
                self.predicted.append(value)
        return None

    def draw(self, words: ModelWords, folder: Path) -> None:
        """Draw the pictures of one generative model."""
        for value in self._rows(words, "draw", "draw", words, folder):
            if isinstance(value, Death):
                self._mourn(words, "draw", value)
            elif isinstance(value, Surroundings):
                self.surroundings = value
            else:
                self.pictures.append(value)

    def _rows(
        self,
        words: ModelWords,
        stage: str,
        function: str,
        *arguments: object,
        fresh: bool = False,
        variables: Mapping[str, str] | None = None,
    ) -> Iterator:  # type: ignore[type-arg]
        """The values of a job; what it raises becomes a failure of this model."""
        try:
            yield from self._job(function, *arguments, fresh=fresh, variables=variables)
        except ToolkitError as error:
            self.failures.append(
                Failure(
                    display_name(words.word),
                    stage,
                    error.exit_code,
                    error.message,
                    error.name,
                    error.hint,
                )
            )

    def _job(
        self,
        function: str,
        *arguments: object,
        fresh: bool = False,
        variables: Mapping[str, str] | None = None,
    ) -> Iterator[object]:
        return run_job(
            function,
            *arguments,
            limits=self.limits,
            observe=self._observe_in_place,
            fresh=fresh,
            variables=variables,
            finish_s=_FINISH_S.get(function),
        )

    def _observe_in_place(self, progress: Progress) -> None:
        self.observe(replace(progress, place=self.place))

    def _mourn(self, words: ModelWords, stage: str, death: Death | None) -> None:
        if death is not None:
            shown = display_name(words.word)
            self.failures.append(Failure(shown, stage, UNJUDGED, death.message, death.kind))

    def _add_unbuilt(self, words: ModelWords, stage: str, device: str) -> None:
        """A model that could not be built at all has one row without a format."""
        shown = display_name(words.word)
        failed = [one for one in self.failures if (one.model, one.stage) == (shown, stage)]
        if not failed:
            return
        status: results.CheckStatus = "error"
        if failed[-1].code == REFUSED:
            status = "refused"
        elif failed[-1].name in _DEATHS:
            status = failed[-1].name  # type: ignore[assignment]
        self._add(unjudged_row(words, None, status, failed[-1].message, device))

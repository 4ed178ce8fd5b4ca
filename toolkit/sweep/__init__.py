"""Many models through the pipeline, each stage in a child process: rows as they come.

A model that cannot be built, crashes or hangs is a row; the others go on. The parent process
imports no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit import results
from toolkit.benching.values import Entrant
from toolkit.bundle import update_parity
from toolkit.errors import REFUSED, USAGE, ToolkitError
from toolkit.folders import temporary_folder
from toolkit.isolation import Death
from toolkit.options import (
    BenchOptions,
    CheckOptions,
    ExportOptions,
    PredictOptions,
    Surroundings,
)
from toolkit.outcome import Failure, parity_summary, timed_forms, unanswered_row
from toolkit.sweep.benching import Benching
from toolkit.sweep.judging import RETRIES
from toolkit.words import ModelWords


@dataclass(frozen=True)
class Stages:
    """How each stage of a whole run is to be done."""

    export: ExportOptions
    check: CheckOptions
    bench: BenchOptions


@dataclass
class Sweep(Benching):
    """Runs what a command was asked to do, model by model, and gathers what it finds."""

    def whole_way(self, words: ModelWords, stages: Stages, *, timed: bool = True) -> None:
        """Weights, export, check and bench of one model; what fails early is not gone on with."""
        if not self.train(words, required=False):
            self._add_unbuilt(words, "train", stages.check.device)
            return
        exported, rows = self.prove(words, stages.export, stages.check)
        bundle = Path(exported.bundle) if exported and exported.bundle else None
        if bundle is not None:
            self._note_parity(words, bundle, rows)
        forms = timed_forms(exported, rows)
        if forms and timed:
            with temporary_folder() as scratch:
                for device in stages.bench.devices:
                    entrant = Entrant(words, forms, Path(scratch), bundle)
                    self.time([entrant], stages.bench, device)

    def _note_parity(
        self, words: ModelWords, bundle: Path, rows: Sequence[results.CheckResult]
    ) -> None:
        """Put the verdicts into the manifest; that it cannot be written loses no row."""
        try:
            update_parity(bundle, parity_summary(rows))
        except (ToolkitError, OSError) as error:
            shown = words.shown
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
            shown = words.shown
            self.failures.append(Failure(shown, "train", USAGE, "it has no training plan", "usage"))
        return len(self.failures) == before

    def export(self, words: ModelWords, options: ExportOptions) -> results.ExportedModel | None:
        """Write one bundle; a form whose export ends the process is left out and said."""
        dead: dict[str, str] = {}
        for _ in range(RETRIES + 1):
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

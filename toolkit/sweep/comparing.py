"""Two models compared in a child process; a form of the candidate that ends it is a row."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from toolkit import results
from toolkit.errors import REFUSED, USAGE, ToolkitError
from toolkit.isolation import Death
from toolkit.options import CheckOptions, Surroundings
from toolkit.outcome import unjudged_row
from toolkit.sweep.judging import Judging
from toolkit.words import ModelWords


@dataclass
class _Pair:
    """What is compared, and the forms of the candidate that have their rows."""

    words: ModelWords
    candidate: ModelWords
    options: CheckOptions
    done: list[str] = field(default_factory=list)

    def unjudged(
        self, status: results.CheckStatus, message: str, form: str | None = None
    ) -> results.CheckResult:
        """A row for a form of the candidate, or all of it, that gave no verdict."""
        row = unjudged_row(self.candidate, form, status, message, self.options.device)
        return row.model_copy(update={"reference": self.words.shown})


@dataclass
class Comparing(Judging):
    """Comparisons, taken up again behind a form that ended the process."""

    def compare(self, words: ModelWords, candidate: str, options: CheckOptions) -> None:
        """Judge every form of the candidate against the model of `words`.

        Raises `UsageError` for words that make no sense, and what is about neither model.
        """
        pair = _Pair(words, replace(words, word=candidate, entry=None), options)
        try:
            while (death := self._compared_until_death(pair)) is not None:
                form = None if death.form in pair.done else death.form
                self._add(pair.unjudged(death.kind, death.message, form))
                if form is None:
                    return
                pair.done.append(form)
        except ToolkitError as error:
            if error.exit_code == USAGE or error.model is None:
                raise
            self._fail(pair, error.model, error)

    def _compared_until_death(self, pair: _Pair) -> Death | None:
        """Rows as they come; how the process ended before its end."""
        done = tuple(pair.done)
        for value in self._job("compare", pair.words, pair.candidate.word, pair.options, done):
            if isinstance(value, Death):
                return value
            if isinstance(value, Surroundings):
                self.surroundings = value
            elif isinstance(value, results.CheckResult):
                self._add(value)
                pair.done.append(str(value.format))
        return None

    def _fail(self, pair: _Pair, model: str, error: ToolkitError) -> None:
        """One of the two could not be had: a failure that names it, and a row without a form."""
        self._failed(model, "compare", error)
        status: results.CheckStatus = "refused" if error.exit_code == REFUSED else "error"
        self._add(pair.unjudged(status, f"{model}: {error.message}"))

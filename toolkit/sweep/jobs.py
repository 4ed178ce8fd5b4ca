"""Jobs of the pipeline in child processes, model by model, and what becomes of their ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from toolkit import results
from toolkit.errors import REFUSED, UNJUDGED, ToolkitError
from toolkit.events import Observe, Progress, ignore
from toolkit.isolation import Death, Limits, expect_exports, run_job
from toolkit.options import Surroundings
from toolkit.outcome import Failure, Outcome, unjudged_row
from toolkit.sweep.naming import telling_of_entries, told_apart
from toolkit.words import ModelWords

_DEATHS = ("timeout", "crash", "out-of-memory")
_NO_SIZES: Mapping[str, int] = MappingProxyType({})
_FINISH_S = {"train": 60.0}
"""What Ctrl-C does not end at once: a training judges and keeps its best weights so far."""


@dataclass
class Jobs(Outcome):
    """What has been found so far, and the means to find more: a child process for each job."""

    limits: Limits = field(default_factory=Limits)
    observe: Observe = ignore
    saved: Callable[[], None] = lambda: None
    """Called after every row; it may pass over some where writing takes long."""
    kept: Callable[[], None] = lambda: None
    """Called after every model; nothing of it may be lost afterwards."""
    surroundings: Surroundings | None = None
    completed: list[str] = field(default_factory=list)
    earlier: frozenset[str] = frozenset()
    """Models that an earlier run has done."""
    place: str = ""
    meant: list[ModelWords] = field(default_factory=list)
    """The models of the command, once they are known."""
    exporting: bool = False
    """Whether exports follow: what those of several models need is imported once, for all."""

    def resolve(
        self,
        words: Sequence[ModelWords],
        *,
        everything: bool,
        device: str = "cpu",
        sizes: Mapping[str, int] = _NO_SIZES,
    ) -> list[ModelWords]:
        """The models meant, every word known to name one; raises `UsageError` before any work.

        So it does for `sizes` that no model takes. A user's code that ends the process which looks
        it up is left for its own stages to tell.
        """
        told_apart(words)  # before any code of theirs is run; patterns are known only afterwards
        found: list[ModelWords] = []
        several = self.exporting and (everything or len(words) > 1)
        if several:
            expect_exports()
        with telling_of_entries(words):
            asked = (tuple(words), everything, device, dict(sizes))
            for value in self._job("resolve", *asked, fresh=several):
                if not isinstance(value, Death):
                    found, self.surroundings = value  # type: ignore[misc]
                elif not found:
                    raise ToolkitError(f"the models could not be looked up: {value.message}")
        self.meant = told_apart(found)
        return self.meant

    def each(self, found: Sequence[ModelWords]) -> Iterator[ModelWords]:
        """The models that are not done yet, one by one; each is marked once its work is over.

        One whose work failed without a row is not: a resumed sweep tries it again.
        """
        for place, words in enumerate(found, start=1):
            shown = words.shown
            if shown in self.earlier:
                continue
            self.place = f"{place}/{len(found)}" if len(found) > 1 else ""
            failures = len(self.failures)
            yield words
            if len(self.failures) == failures:
                self.completed.append(shown)
            self.kept()

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
            self._failed(words.shown, stage, error)

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

    def _failed(self, model: str, stage: str, error: ToolkitError) -> None:
        """What a stage of a model raised: one failure, in however many of its jobs it came up."""
        failure = Failure(model, stage, error.exit_code, error.message, error.name, error.hint)
        if failure not in self.failures:
            self.failures.append(failure)

    def _mourn(self, words: ModelWords, stage: str, death: Death | None) -> None:
        if death is not None:
            shown = words.shown
            self.failures.append(Failure(shown, stage, UNJUDGED, death.message, death.kind))

    def _add(self, row: results.CheckResult) -> None:
        self.checked.append(row)
        self.saved()

    def _add_unbuilt(self, words: ModelWords, stage: str, device: str) -> None:
        """A model that could not be built at all has one row without a format."""
        shown = words.shown
        failed = [one for one in self.failures if (one.model, one.stage) == (shown, stage)]
        if not failed:
            return
        status: results.CheckStatus = "error"
        if failed[-1].code == REFUSED:
            status = "refused"
        elif failed[-1].name in _DEATHS:
            status = failed[-1].name  # type: ignore[assignment]
        self._add(unjudged_row(words, None, status, failed[-1].message, device))

"""Forms checked, alone or as they are exported; one that ends the process is a row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from toolkit import results
from toolkit.isolation import Death
from toolkit.options import CheckOptions, ExportOptions, SelfTestOptions
from toolkit.outcome import unjudged_row
from toolkit.spec import ALL_FORMATS, FORMAT_NAMES
from toolkit.sweep.jobs import Jobs
from toolkit.words import ModelWords

RETRIES = len(ALL_FORMATS)
"""Each form may end the process of its export once."""


@dataclass
class Judging(Jobs):
    """Exports and checks, taken up again behind a form that ended the process."""

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

    def plan(self, words: ModelWords, options: CheckOptions) -> None:
        """Tell the cases of one model; one that cannot be looked at has none, and says why."""
        failures = len(self.failures)
        for value in self._rows(words, "check", "plan", words, options):
            if isinstance(value, Death):
                self._mourn(words, "check", value)
            else:
                self.planned.append(value)
        for failure in self.failures[failures:]:
            without = results.PlannedModel(model=words.shown, message=failure.message)
            self.planned.append(without)

    def self_test(self, words: ModelWords, options: SelfTestOptions) -> None:
        """Try the judge on one model; one that ends the process is a failure."""
        names = options.check.formats or ("onnx",)
        for value in self._rows(words, "check", "self_test", words, options, names):
            if isinstance(value, Death):
                self._mourn(words, "check", value)
            else:
                self.self_tested.append(value)
                self.saved()

    def _check_left(
        self, words: ModelWords, options: CheckOptions, left: list[str], bundle: Path | None
    ) -> None:
        while left:
            death = self._checked_until_death(words, options, left, bundle)
            if death is None:
                return
            left = self._bury(words, death, left, options.device)

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

    def _bury(self, words: ModelWords, death: Death, left: list[str], device: str) -> list[str]:
        """A row for the form that ended the process; the forms that are left after it."""
        form = death.form if death.form in left else None
        self._add(unjudged_row(words, form, death.kind, death.message, device))
        return [] if form is None else left[left.index(form) + 1 :]

    def prove(
        self, words: ModelWords, options: ExportOptions, check_options: CheckOptions
    ) -> tuple[results.ExportedModel | None, list[results.CheckResult]]:
        """Export and check in one process; a form that ends it is left out, and said."""
        before = len(self.checked)
        names = check_options.formats or FORMAT_NAMES
        dead: dict[str, str] = {}
        for _ in range(RETRIES + 1):
            exported, death = self._proved_until_death(words, options, check_options, names, dead)
            if exported is not None:
                rows = self.checked[before:]
                done = [row.format for row in rows]
                left = [name for name in names if name not in done]
                bundle = Path(exported.bundle) if exported.bundle else None
                rows += self._judge_rest(words, check_options, left, bundle, death)
                return exported, rows
            if death is None or death.form is None or death.form in dead:
                self._mourn(words, "export", death)
                break
            dead[death.form] = f"{death.kind}: {death.cause}"
        self._add_unbuilt(words, "export", check_options.device)
        return None, self.checked[before:]

    def _proved_until_death(
        self,
        words: ModelWords,
        options: ExportOptions,
        check_options: CheckOptions,
        names: tuple[str, ...],
        dead: dict[str, str],
    ) -> tuple[results.ExportedModel | None, Death | None]:
        exported: results.ExportedModel | None = None
        for value in self._rows(
            words, "export", "prove", words, options, check_options, names, dead
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

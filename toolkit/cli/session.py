"""What every command does around its work: words parsed, progress shown, the document told."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from toolkit._version import __version__
from toolkit.cli import github, junit
from toolkit.errors import ResultsError, ToolkitError

if TYPE_CHECKING:
    from toolkit.options import Surroundings
    from toolkit.results import Document, Environment
    from toolkit.sweep import Sweep

INTERRUPTED, TERMINATED = 130, 143
_NAMED = 5
"""So many models that are done already are named."""
TIMING = ("bench", "run")
"""Commands whose tables say of which commit they are."""
EXPORTING = ("export", "check", "run")
"""Commands whose children export; `bench` does so in processes that nothing has warmed."""


class TerminationError(BaseException):
    """SIGTERM: unwinds as Ctrl-C does, so that children are ended and nothing is left torn."""


@contextmanager
def termination_unwinds() -> Iterator[None]:
    """Turn SIGTERM into an exception while a command works."""

    def raise_termination(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise TerminationError

    before = signal.signal(signal.SIGTERM, raise_termination)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@dataclass
class _Pace:
    """When something that takes a while may be done again, and how long it takes."""

    share: float = 0.1
    cost_s: float = 0.0
    last_s: float = float("-inf")

    def due(self) -> bool:
        return time.monotonic() - self.last_s >= self.cost_s / self.share

    @contextmanager
    def measured(self) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.last_s = time.monotonic()
            self.cost_s = self.last_s - began


@dataclass
class Session:
    """One command: what it found goes into one document, told at the end."""

    command: str
    json: bool
    build: Callable[[Sweep], dict[str, object]]
    results_file: Path | None = None
    limits_timeout_s: float = 600.0
    memory_limit_gb: float | None = None
    threads: int | None = None
    asked: dict[str, Any] | None = None
    resume: bool = False
    junit: Path | None = None
    _saving: _Pace = field(default_factory=_Pace)
    _commits: tuple[str | None, str | None] = (None, None)

    def run(self, work: Callable[[Sweep], None]) -> int:
        """Do the work under a progress display, save and tell what came of it.

        With `resume` the models that an earlier run has done keep their rows.
        """
        from toolkit.isolation import Limits, unenforced
        from toolkit.report.progress import ProgressDisplay
        from toolkit.report.terminal import console_for
        from toolkit.sweep import Sweep

        if self.command in TIMING:
            from toolkit.timing.revision import commit, own_commit

            self._commits = commit(Path.cwd()), own_commit()
        _require_writable(self.results_file)
        _require_writable(self.junit, junit.HINT)
        junit.make_way(self.junit)
        limit = self.memory_limit_gb
        limits = Limits(self.limits_timeout_s, int(limit * 1e9) if limit else None)
        for text in unenforced(limits):
            say(f"note: {text}")
        console = console_for(stderr=True)
        with ProgressDisplay(console) as display, termination_unwinds():
            exporting = self.command in EXPORTING
            sweep = Sweep(limits=limits, observe=display.observe, exporting=exporting)
            sweep.saved = lambda: self._save_in_passing(sweep)
            sweep.kept = lambda: self._save(sweep)
            self._take_up_earlier(sweep)
            try:
                work(sweep)
            except KeyboardInterrupt:
                sweep.interrupted = INTERRUPTED
            except TerminationError:
                sweep.interrupted = TERMINATED
        self._save(sweep)
        self._save_junit(sweep)
        document = self.document(sweep)
        self._tell(sweep, document)
        return document.exit_code

    def document(self, sweep: Sweep) -> Document:
        """What was found so far."""
        from toolkit.results import Document

        return Document(
            command=self.command,
            toolkit=__version__,
            environment=environment(sweep.surroundings, self.threads),
            exit_code=sweep.exit_code(),
            command_line=command_line(),
            commit=self._commits[0],
            toolkit_commit=self._commits[1],
            error=sweep.error,
            asked=self.asked,
            completed=sweep.completed if self.asked is not None else None,
            **self.build(sweep),  # type: ignore[arg-type]
        )

    def _take_up_earlier(self, sweep: Sweep) -> None:
        from toolkit.cli import resuming

        if not self.resume:
            return
        found = resuming.earlier(
            self.results_file, self.command, self.asked or {}, environment(None, self.threads)
        )
        if found is not None:
            resuming.take_up(sweep, found)
            done = sweep.completed
            names = ", ".join([*done[:_NAMED], *(["…"] if len(done) > _NAMED else [])])
            say(
                f"kept from before, {len(done)} done: {names}"
                if done
                else "nothing was done before"
            )

    def _save_in_passing(self, sweep: Sweep) -> None:
        """After every row, but for a large file no more often than costs a tenth of the time."""
        if self._saving.due():
            with self._saving.measured():
                self._save(sweep)

    def _save(self, sweep: Sweep) -> None:
        """Write what was found so far: what comes later loses nothing."""
        from toolkit import results

        if self.results_file is not None and sweep.found_anything:
            try:
                results.save(self.document(sweep), self.results_file)
            except OSError as error:
                sweep.unsaved(str(self.results_file), error.strerror or str(error))

    def _save_junit(self, sweep: Sweep) -> None:
        try:
            junit.write(self.document(sweep), self.junit)
        except OSError as error:
            sweep.unsaved(str(self.junit), error.strerror or str(error))

    def _tell(self, sweep: Sweep, document: Document) -> None:
        from toolkit.report.terminal import console_for

        if self.json:
            write_json(document)
        else:
            if sweep.found_forms or not sweep.failures:
                # Failures follow on stderr, with their hints: the table does not tell them too.
                github.display(document.model_copy(update={"error": None}), console_for())
            tell_failures(sweep)
        github.announce(document, sweep, json=self.json)
        if sweep.interrupted:
            say(self._interrupted(sweep))
            tell_kept_weights(sweep)

    def _interrupted(self, sweep: Sweep) -> str:
        if not sweep.found_anything:
            return "interrupted before anything was found"
        place = f" and in {self.results_file}" if self.results_file is not None else ""
        return f"interrupted; what was found before is above{place}"


def _require_writable(
    path: Path | None, hint: str = "--results FILE names another place for the results"
) -> None:
    """Results that have no place are refused before the work, not after it."""
    if path is None:
        return
    folder = path.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ResultsError(f"cannot write {path}", hint=hint)


def environment(surroundings: Surroundings | None, threads: int | None = None) -> Environment:
    """The machine and the versions, for a document."""
    from toolkit.results import Environment
    from toolkit.timing import machine

    facts = machine.facts()
    return Environment(
        python=facts.python,
        platform=facts.platform,
        cpu=facts.cpu,
        cores=facts.cores,
        threads=threads or (surroundings.threads if surroundings else facts.cores_usable),
        devices=list(surroundings.devices) if surroundings else ["cpu"],
        **facts.versions,
    )


def command_line() -> str:
    """The command as it was typed, without the folder that the program lies in."""
    from toolkit.words import shell_line

    return shell_line(["toolkit", *sys.argv[1:]])


def write_json(document: Document) -> None:
    """The one document on stdout: ASCII, whatever the terminal's encoding is."""
    from toolkit.results import to_json

    sys.stdout.write(to_json(document) + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """A few words on stderr, in any encoding; none of its lines is a command to a CI service."""
    encoding = sys.stderr.encoding or "ascii"
    shown = github.without_commands(text)
    sys.stderr.write(shown.encode(encoding, "replace").decode(encoding) + "\n")


def tell_failures(sweep: Sweep) -> None:
    """What kept the command from its work, on stderr: what, which model, how to mend it."""
    for failure in sweep.failures:
        say(f"toolkit: {failure.model}: {failure.message}")
        if failure.hint:
            say(f"  {failure.hint}")


def tell_kept_weights(sweep: Sweep) -> None:
    """Where the best weights of an interrupted training are, on stderr."""
    for model in sweep.trained:
        if model.interrupted and model.file is not None:
            say(f"{model.name}: its best weights until then are in {model.file}")
            say("  best epoch by the held-out metric; with patience, by the validation loss")
            say("  --weights FILE takes them; the next training begins anew")


def refusal(command: str, error: ToolkitError) -> Document:
    """The document of a command that an error stopped."""
    from toolkit.results import Document, ErrorDocument

    return Document(
        command=command,
        toolkit=__version__,
        environment=environment(None),
        exit_code=error.exit_code,
        command_line=command_line(),
        error=ErrorDocument(name=error.name, message=str(error), hint=error.hint),
    )


def refuse(command: str, error: ToolkitError, words: Sequence[str], *, json: bool) -> int:
    """Tell an error that stopped the whole command; in the forms that its words ask for too."""
    if json:
        write_json(refusal(command, error))
    place = junit.asked_for(words)
    if place is not None:
        junit.replace(place, refusal(command, error))
    github.announce_error(command, error, json=json)
    say(f"toolkit: {error}")
    for line in (error.hint or "").splitlines():
        say(f"  {line}")
    return error.exit_code

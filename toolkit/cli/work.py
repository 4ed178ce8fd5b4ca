"""`train`, `export`, `check`, `bench` and `run`: options made into values, then the sweep."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.cli.asking import Asks
from toolkit.cli.options import ChildOptions, LimitOptions
from toolkit.cli.session import Session
from toolkit.errors import InputsError, UsageError
from toolkit.options import (
    EAGER,
    BenchOptions,
    CheckOptions,
    ExportOptions,
)
from toolkit.words import ModelWords, parse_formats

if TYPE_CHECKING:
    from toolkit.sweep import Stages, Sweep


OUTPUTS = ("out", "failures")


@dataclass(frozen=True)
class Common:
    """The options of every command that works: output, and what a child may use."""

    child: ChildOptions
    results: Path | None = None
    junit: Path | None = None

    def session(
        self,
        command: str,
        build: Callable[[Sweep], dict[str, object]],
        threads: int | None = None,
        asked: Mapping[str, object] | None = None,
        *,
        resume: bool = False,
    ) -> Session:
        """A session of this command, whose document holds what `build` picks from the sweep.

        `asked` is kept there, and compared when a sweep goes on.
        """
        return Session(
            command,
            self.child.json,
            build,
            self.results,
            self.child.timeout,
            self.child.memory_limit,
            threads,
            None if asked is None else plainly(asked),
            resume,
            self.junit,
        )


def plainly(asked: Mapping[str, object]) -> dict[str, Any]:
    """Options as JSON holds them; the folders that outputs go to are no options of the results."""
    tree: dict[str, Any] = json.loads(json.dumps(asked, default=_as_json))
    return tree


def _as_json(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {key: part for key, part in asdict(value).items() if key not in OUTPUTS}
    return str(value)


@dataclass(frozen=True)
class Check:
    """The options of `check` as typed."""

    formats: Sequence[str] | None
    device: str
    opset: int
    failures: Path
    trust: bool
    budget_s: float
    limits: LimitOptions

    def values(self) -> CheckOptions:
        """The options checked; raises `UsageError`."""
        return CheckOptions(
            parse_formats(self.formats or []),
            self.device,
            self.opset,
            self.failures,
            self.trust,
            self.budget_s,
            limits=self.limits.values(),
        )


def _resolved(
    asks: Asks[Any], device: str = "cpu", sizes: Mapping[str, int] | None = None
) -> Callable[[Sweep], list[ModelWords]]:
    words = asks.words()
    return lambda sweep: sweep.resolve(
        words, everything=asks.everything, device=device, sizes=sizes or {}
    )


def untrained(model: str | None = None) -> UsageError:
    """The refusal of a user's own module, where a training plan is asked for."""
    return UsageError(
        "it is a module of your own, which has no training plan",
        model=model,
        hint="a ModelSpec of your own can have one, and has its inputs then",
    )


def train(asks: Asks[bool]) -> int:
    """Train each model, some of them again; one that is not trained at all is said."""
    resolved = _resolved(asks, asks.device)

    def work(sweep: Sweep) -> None:
        try:
            found = resolved(sweep)
        except InputsError as error:  # its hint is an option that training does not have
            raise untrained(error.model) from error
        for words in sweep.each(found):
            sweep.train(words, again=asks.options_of(words), required=not asks.everything)

    return asks.typed.common.session("train", lambda sweep: {"models": sweep.trained}).run(work)


def export(asks: Asks[ExportOptions]) -> int:
    """Write each model's bundle."""
    resolved = _resolved(asks)

    def work(sweep: Sweep) -> None:
        for words in sweep.each(resolved(sweep)):
            sweep.export(words, asks.options_of(words))

    return asks.typed.common.session("export", lambda sweep: {"models": sweep.exported}).run(work)


def check(asks: Asks[CheckOptions]) -> int:
    """Judge every form of each model."""
    resolved = _resolved(asks)

    def work(sweep: Sweep) -> None:
        for words in sweep.each(resolved(sweep)):
            sweep.check(words, asks.options_of(words))

    session = asks.typed.common.session(
        "check",
        lambda sweep: {"results": sweep.checked},
        asked=asks.asked("check"),
        resume=asks.typed.resume,
    )
    return session.run(work)


def plan(asks: Asks[CheckOptions]) -> int:
    """Tell the cases that a check of each model runs, and run none."""
    common = asks.typed.common
    if asks.typed.resume or common.junit is not None:
        raise UsageError("--plan checks nothing: there are no results to go on with or to write")
    resolved = _resolved(asks)

    def work(sweep: Sweep) -> None:
        sweep.exporting = False
        for words in sweep.each(resolved(sweep)):
            sweep.plan(words, asks.options_of(words))

    alone = replace(common, results=None)  # a plan does not take the place of a check's results
    return alone.session("check", lambda sweep: {"plans": sweep.planned}).run(work)


def run(asks: Asks[Stages]) -> int:
    """The whole way of each model: weights, export, check, bench."""
    resolved = _resolved(asks, asks.device, asks.typed.options.bench.sizes)  # before any training

    def work(sweep: Sweep) -> None:
        for words in sweep.each(resolved(sweep)):
            part = words.word in (sweep.surroundings.parts if sweep.surroundings else ())
            timed = not (asks.everything and part)
            sweep.whole_way(words, asks.options_of(words), timed=timed)

    session = asks.typed.common.session(
        "run",
        _parts,
        max(asks.typed.options.bench.threads),
        asks.asked("run"),
        resume=asks.typed.resume,
    )
    return session.run(work)


def stages(check: CheckOptions, timed: BenchOptions, out: Path) -> Stages:
    """The stages of a whole run; what is timed are the forms that were asked for."""
    from toolkit.sweep import Stages

    if check.formats and not timed.variants:
        timed = replace(timed, variants=(EAGER, *check.formats))
    return Stages(ExportOptions(check.formats, out, check.opset, check.trust), check, timed)


def _parts(sweep: Sweep) -> dict[str, object]:
    from toolkit import results

    return {
        "train": results.Trained(models=sweep.trained),
        "export": results.ExportedPart(models=sweep.exported),
        "check": results.Checked(results=sweep.checked),
        "bench": results.Benched(comparisons=sweep.benched),
    }

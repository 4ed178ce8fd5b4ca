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
from toolkit.errors import UsageError
from toolkit.options import (
    EAGER,
    OPSET,
    BenchOptions,
    CheckOptions,
    ExportOptions,
)
from toolkit.results import Preset
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
            None if asked is None else _plainly(asked),
            resume,
            self.junit,
        )


def _plainly(asked: Mapping[str, object]) -> dict[str, Any]:
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


@dataclass(frozen=True)
class Bench:
    """The options of `bench` as typed."""

    variants: Sequence[str] | None
    batch: str
    threads: str
    device: str
    baseline: str = EAGER
    preset: Preset = "usual"
    budget_s: float = 60.0
    opset: int = OPSET
    trust: bool = False
    each: bool = False

    def values(self) -> BenchOptions:
        """The options checked; raises `UsageError`."""
        return BenchOptions(
            variants=_variants(self.variants or []),
            batches=_counts("--batch", self.batch),
            threads=_counts("--threads", self.threads),
            devices=_devices(self.device),
            preset=self.preset,
            baseline=_variants([self.baseline])[0],
            budget_s=self.budget_s,
            opset=self.opset,
            trust=self.trust,
            each=self.each,
        )


def preset(*, quick: bool = False, rigorous: bool = False) -> Preset:
    """How long is measured; raises `UsageError` for both."""
    if quick and rigorous:
        raise UsageError("--quick and --rigorous: only one of them can be meant")
    return "quick" if quick else "rigorous" if rigorous else "usual"


def _variants(words: Sequence[str]) -> tuple[str, ...]:
    from toolkit.variants import parse

    names = [name for word in words for name in word.split(",") if name]
    return tuple(dict.fromkeys(parse(name).word for name in names))


def _counts(flag: str, text: str) -> tuple[int, ...]:
    words = [word.strip() for word in str(text).split(",")]
    if not all(word.isdigit() and int(word) > 0 for word in words):
        raise UsageError(f"{flag} {text}: expected numbers above 0, as in {flag} 1,8,32")
    return tuple(dict.fromkeys(int(word) for word in words))


def _devices(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if not names:
        raise UsageError("--device names no device", hint="as in --device cpu,cuda")
    return names


def _resolved(asks: Asks[Any], device: str = "cpu") -> Callable[[Sweep], list[ModelWords]]:
    words = asks.words()
    return lambda sweep: sweep.resolve(words, everything=asks.everything, device=device)


def train(asks: Asks[bool]) -> int:
    """Train each model, some of them again; one that is not trained at all is said."""
    resolved = _resolved(asks, asks.device)

    def work(sweep: Sweep) -> None:
        for words in sweep.each(resolved(sweep)):
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


def bench(asks: Asks[BenchOptions]) -> int:
    """Time every form of each model that passes parity, and models against each other."""
    resolved = _resolved(asks, asks.device)

    def work(sweep: Sweep) -> None:
        found = resolved(sweep)
        typed = [words for words in found if words.entry is None]
        together = not (asks.everything or asks.typed.options.each)
        if together and len(typed) == len(found) > 1:
            sweep.bench(found, asks.typed.options)
            return
        for words in sweep.each(found):
            sweep.bench([words], asks.options_of(words))

    def build(sweep: Sweep) -> dict[str, object]:
        return {"comparisons": sweep.benched, "results": sweep.checked or None}

    return asks.typed.common.session("bench", build, max(asks.typed.options.threads)).run(work)


def run(asks: Asks[Stages]) -> int:
    """The whole way of each model: weights, export, check, bench."""
    resolved = _resolved(asks, asks.device)  # before anything is trained

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
    return Stages(ExportOptions(check.formats, out, check.opset), check, timed)


def _parts(sweep: Sweep) -> dict[str, object]:
    from toolkit import results

    return {
        "train": results.Trained(models=sweep.trained),
        "export": results.ExportedPart(models=sweep.exported),
        "check": results.Checked(results=sweep.checked),
        "bench": results.Benched(comparisons=sweep.benched),
    }

"""`train`, `export`, `check`, `bench` and `run`: options made into values, then the sweep."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.cli.model_options import ModelOptions, told
from toolkit.cli.options import ChildOptions
from toolkit.cli.session import Session
from toolkit.errors import UsageError
from toolkit.options import ALL_VARIANTS, EAGER, BenchOptions, CheckOptions, ExportOptions
from toolkit.words import ModelWords, nearest_words, parse_formats

if TYPE_CHECKING:
    from toolkit.sweep import Sweep


OUTPUTS = ("out", "failures")


@dataclass(frozen=True)
class Common:
    """The options of every command that works: output, and what a child may use."""

    child: ChildOptions
    results: Path | None = None

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

    def values(self) -> CheckOptions:
        """The options checked; raises `UsageError`."""
        return CheckOptions(
            parse_formats(self.formats or []),
            self.device,
            self.opset,
            self.failures,
            self.trust,
            self.budget_s,
        )


@dataclass(frozen=True)
class Bench:
    """The options of `bench` as typed."""

    variants: Sequence[str] | None
    batch: str
    threads: int
    device: str
    baseline: str
    quick: bool
    budget_s: float
    opset: int
    trust: bool

    def values(self) -> BenchOptions:
        """The options checked; raises `UsageError`."""
        return BenchOptions(
            variants=_variants(self.variants or []),
            batches=_batches(self.batch),
            threads=self.threads,
            device=self.device,
            quick=self.quick,
            baseline=_variants([self.baseline])[0],
            budget_s=self.budget_s,
            opset=self.opset,
            trust=self.trust,
        )


def _variants(words: Sequence[str]) -> tuple[str, ...]:
    names = [name for word in words for name in word.split(",") if name]
    for name in names:
        if name not in ALL_VARIANTS:
            near = nearest_words(name, ALL_VARIANTS)
            raise UsageError(
                f"unknown variant {name}",
                hint=f"did you mean {near[0]}?" if near else f"one of: {', '.join(ALL_VARIANTS)}",
            )
    return tuple(dict.fromkeys(names))


def _batches(text: str) -> tuple[int, ...]:
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdigit() and int(word) > 0 for word in words):
        raise UsageError(f"--batch {text}: expected numbers above 0, as in --batch 1,8,32")
    return tuple(dict.fromkeys(int(word) for word in words))


def _resolved(chosen: ModelOptions, device: str = "cpu") -> Callable[[Sweep], list[ModelWords]]:
    words = chosen.words()
    return lambda sweep: sweep.resolve(words, everything=chosen.everything, device=device)


def train(chosen: ModelOptions, common: Common, *, again: bool) -> int:
    """Train each model; one that is not trained at all is said."""
    resolved = _resolved(chosen, chosen.device)

    def work(sweep: Sweep) -> None:
        for words in sweep.each(resolved(sweep)):
            sweep.train(words, again=again, required=not chosen.everything)

    return common.session("train", lambda sweep: {"models": sweep.trained}).run(work)


def export(
    chosen: ModelOptions,
    common: Common,
    *,
    formats: Sequence[str] | None,
    out: Path,
    opset: int,
) -> int:
    """Write each model's bundle."""
    options = ExportOptions(parse_formats(formats or []), out, opset)
    resolved = _resolved(chosen)

    def work(sweep: Sweep) -> None:
        for words in sweep.each(resolved(sweep)):
            sweep.export(words, options)

    return common.session("export", lambda sweep: {"models": sweep.exported}).run(work)


def check(chosen: ModelOptions, common: Common, asked: Check, *, resume: bool = False) -> int:
    """Judge every form of each model."""
    options = asked.values()
    resolved = _resolved(chosen)

    def work(sweep: Sweep) -> None:
        for words in sweep.each(resolved(sweep)):
            sweep.check(words, options)

    asked_for = {"check": options, **told(chosen)}
    session = common.session(
        "check", lambda sweep: {"results": sweep.checked}, asked=asked_for, resume=resume
    )
    return session.run(work)


def bench(chosen: ModelOptions, common: Common, asked: Bench) -> int:
    """Time every form of each model that passes parity."""
    options = asked.values()
    resolved = _resolved(chosen)

    def work(sweep: Sweep) -> None:
        for words in sweep.each(resolved(sweep)):
            sweep.bench(words, options)

    def build(sweep: Sweep) -> dict[str, object]:
        return {"comparisons": sweep.benched, "results": sweep.checked or None}

    return common.session("bench", build, options.threads).run(work)


def run(
    chosen: ModelOptions,
    common: Common,
    asked: Bench,
    check: Check,
    *,
    out: Path,
    resume: bool = False,
) -> int:
    """The whole way of each model: weights, export, check, bench."""
    from toolkit.sweep import Stages

    judged = check.values()
    exported = ExportOptions(judged.formats, out, asked.opset)
    timed = asked.values()
    if judged.formats and not timed.variants:
        timed = replace(timed, variants=(EAGER, *judged.formats))
    stages = Stages(exported, judged, timed)
    resolved = _resolved(chosen, asked.device)  # before anything is trained

    def work(sweep: Sweep) -> None:
        for words in sweep.each(resolved(sweep)):
            part = words.word in (sweep.surroundings.parts if sweep.surroundings else ())
            sweep.whole_way(words, stages, timed=not (chosen.everything and part))

    asked_for = {"run": stages, **told(chosen)}
    return common.session("run", _parts, asked.threads, asked_for, resume=resume).run(work)


def _parts(sweep: Sweep) -> dict[str, object]:
    from toolkit import results

    return {
        "train": results.Trained(models=sweep.trained),
        "export": results.ExportedPart(models=sweep.exported),
        "check": results.Checked(results=sweep.checked),
        "bench": results.Benched(comparisons=sweep.benched),
    }

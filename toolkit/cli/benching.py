"""`bench`: options made into values, comparisons, and what they are held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from toolkit._version import __version__
from toolkit.cli.asking import Ask, Asks
from toolkit.cli.gating import GateOptions
from toolkit.cli.session import environment, say
from toolkit.cli.timing_options import PresetOptions
from toolkit.cli.work import plainly
from toolkit.errors import UsageError
from toolkit.options import EAGER, OPSET, ROUNDS_S, BenchOptions, Gate
from toolkit.words import ModelWords

if TYPE_CHECKING:
    from toolkit.baselines import Baseline
    from toolkit.cli.session import Session
    from toolkit.results import Document
    from toolkit.sweep import Sweep


@dataclass(frozen=True)
class Bench:
    """The options of `bench` as typed."""

    variants: Sequence[str] | None
    batch: str
    threads: str
    device: str
    baseline: str = EAGER
    preset: PresetOptions = field(default_factory=PresetOptions)
    opset: int = OPSET
    trust: bool = False
    each: bool = False
    sizes: Sequence[str] | None = None
    gate: GateOptions = field(default_factory=GateOptions)

    def values(self) -> BenchOptions:
        """The options checked; raises `UsageError`."""
        return BenchOptions(
            variants=_variants(self.variants or []),
            batches=_counts("--batch", self.batch),
            threads=_counts("--threads", self.threads),
            devices=_devices(self.device),
            preset=self.preset.value(),
            baseline=_variants([self.baseline])[0],
            budget_s=self.preset.round_budget or ROUNDS_S,
            opset=self.opset,
            trust=self.trust,
            each=self.each,
            sizes=_sizes(self.sizes or []),
            gate=self.gate.values(),
        )


def _variants(words: Sequence[str]) -> tuple[str, ...]:
    from toolkit.variants import parse

    names = [name for word in words for name in word.split(",") if name]
    if words and not names:
        raise UsageError("--variants names no variant", hint="--list-variants tells them all")
    return tuple(dict.fromkeys(parse(name).word for name in names))


def _counts(flag: str, text: str | int) -> tuple[int, ...]:
    words = [word.strip() for word in str(text).split(",")]
    if not all(word.isdecimal() and int(word) > 0 for word in words):
        raise UsageError(f"{flag} {text}: expected numbers above 0, as in {flag} 1,8,32")
    return tuple(dict.fromkeys(int(word) for word in words))


def _sizes(words: Sequence[str]) -> dict[str, int]:
    from toolkit.grammar import parse_size

    found: dict[str, int] = {}
    for word in (one.strip() for text in words for one in text.split(",")):
        name, size = parse_size(word)
        if found.setdefault(name, size) != size:
            raise UsageError(f"--size {word}: {name} was to be {found[name]} already")
    return found


def _devices(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if not names:
        raise UsageError("--device names no device", hint="as in --device cpu,cuda")
    return names


def bench(asks: Asks[BenchOptions]) -> int:
    """Time every form of each model that passes parity, and models against each other."""
    words, options = asks.in_order(), asks.typed.options
    if asks.typed.resume and not _apart(asks):
        raise UsageError(
            "--resume goes on with tables of their own, and this is to be one",
            hint="--each or --all asks for a table of each model",
        )
    held = Held(options.gate)
    said = plainly(_ungated(asks).asked("bench"))
    held.require(asks, said, words)

    def work(sweep: Sweep) -> None:
        found = sweep.resolve(
            words, everything=asks.everything, device=asks.device, sizes=options.sizes
        )
        if asks.everything and sweep.surroundings:  # layers and losses are timed by name
            found = [one for one in found if one.word not in sweep.surroundings.parts]
        sweep.baseline = held.baseline
        _compare(sweep, found, asks)
        held.judge(sweep, session)

    def build(sweep: Sweep) -> dict[str, object]:
        return {
            "comparisons": sweep.benched,
            "results": sweep.checked or None,
            "against": sweep.against,
        }

    session = asks.typed.common.session(
        "bench", build, max(options.threads), said, resume=asks.typed.resume
    )
    return session.run(work)


def _apart(asks: Asks[BenchOptions]) -> bool:
    """Whether each model has a table of its own."""
    return asks.everything or not asks.named or asks.typed.options.each


def _ungated(asks: Asks[BenchOptions]) -> Asks[BenchOptions]:
    """The asks without what the run is held against, which is no option of what is measured."""

    def plain(ask: Ask[BenchOptions]) -> Ask[BenchOptions]:
        return replace(ask, options=replace(ask.options, gate=Gate()))

    entries = {name: plain(ask) for name, ask in asks.entries.items()}
    return replace(asks, typed=plain(asks.typed), entries=entries)


def _compare(sweep: Sweep, found: Sequence[ModelWords], asks: Asks[BenchOptions]) -> None:
    """All models that were named in one comparison, unless each is to have its own.

    Those that the settings want timed in other ways than the rest are compared among themselves.
    """
    if _apart(asks):
        for words in sweep.each(found):
            sweep.bench([words], asks.options_of(words))
        if len(found) > 1 and sweep.benched and not sweep.earlier:
            sweep.sized(asks.typed.options.sizes)
        return
    groups: list[tuple[BenchOptions, list[ModelWords]]] = []
    for words in found:
        options = asks.options_of(words)
        alike = next((held for own, held in groups if own == options), None)
        if alike is None:
            groups.append((options, [words]))
        else:
            alike.append(words)
    if len(groups) > 1:
        told = " and ".join(", ".join(one.shown for one in held) for _, held in groups)
        say(f"note: timed apart, since their options differ: {told}")
    for options, held in groups:
        failures = len(sweep.failures)
        sweep.bench(held, options)
        if len(sweep.failures) == failures:
            sweep.completed += [words.shown for words in held]
    if len(groups) > 1 and sweep.benched:
        sweep.sized(asks.typed.options.sizes)


class Held:
    """A run held against a saved one, and saved."""

    def __init__(self, gate: Gate) -> None:
        from toolkit import baselines

        self._gate = gate
        self.baseline = None
        if gate.baseline is not None:
            self.baseline = baselines.find(gate.baseline, gate.folder)

    def require(
        self, asks: Asks[BenchOptions], said: dict[str, Any], words: Sequence[ModelWords]
    ) -> None:
        """Refuse a saved run of another machine or protocol before anything is measured.

        What only the models themselves tell, as dtypes and usual sizes, is compared afterwards.
        """
        from toolkit import baselines

        if self.baseline is None:
            return
        then = self.baseline.document
        typed = asks.typed.chosen
        asked = [ask.options for ask in asks.entries.values()]
        asked += [asks.typed.options] if typed.names_any or not asked else []
        threads = {count for options in asked for count in _threads(options)}
        now = environment(None, max(threads))
        unlike = [
            *baselines.environment_differences(then, now, __version__),
            *baselines.asked_differences(
                then,
                baselines.Asked(
                    threads,
                    {options.preset for options in asked},
                    {batch for options in asked for batch in options.batches},
                    {device for options in asked for device in options.devices},
                    asks.typed.options.sizes,
                    said,
                    [one.shown for one in words],
                ),
            ),
        ]
        baselines.require_alike(unlike, self.baseline.name, anyway=self._gate.anyway)

    def judge(self, sweep: Sweep, session: Session) -> None:
        """What became of the saved run's cases; then the run is saved, if it is to be."""
        if self.baseline is not None:
            self._hold(sweep, self.baseline, session.document(sweep))
        if self._gate.save is not None:
            self._save(self._gate.save, sweep, session.document(sweep))

    def _hold(self, sweep: Sweep, baseline: Baseline, now: Document) -> None:
        """Judge every case; what was measured under other conditions is shown and not judged."""
        from toolkit import baselines

        then, name = baseline.document, baseline.name
        try:
            unlike = baselines.differences(then, now)
            baselines.require_alike(unlike, name, anyway=self._gate.anyway)
        except baselines.UnlikeError as error:
            sweep.refuse(error)
            return
        sweep.against = baselines.judged(then, now, name, self._gate.limit)
        sweep.refuse(baselines.gate_error(sweep.against))

    def _save(self, name: str, sweep: Sweep, document: Document) -> None:
        """Keep the run; in place of its own baseline only where it holds against that."""
        from toolkit import baselines

        folder = self._gate.folder
        holds = sweep.against is not None and sweep.against.exit_code == 0
        if self.baseline is not None and not holds:
            place = baselines.path_of(name, folder)
            if place.resolve() == self.baseline.path.resolve():
                say(
                    f"note: {name} stays as it was: this run does not hold against it;"
                    f" --save {name} without --baseline puts it there all the same"
                )
                baselines.prune(folder)
                return
        say(f"saved as {name} in {baselines.save(document, name, folder)}")
        baselines.prune(folder)
        for doubt in baselines.doubts(document):
            say(f"note: {doubt}")


def _threads(options: BenchOptions) -> set[int]:
    """The thread counts of everything that is timed: a variant may have one of its own."""
    from toolkit.variants import parse

    own = {parse(word).threads for word in (*options.variants, options.baseline)}
    return {*options.threads, *(count for count in own if count)}


def list_variants(asks: Asks[BenchOptions]) -> int:
    """The variants, and what each needs that is not here."""
    from toolkit.cli import catalogue

    return catalogue.variants(asks.typed.options.devices, json=asks.typed.common.child.json)

"""What a form must hold to: the score, tolerances in its place, and bounds for low precision."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from toolkit.errors import UsageError
from toolkit.words import nearest_words, shell_word

MAX_SCORE = 30.0
"""Right exports of the catalogue score up to 10.6, the mildest planted fault 882."""
EVERY = ""
"""The key of a tolerance that is said of no output in particular."""

Tolerances = Mapping[str, float]


def _require(holds: bool, option: str, expected: str) -> None:
    if not holds:
        raise UsageError(f"{option}: a number {expected} is expected")


@dataclass(frozen=True)
class Tolerance:
    """An explicit override of one output: right where |candidate - eager| ≤ atol + rtol·|eager|."""

    atol: float
    rtol: float

    def __str__(self) -> str:
        return f"atol {self.atol:g}, rtol {self.rtol:g}"


@dataclass(frozen=True)
class Limits:
    """The limits of a check.

    `atol` and `rtol` go by the outputs' names, `EVERY` for all floating ones: an output that has
    one is judged by it and not by its score. `min_agreement` (a share) and `min_sqnr` (dB) hold
    for forms that compute in a lower precision than their reference, and for these alone.
    Raises `UsageError` for values that are none.
    """

    max_score: float = MAX_SCORE
    atol: Tolerances = field(default_factory=dict)
    rtol: Tolerances = field(default_factory=dict)
    min_agreement: float | None = None
    min_sqnr: float | None = None

    def __post_init__(self) -> None:
        _require(math.isfinite(self.max_score) and self.max_score > 0, "--max-score", "above 0")
        for option, values in (("--atol", self.atol), ("--rtol", self.rtol)):
            for value in values.values():
                _require(math.isfinite(value) and value >= 0, option, "from 0 up")
        share, ratio = self.min_agreement, self.min_sqnr
        _require(share is None or 0 <= share <= 1, "--min-agreement", "between 0 and 1")
        _require(ratio is None or math.isfinite(ratio), "--min-sqnr", "that is finite, in dB")

    @classmethod
    def said(
        cls,
        max_score: float = MAX_SCORE,
        atol: float | Tolerances | None = None,
        rtol: float | Tolerances | None = None,
        min_agreement: float | None = None,
        min_sqnr: float | None = None,
    ) -> Limits:
        """The limits in Python's words: a tolerance is a number for all, or numbers by output."""
        return cls(max_score, _by_output(atol), _by_output(rtol), min_agreement, min_sqnr)

    @property
    def bounded(self) -> bool:
        """Whether anything is said about forms of low precision."""
        return self.min_agreement is not None or self.min_sqnr is not None

    def tolerance(self, name: str, *, is_float: bool) -> Tolerance | None:
        """The override of an output; one that names none is for floating outputs alone."""
        named = name in self.atol or name in self.rtol
        general = is_float and (EVERY in self.atol or EVERY in self.rtol)
        if not (named or general):
            return None
        return Tolerance(_of(self.atol, name), _of(self.rtol, name))

    def require_outputs(self, names: Iterable[str], model: str | None = None) -> None:
        """Raise `UsageError` for a tolerance of an output that the model does not have."""
        known = list(names)
        for option, values in (("--atol", self.atol), ("--rtol", self.rtol)):
            for name in values:
                if name != EVERY and name not in known:
                    near = nearest_words(name, known)
                    others = f"its outputs: {', '.join(known)}"
                    raise UsageError(
                        f"{option} {name}=…: there is no output {name}",
                        model=model,
                        hint=f"did you mean {near[0]}?" if near else others,
                    )

    def options(self) -> str:
        """The command line's words that say the same; empty for the usual limits."""
        return " ".join(self._words())

    def _words(self) -> Iterator[str]:
        if self.max_score != MAX_SCORE:
            yield f"--max-score {self.max_score:g}"
        for option, values in (("--atol", self.atol), ("--rtol", self.rtol)):
            for name, value in values.items():
                yield f"{option} {shell_word(assigned(name, value))}"
        if self.min_agreement is not None:
            yield f"--min-agreement {self.min_agreement!r}"
        if self.min_sqnr is not None:
            yield f"--min-sqnr {self.min_sqnr!r}"


USUAL = Limits()


def _by_output(said: float | Tolerances | None) -> Tolerances:
    if said is None:
        return {}
    return dict(said) if isinstance(said, Mapping) else {EVERY: float(said)}


def _of(values: Tolerances, name: str) -> float:
    return values.get(name, values.get(EVERY, 0.0))


def assigned(name: str, value: float) -> str:
    """`OUTPUT=VALUE`, or the value alone where it is for every output."""
    return f"{name}={value!r}" if name else repr(value)


def parse_tolerance(text: str, option: str = "--atol") -> tuple[str, float]:
    """`[OUTPUT=]VALUE` → the output (`EVERY` for none) and the value; raises `UsageError`."""
    name, equals, number = text.rpartition("=")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0 or (equals and not name):
        raise UsageError(
            f"{option} {text}: expected [OUTPUT=]VALUE with a number from 0 up",
            hint=f"as in {option} 1e-4 or {option} output_0=1e-4",
        )
    return name, value


def parse_tolerances(words: Iterable[str], option: str) -> dict[str, float]:
    """The values of an option that was given any number of times; raises `UsageError`."""
    found: dict[str, float] = {}
    for word in words:
        name, value = parse_tolerance(word, option)
        if name in found:
            said = f"for {name}" if name else "for every output"
            raise UsageError(f"{option} is said twice {said}: {found[name]:g} and {value:g}")
        found[name] = value
    return found

"""Which line of the model's code takes a size as it is while torch.export runs it.

torch keeps what it learns of each symbolic size in its `ShapeEnv`: a range, and a number in its
place once the code asked for one. The question that changes it is asked on the stack of the code
itself. This stands on internals of torch: where they are gone nothing is seen, and what
torch.export refuses is found by trying one dimension after the other.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch._guards import TracingContext
from torch.fx.experimental import symbolic_shapes

from toolkit.dynamics.lines import Line, line_in, line_of_call
from toolkit.spec import ModelSpec

_METHOD = "evaluate_expr"
_SIZE = re.compile(r"L\['(?P<name>\w+)'\](?:\[(?P<number>\d+)\])?\.size\(\)\[(?P<place>\d+)\]")

Place = tuple[str, int]
"""An input and one of its axes."""


@dataclass(frozen=True)
class Question:
    """What the code asked about sizes, and the answer that the graph now holds to.

    It is about all axes of `about`, narrowed the ranges of `narrowed`, and made numbers of
    `fixed`. `line` is None where torch asked by itself.
    """

    about: frozenset[Place]
    narrowed: frozenset[Place]
    fixed: frozenset[Place]
    line: Line | None


@dataclass
class Watched:
    """The questions of captures, those of each attempt by themselves."""

    spec: ModelSpec
    attempts: list[list[Question]] = field(default_factory=list)
    _environment: object = None

    @property
    def of_success(self) -> list[Question]:
        """The questions of the last attempt."""
        return self.attempts[-1] if self.attempts else []

    @property
    def of_failure(self) -> list[Question]:
        """The questions of the first attempt that made numbers of sizes, else of the first."""
        failed = [asked for asked in self.attempts if any(one.fixed for one in asked)]
        return next(iter([*failed, *self.attempts]), [])

    def note(self, environment: Any, expression: Any, before: Any) -> None:
        """Keep the question where it changed what the environment knows."""
        symbols: set[Any] = getattr(expression, "free_symbols", set())
        about = self._places(environment, symbols)
        after = _knowledge(environment)
        if not about or after == before:
            return
        if self._environment is not environment:
            self._environment = environment
            self.attempts.append([])
        fixed = [symbol for symbol in symbols if _is_fixed(environment, symbol)]
        others = [symbol for symbol in symbols if before[0].get(symbol) != after[0].get(symbol)]
        self.attempts[-1].append(
            Question(
                about,
                self._places(environment, others),
                self._places(environment, fixed),
                _line(),
            )
        )

    def _places(self, environment: Any, symbols: Iterable[Any]) -> frozenset[Place]:
        sources = [one for symbol in symbols for one in environment.var_to_sources.get(symbol, [])]
        found = (_SIZE.search(str(source.name)) for source in sources)
        return frozenset(self._place(one) for one in found if one is not None)

    def _place(self, found: re.Match[str]) -> Place:
        number = found["number"]  # of forward's *args; other inputs go by name
        name = found["name"] if number is None else self.spec.inputs[int(number)].name
        return name, int(found["place"])


def _knowledge(environment: Any) -> tuple[Any, ...]:
    ranges, numbers = environment.var_to_range, environment.replacements
    return dict(ranges), dict(numbers), len(environment.guards)


def _is_fixed(environment: Any, symbol: Any) -> bool:
    number = environment.replacements.get(symbol)
    return number is not None and bool(getattr(number, "is_number", False))


def _line() -> Line | None:
    """The line on the stack; torch's bytecode front end keeps a stack of the code apart."""
    own = line_of_call()
    return own if own is not None else line_in(TracingContext.extract_stack())


@contextlib.contextmanager
def watching(spec: ModelSpec) -> Iterator[Watched]:
    """Fill a list with the questions that captures in the context ask."""
    watched = Watched(spec)
    environment = getattr(symbolic_shapes, "ShapeEnv", None)
    plain = getattr(environment, _METHOD, None)
    if plain is None:
        yield watched
        return

    def evaluate(self: Any, expression: Any, *arguments: Any, **options: Any) -> Any:
        before = _known(self)
        answer = plain(self, expression, *arguments, **options)
        with contextlib.suppress(AttributeError, IndexError, TypeError):
            watched.note(self, expression, before)
        return answer

    setattr(environment, _METHOD, evaluate)
    try:
        yield watched
    finally:
        setattr(environment, _METHOD, plain)


def _known(environment: Any) -> Any:
    with contextlib.suppress(AttributeError, TypeError):
        return _knowledge(environment)
    return None


def fixing_line(questions: Sequence[Question], places: frozenset[Place]) -> Line | None:
    """The first line that made a number of one of the places."""
    fixing = (one.line for one in questions if places & one.fixed)
    return next((line for line in fixing if line is not None), None)


def narrowing_line(questions: Sequence[Question], places: frozenset[Place]) -> Line | None:
    """The last line that narrowed the range of one of the places, else that asked about one."""
    asking = [one.line for one in questions if places & one.about]
    narrowing = [one.line for one in questions if places & one.narrowed]
    return next((line for line in reversed([*asking, *narrowing]) if line is not None), None)

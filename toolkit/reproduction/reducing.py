"""The fewest operators that still show a fault, by trying parts of a program."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import fx

from toolkit.reproduction.emitting import Kind, Wanted, named, script
from toolkit.reproduction.program import Cutter, Program, ancestors
from toolkit.reproduction.trial import Outcome, tried
from toolkit.reproduction.two_paths import TwoPaths, shorter

DRIFT = 100.0
"""A part must show at least this share less of the score: otherwise it shows another fault."""
LEAST_ALIKE = 0.5
"""Of the words of an error so many must come again, or it is another error."""
DEPTHS = (1, 2, 4, 8, 16, 32)
"""How many operators before the one that goes wrong are tried with it, at the longest."""


class _TimeUpError(Exception):
    """The best so far has to do."""


@dataclass(frozen=True)
class Found:
    """A program that shows the fault, and what it shows."""

    program: Program | TwoPaths
    wanted: Wanted
    outcome: Outcome


@dataclass
class Reducer:
    """Tries parts of a program until the time is up; `keep` is given each that is smaller.

    Without `may_cut` the inputs stay: which axes of an inner value vary may not be known.
    """

    wanted: Wanted
    keep: Callable[[Found], None]
    ends_at: float
    may_cut: bool = True
    best: Found | None = None
    trials: int = 0

    def shows(self, program: Program | TwoPaths, wanted: Wanted | None = None) -> Found | None:
        """What a program shows where it is the fault that is looked for; None otherwise."""
        if time.monotonic() > self.ends_at:
            raise _TimeUpError
        wanted = wanted or self.wanted
        self.trials += 1
        try:
            outcome = tried(script(program, wanted, "stored"))
        except Exception:  # a part that eager itself does not run
            return None
        if not _same_kind(wanted.kind, outcome.kind) or not outcome.score > wanted.limit:
            return None
        if wanted.kind == "raises" and not alike(wanted.message, outcome.said):
            return None
        kind: Kind = outcome.kind  # type: ignore[assignment]
        return Found(program, replace(wanted, kind=kind, message=_message(outcome)), outcome)

    def accept(self, found: Found | None) -> bool:
        """Keep what shows the fault; whether it does."""
        if found is not None:
            self.best = found
            self.keep(found)
        return found is not None

    def reduce(self, program: Program | TwoPaths) -> None:
        """Look for smaller and smaller parts, then for weights that need not be stored."""
        with contextlib.suppress(_TimeUpError):
            self._reduce(program)
        with contextlib.suppress(_TimeUpError):
            self._draw_anew()

    def _reduce(self, program: Program | TwoPaths) -> None:
        if isinstance(program, TwoPaths):
            any(self.accept(self.shows(part)) for part in shorter(program))
            return
        cutter = Cutter.of(program)
        culprit = self._culprit(cutter)
        if culprit is None:
            return
        for cuts in _growing(cutter, culprit) if self.may_cut else ():
            if self.accept(self.shows(cutter.part([culprit], cuts))):
                self._cut_more(cutter, culprit, cuts)
                return
        if self.accept(self.shows(cutter.part([culprit]))) and self.may_cut:
            self._cut_more(cutter, culprit, ())

    def _culprit(self, cutter: Cutter) -> fx.Node | None:
        """The first operator that goes wrong."""
        nodes: list[fx.Node] = [
            node
            for node in cutter.program.graph.nodes
            if node.op == "call_function" and cutter.is_tensor(node)
        ]
        if self.wanted.kind != "raises":
            everything = self.shows(cutter.part(nodes), replace(self.wanted, limit=30.0))
            if everything is not None:
                return nodes[everything.outcome.place]
        return self._last_of_shortest(cutter, nodes)

    def _last_of_shortest(self, cutter: Cutter, nodes: Sequence[fx.Node]) -> fx.Node | None:
        """By bisection: the end of the shortest beginning that shows the fault."""
        low, high = 0, len(nodes)  # nodes[:low] does not show it, nodes[:high] does
        while high - low > 1:
            middle = (low + high) // 2
            part = cutter.part(_open_ends(cutter, nodes[:middle]))
            if self.accept(self.shows(part)):
                high = middle
            else:
                low = middle
        return nodes[high - 1] if nodes else None

    def _cut_more(self, cutter: Cutter, culprit: fx.Node, cuts: Collection[fx.Node]) -> None:
        """Make inputs of inner values, one after the other, as far as the fault stays."""
        kept = set(cuts)
        for node in reversed(list(_inner(cutter, culprit, kept))):
            needed = node in ancestors([culprit], kept)
            if needed and self.accept(self.shows(cutter.part([culprit], {*kept, node}))):
                kept.add(node)

    def _draw_anew(self) -> None:
        """Tensors that are too long to write out are drawn from a seed, where that still shows."""
        best = self.best
        if best is None:
            return
        names = frozenset(script(best.program, best.wanted, "stored").arrays)
        constants = names & frozenset(best.program.constants)
        for chosen in dict.fromkeys((names, constants, names - constants)):
            if chosen:
                found = self.shows(best.program, replace(best.wanted, seeded=chosen))
                if self.accept(found):
                    return


def _growing(cutter: Cutter, culprit: fx.Node) -> Iterator[set[fx.Node]]:
    """Where to cut so that one, two, four … operators before the culprit stay with it."""
    before: set[fx.Node] | None = None
    for depth in DEPTHS:
        cuts = _at_depth(cutter, culprit, depth)
        if cuts and cuts != before:
            yield cuts
        before = cuts


def _at_depth(cutter: Cutter, culprit: fx.Node, depth: int) -> set[fx.Node]:
    """The values that enter the last `depth` operators on every way to the culprit."""
    level = [culprit]
    for _ in range(depth):
        level = [each for node in level for each in _tensors_before(cutter, node)]
        level = list(dict.fromkeys(level))
    return {node for node in level if node.op == "call_function"}


def _tensors_before(cutter: Cutter, node: fx.Node) -> Iterator[fx.Node]:
    """The tensors that a node is computed from; sizes and tuples in between are seen through."""
    for each in node.all_input_nodes:
        if each.op == "call_function" and not cutter.is_tensor(each):
            yield from _tensors_before(cutter, each)
        else:
            yield each


def _inner(cutter: Cutter, culprit: fx.Node, cuts: Collection[fx.Node]) -> Iterator[fx.Node]:
    needed = ancestors([culprit], cuts)
    for node in cutter.program.graph.nodes:
        inner = node in needed and node is not culprit and node not in cuts
        if inner and node.op == "call_function" and cutter.is_tensor(node):
            yield node


def _open_ends(cutter: Cutter, nodes: Sequence[fx.Node]) -> list[fx.Node]:
    """Those of the nodes that no other of them is computed from: all lead to them."""
    used = {each for node in nodes for each in _tensors_before(cutter, node)}
    return [node for node in nodes if node not in used]


def narrowed(wanted: Wanted, outcome: Outcome) -> Wanted:
    """What parts are to show: the same kind, not much less of it, the same error."""
    limit = max(wanted.limit, outcome.score / DRIFT) if outcome.score < float("inf") else 30.0
    kind: Kind = outcome.kind  # type: ignore[assignment]
    return replace(wanted, kind=kind, limit=limit, message=_message(outcome))


def _same_kind(wanted: Kind, found: str) -> bool:
    """A part may give infinity where the whole gives wrong numbers, or the other way round."""
    numeric = ("value", "non-finite")
    return found == wanted or (found in numeric and wanted in numeric)


def _message(outcome: Outcome) -> str:
    return outcome.said if outcome.kind == "raises" else ""


def alike(one: str, other: str) -> bool:
    """Whether two texts tell of the same error: half of the shorter one's words come again."""
    words, others = (set(re.findall(r"[A-Za-z]{3,}", text)) for text in (one, other))
    return len(words & others) >= max(1, LEAST_ALIKE * min(len(words), len(others)))


def operators(program: Program | TwoPaths) -> list[str]:
    """The names of a program's operators, in order."""
    return [named(node.target) for node in program.operators]


def one_thread() -> None:
    """Trials beside other work do not slow it down more than they need to."""
    torch.set_num_threads(1)

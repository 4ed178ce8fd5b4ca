"""Which tensors of a checkpoint are a module's, whatever their names were wrapped in.

DataParallel, torch.compile, Lightning and training loops of one's own put prefixes before names.
Whatever prefix makes the names of the file and of the module the same is found; none is guessed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile
from typing import TYPE_CHECKING

from toolkit.checkpoints.differences import Differences, differences, filled, spare
from toolkit.checkpoints.sections import Section
from toolkit.checkpoints.telling import listed

if TYPE_CHECKING:
    from torch import Tensor

_WRAPPERS = frozenset(
    {"module", "_orig_mod", "_forward_module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
)
"""What torch's and Lightning's wrappers call the module inside them, at any depth of a network."""
_HOLDERS = _WRAPPERS | {"model", "net", "network"}
"""What is dropped before another prefix is added: anything else may be a part of a network."""
_TRAINING_ONLY = frozenset({"loss", "losses", "criterion", "metric", "metrics", "objective"})
_COUNTERS = frozenset({"n_averaged"})
"""What torch.optim.swa_utils.AveragedModel keeps beside its `module.`."""
_BETWEEN_WORDS = re.compile(r"[_\d]+")
_MOST_CHANGES = 64
"""Changes of prefix that are looked at: with as many that fit, which was meant must be said."""


@dataclass(frozen=True)
class Match:
    """A section's tensors under a module's names, once `dropped` is dropped and `added` added."""

    expected: Mapping[str, Tensor]
    section: Section
    dropped: str = ""
    added: str = ""

    @cached_property
    def state(self) -> dict[str, Tensor]:
        """The tensors under the names that the module would have for them."""
        return {
            self.added + name.removeprefix(self.dropped): tensor
            for name, tensor in self.section.tensors.items()
            if name.startswith(self.dropped)
        }

    @cached_property
    def differences(self) -> Differences:
        """What keeps these tensors from being the module's."""
        return differences(self.expected, self.state)

    @cached_property
    def beside(self) -> tuple[str, ...]:
        """The names of the section that the prefix leaves out."""
        return tuple(name for name in self.section.tensors if not name.startswith(self.dropped))

    @property
    def covers(self) -> bool:
        """Whether these tensors are the module's, whatever lies beside them."""
        return not self.differences.count

    @property
    def fits(self) -> bool:
        """Whether they are the module's, and what lies beside them is surely not a part of it."""
        return self.covers and all(_is_of_training(name, self.dropped) for name in self.beside)

    @property
    def key(self) -> str:
        """The shortest key that picks these tensors and no others."""
        prefix = self.dropped.rstrip(".") if self.beside else ""
        return ".".join(filter(None, (self.section.place, self.section.picked, prefix)))

    def found(self) -> list[str]:
        """Where the tensors were found, in words."""
        told = self.section.said()
        told += [f"prefix {self.dropped!r} dropped from every name"] if self.dropped else []
        return told + ([f"prefix {self.added!r} added to every name"] if self.added else [])

    def said(self) -> list[str]:
        """What must be said of the weights once they are loaded."""
        told = self.found()
        if self.beside:
            told.append(f"left out, of the training alone: {listed(self.beside)}")
        lent = filled(self.expected, self.state)
        if lent:
            pairs = [f"{name} is {given}" for name, given in lent.items()]
            told.append(f"tied in the model, once in the file: {listed(pairs)}")
        return told + _conversions(self.expected, self.state)


def matches(expected: Mapping[str, Tensor], section: Section) -> list[Match]:
    """Every way in which a section could be a module's; where none fits, the nearest ones."""
    found = _matches(expected, section)
    if any(match.fits for match in found):
        return found
    plain = _unwrapped(section)
    return found if plain is None else [*found, *_matches(expected, plain)]


def _matches(expected: Mapping[str, Tensor], section: Section) -> list[Match]:
    """As the names are, and with each change of prefix that brings enough of them together."""
    votes = _votes(expected, section.tensors)
    enough = min(max(votes.values(), default=0), len(expected) - spare(expected))
    changes = [change for change, count in votes.most_common() if count >= enough and any(change)]
    tried = [("", ""), *changes[:_MOST_CHANGES]]
    return [Match(expected, section, *change) for change in tried]


def _votes(expected: Mapping[str, Tensor], names: Mapping[str, Tensor]) -> Counter[tuple[str, str]]:
    """How many of the module's names each change gives: (prefix dropped, prefix added)."""
    votes: Counter[tuple[str, str]] = Counter()
    for added in _common(list(expected)):
        wanted = {name.removeprefix(added) for name in expected}
        for name in names:
            for dropped in _leading(name):
                if name[len(dropped) :] in wanted and _may_both(dropped, added):
                    votes[dropped, added] += 1
    return votes


def _leading(name: str) -> Iterator[str]:
    """Every prefix that ends at a dot, and the empty one: "", "model.", "model.fc."."""
    yield ""
    yield from (name[: dot.end()] for dot in re.finditer(r"\.", name))


def _common(names: Sequence[str]) -> list[str]:
    """The prefixes that all of the names begin with."""
    of_first = _leading(names[0]) if names else ()
    return [prefix for prefix in of_first if all(name.startswith(prefix) for name in names)]


def _may_both(dropped: str, added: str) -> bool:
    """Dropping and adding at once would make any layer any other: wrappers alone are dropped."""
    if not added or not dropped:
        return True
    return _HOLDERS.issuperset(dropped.split(".")[:-1]) and not dropped.endswith(added)


def _unwrapped(section: Section) -> Section | None:
    """The section without wrappers inside its names: of compiled or sharded parts of a network."""
    tensors = {_without(name, _WRAPPERS): tensor for name, tensor in section.tensors.items()}
    parts = dict.fromkeys(part for name in section.tensors for part in name.split(".")[:-1])
    taken = tuple(f"{part}." for part in parts if part in _WRAPPERS)
    if not taken or len(tensors) < len(section.tensors):
        return None
    return replace(section, tensors=tensors, wrappers=taken)


def _without(name: str, parts: frozenset[str]) -> str:
    *path, last = name.split(".")
    return ".".join([*(part for part in path if part not in parts), last])


def _is_of_training(name: str, dropped: str) -> bool:
    """Whether a name beside the module's prefix is a loss's, a metric's or a counter's."""
    path, under = name.split("."), dropped.split(".")
    together = takewhile(lambda pair: pair[0] == pair[1], zip(path[:-1], under, strict=False))
    first = path[len(list(together))]  # where their ways part
    words = _BETWEEN_WORDS.split(first.casefold())
    return first in _COUNTERS or not _TRAINING_ONLY.isdisjoint(words)


def _conversions(expected: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> list[str]:
    """Where the file's numbers are of another precision than the module's."""
    pairs = dict.fromkeys(
        (str(state[name].dtype), str(own.dtype)) for name, own in expected.items() if name in state
    )
    return [
        f"{held.removeprefix('torch.')} taken as {own.removeprefix('torch.')}"
        for held, own in pairs
        if held != own
    ]

"""What the exporters of one model are given: a module each, and a capture that some share."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

from toolkit import capacity
from toolkit.formats import captured
from toolkit.formats.captured import Captured
from toolkit.stages.subject import Subject
from toolkit.weights import Built


@dataclass(frozen=True)
class Source:
    """The model for one exporter; `captured` where another format is made of the same graph."""

    built: Built
    captured: Captured | None = None


class Sources:
    """The sources of `names`, each taken once: a shared capture is let go with the last of them.

    Of large weights there is none to share: it would hold a copy while another form is judged.
    """

    def __init__(self, subject: Subject, names: Sequence[str]) -> None:
        self._subject = subject
        self._left = [name for name in names if self._shares(name)] if _is_small(subject) else []
        self._source: Source | None = None

    def take(self, name: str) -> Source:
        """The source of one format."""
        if name not in self._left:
            return Source(exportable(self._subject, name))
        if self._source is None:
            built = own_copy(self._subject)
            self._source = Source(built, Captured(built))
        source = self._source
        self._left.remove(name)
        if not self._left:
            self._source = None
        return source

    def _shares(self, name: str) -> bool:
        spec = self._subject.spec
        known = name in captured.FORMATS and name not in spec.limits
        return known and spec.twin_for(name) is None


def _is_small(subject: Subject) -> bool:
    return capacity.weights_of(subject.built.module).stored_bytes <= capacity.SMALL_BYTES


def own_copy(subject: Subject) -> Built:
    """The built model for one exporter: what running it changes must not reach the next."""
    return replace(subject.built, module=copy.deepcopy(subject.built.module))


def exportable(subject: Subject, name: str) -> Built:
    """What an exporter is given: a copy of the model, or the twin that the format needs."""
    built = own_copy(subject)
    twin = subject.spec.twin_for(name)
    return built if twin is None else replace(built, module=twin.build(built.module).eval())


def script_is_expected(subject: Subject, asked: Sequence[str]) -> bool:
    """A user's model may be none for TorchScript's compiler; an entry says so in its limits."""
    return "script" in asked or subject.spec.document is not None

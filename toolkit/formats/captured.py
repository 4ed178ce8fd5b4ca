"""A model's graph, captured once for the formats that are made of it."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from torch.export import ExportedProgram

from toolkit.errors import ToolkitError
from toolkit.formats.capture import capture, capture_to_run, output_names
from toolkit.formats.flat import flattened
from toolkit.formats.quiet import quietly
from toolkit.weights import Built

FORMATS = ("onnx", "pt2")
"""The formats that are made of such a graph."""


class Graph(NamedTuple):
    """A captured program, and what was warned of while it was captured."""

    program: ExportedProgram
    warnings: tuple[str, ...]


class Captured:
    """Captures a model when a graph is first asked for; what was refused once is refused again.

    The module must not be run or changed by others meanwhile: the graph shares its tensors.
    """

    def __init__(self, built: Built) -> None:
        self._given = built
        self._graphs: dict[bool, Graph] = {}
        self._refusal: ToolkitError | None = None

    @cached_property
    def built(self) -> Built:
        """The model as it was captured: tensors in the order of its inputs, tensors out."""
        return flattened(self._given)

    @cached_property
    def output_names(self) -> list[str]:
        """The names of what comes out."""
        return output_names(self.built)

    def graph(self) -> Graph:
        """The graph to translate; raises as `capture` does."""
        return self._graph(to_run=False)

    def graph_to_run(self) -> Graph:
        """The graph to run as it stands; raises as `capture` does."""
        return self._graph(to_run=True)

    def _graph(self, *, to_run: bool) -> Graph:
        if self._refusal is not None:
            raise self._refusal
        if to_run not in self._graphs:
            try:
                self._graphs[to_run] = self._captured(to_run=to_run)
            except ToolkitError as refusal:
                self._refusal = refusal
                raise
        return self._graphs[to_run]

    def _captured(self, *, to_run: bool) -> Graph:
        with quietly() as warnings:
            plain = self._graphs.get(False)
            if to_run:
                program = capture_to_run(self.built, None if plain is None else plain.program)
            else:
                program = capture(self.built)
        said = [*(plain.warnings if plain else ()), *warnings]
        return Graph(program, tuple(dict.fromkeys(said)))

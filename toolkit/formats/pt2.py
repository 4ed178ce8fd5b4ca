"""The `pt2` format: a torch.export program in one archive."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import fx
from torch.export import ExportedProgram

from toolkit.errors import ExportError
from toolkit.formats.base import DEFAULT_OPSET, Exported
from toolkit.formats.capture import narrowed
from toolkit.formats.captured import Captured
from toolkit.formats.quiet import quietly
from toolkit.formats.streaming import stream
from toolkit.reasons import reason
from toolkit.weights import Built

_LOCAL_META = ("stack_trace", "nn_module_stack", "source_fn_stack", "from_node", "torch_fn")
"""What nodes remember about the machine they were captured on: paths of source files."""


class Pt2Format:
    """torch.export's own archive; loading it can run code, so it is loaded only when trusted."""

    name = "pt2"
    filename = "model.pt2"
    runtime = "torch_export"

    def export(
        self,
        built: Built,
        path: Path,
        *,
        opset: int = DEFAULT_OPSET,  # noqa: ARG002
        captured: Captured | None = None,
    ) -> Exported:
        """Write the captured program to `path`; raises `ExportError`."""
        captured = captured or Captured(built)
        with quietly() as warnings:
            program, said = captured.graph_to_run()
            notes = narrowed(captured.built.spec, program)
            with without_sources(program):
                _save(program, path, captured.built.spec.name)
        return Exported(path, warnings=(*dict.fromkeys((*said, *warnings)), *notes))


def _save(program: ExportedProgram, path: Path, name: str) -> None:
    try:
        stream(lambda file: torch.export.save(program, file), path)
    except Exception as error:
        path.unlink(missing_ok=True)
        raise ExportError(reason(error), model=name) from error


@contextlib.contextmanager
def without_sources(program: ExportedProgram) -> Iterator[None]:
    """Meanwhile no node names the files it came from: other formats are made of the same graph."""
    graphs = [one for one in program.graph_module.modules() if isinstance(one, fx.GraphModule)]
    nodes = [node for graph in graphs for node in graph.graph.nodes]
    kept = [{key: node.meta.pop(key) for key in _LOCAL_META if key in node.meta} for node in nodes]
    try:
        yield
    finally:
        for node, meta in zip(nodes, kept, strict=True):
            node.meta.update(meta)


FORMAT = Pt2Format()

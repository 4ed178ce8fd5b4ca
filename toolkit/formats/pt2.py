"""The `pt2` format: a torch.export program in one archive."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import fx
from torch.export import ExportedProgram

from toolkit.errors import ExportError
from toolkit.formats.base import DEFAULT_OPSET, Exported
from toolkit.formats.capture import capture_to_run, narrowed
from toolkit.formats.flat import flattened
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

    def export(self, built: Built, path: Path, *, opset: int = DEFAULT_OPSET) -> Exported:  # noqa: ARG002
        """Write the captured program to `path`; raises `ExportError`."""
        with quietly() as warnings:
            built = flattened(built)
            program = capture_to_run(built)
            notes = narrowed(built.spec, program)
            forget_sources(program)
            try:
                stream(lambda file: torch.export.save(program, file), path)
            except Exception as error:
                path.unlink(missing_ok=True)
                raise ExportError(reason(error), model=built.spec.name) from error
        return Exported(path, warnings=(*warnings, *notes))


def forget_sources(program: ExportedProgram) -> None:
    """Drop from every node what names the files it came from."""
    for module in program.graph_module.modules():
        if isinstance(module, fx.GraphModule):
            for node in module.graph.nodes:
                for key in _LOCAL_META:
                    node.meta.pop(key, None)


FORMAT = Pt2Format()

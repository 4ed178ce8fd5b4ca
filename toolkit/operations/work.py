"""Operations and bytes of one call, from the exported graph and by torch's counter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from toolkit.inputs import draw
from toolkit.operations import eager
from toolkit.operations.graph import UnreadableGraphError, sized
from toolkit.operations.tally import Tally, tally
from toolkit.spec import ModelSpec
from toolkit.timing.roofline import AGREEMENT, BY_TORCH, NOT_COUNTED

GRAPH = "the exported graph"
TORCH = BY_TORCH


@dataclass(frozen=True)
class Work:
    """What one call has to do: `flops` of products, a multiply-add being two, and `bytes`.

    `bytes` are those of weights, inputs and outputs, each moved once. `torch_flops` is None where
    torch's counter could not count. `source` says where the figures come from and what to doubt.
    """

    flops: int
    bytes: int
    torch_flops: int | None
    source: str

    @property
    def disagreement(self) -> float | None:
        """How far torch's count is from `flops`, as a share of the larger; None without both."""
        if self.torch_flops is None:
            return None
        larger = max(self.flops, self.torch_flops)
        return abs(self.flops - self.torch_flops) / larger if larger else 0.0


def work_of(
    spec: ModelSpec,
    sizes: Mapping[str, int],
    *,
    path: Path | None = None,
    module: nn.Module | None = None,
) -> Work | None:
    """The work of one call at these sizes, from an ONNX file and the eager module on the CPU.

    With one of them there is one count, which the source says; None where nothing can be counted.
    The module is run, once or twice.
    """
    graph, why_not = _from_file(spec, sizes, path)
    arrays = draw(spec, sizes, seed=0)
    torch_flops = None if module is None else eager.counted(module, spec, arrays)
    if graph is not None and (torch_flops is None or not graph.uncounted):
        return Work(graph.flops, graph.bytes, torch_flops, _source(graph, torch_flops))
    if module is None or torch_flops is None:
        return None
    bytes_ = graph.bytes if graph else eager.moved_bytes(module, spec, arrays)
    return Work(torch_flops, bytes_, torch_flops, f"{TORCH}: {_doubt(graph) or why_not}")


def _from_file(
    spec: ModelSpec, sizes: Mapping[str, int], path: Path | None
) -> tuple[Tally | None, str]:
    """What the file says, or why it says nothing."""
    if path is None:
        return None, "there is no ONNX file"
    shapes = {port.name: port.at(sizes) for port in spec.inputs}
    try:
        return tally(sized(path, shapes)), ""
    except UnreadableGraphError as error:
        return None, f"the ONNX file cannot be followed: {error}"


def _doubt(graph: Tally | None) -> str:
    return f"{NOT_COUNTED} in {GRAPH}: {', '.join(graph.uncounted)}" if graph else ""


def _source(graph: Tally, torch_flops: int | None) -> str:
    if graph.uncounted:
        return f"{GRAPH}; {NOT_COUNTED}: {', '.join(graph.uncounted)}"
    if torch_flops is None:
        return f"{GRAPH}; torch's counter could not count"
    work = Work(graph.flops, graph.bytes, torch_flops, GRAPH)
    if (work.disagreement or 0.0) <= AGREEMENT:
        return f"{GRAPH}; torch's counter agrees"
    return f"{GRAPH}; torch's counter over eager says {torch_flops:,}"

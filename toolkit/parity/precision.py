"""Which low precisions a model computes in: read off an ONNX file, or seen in a run of torch."""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from toolkit.parity.compare import EPS
from toolkit.parity.probabilities import KEEPING
from toolkit.parity.watching import OperatorWatch, name_of, tensors_in

INTEGERS = "int8"
"""Numbers of eight bits and fewer, floating ones too: no score could rest on their eps."""
HALVES = ("bfloat16", "float16")
MOST = 0.5
"""A form is in half precision where more than this share of its floating values is."""
_COPIES = KEEPING | {"contiguous", "copy_", "lift_fresh", "resolve_conj", "resolve_neg", "to"}
"""What computes nothing."""
_QUANTISED_WORDS = ("quantize", "qlinear", "nbits", "qgemm", "qattention", "qmoe")
_QUANTISED_NODES = ("ConvInteger", "MatMulInteger", "MatMulIntegerToFloat")
_QUANTISED_ROOMS = ("quantized", "quantized_decomposed", "torchao", "onednn_quantized")
_QUANTISED_DTYPES = ("qint8", "quint8", "qint32", "quint4x2", "quint2x4")


def lower(found: frozenset[str], own: frozenset[str], eps: float) -> str | None:
    """The precision in which a form computes and its reference does not; None where that is none.

    `eps` is that of the reference's outputs: a precision that is finer than it is no lower one.
    """
    if INTEGERS in found - own:
        return INTEGERS
    coarser = [name for name in HALVES if name in found - own and EPS[name] > eps]
    return coarser[0] if coarser else None


def of_run(run: Callable[[], object]) -> frozenset[str]:
    """What torch computes in while `run` is called, as far as it goes.

    That it raises is told where its cases are judged.
    """
    with torch.no_grad(), contextlib.suppress(Exception), _PrecisionWatch() as watch:
        run()
    return frozenset(watch.found | mostly_half(watch.floating))


def mostly_half(floating: Mapping[str, int]) -> set[str]:
    """The halves that most of so many floating values are in: one layer of them makes no form."""
    total = sum(floating.values())
    return {name for name in HALVES if floating.get(name, 0) > total * MOST}


class _PrecisionWatch(OperatorWatch):  # type: ignore[no-untyped-call]
    """Remembers the low precisions of what goes into operations and comes out of them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.floating: Counter[str] = Counter()

    def ran(self, func: Any, args: tuple[Any, ...], result: Any) -> None:
        """Look at one operator."""
        if func.namespace in _QUANTISED_ROOMS or "quantize" in func.name():
            self.found.add(INTEGERS)
        self._add((*args, result), computed=() if name_of(func) in _COPIES else result)

    def _add(self, values: Any, computed: Any) -> None:
        for tensor in tensors_in(values):
            dtype = _dtype(tensor)
            if dtype in _QUANTISED_DTYPES or dtype.startswith("float8"):
                self.found.add(INTEGERS)
        for tensor in tensors_in(computed):
            if tensor.is_floating_point():
                self.floating[_dtype(tensor)] += tensor.numel()


def _dtype(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def of_file(path: Path) -> frozenset[str]:
    """What an ONNX file computes in, by its operators, its constants and what it casts to."""
    import onnx

    model = onnx.load(str(path), load_external_data=False)
    found = {_named(value.type.tensor_type.elem_type) for value in _ports(model.graph)}
    weights: Counter[str] = Counter()
    for graph in (model.graph, *model.functions):
        for name, count in _in_graph(graph):
            weights[name] += count
    found &= {*HALVES, INTEGERS}
    if INTEGERS in weights:
        found.add(INTEGERS)
    floating = {name: weights[name] for name in (*HALVES, "float", "double")}
    return frozenset(found | mostly_half(floating))


def _ports(graph: Any) -> list[Any]:
    return [*graph.input, *graph.output]


def _in_graph(graph: Any) -> Iterator[tuple[str, int]]:
    """What its operators and constants are in, each with the number of its values."""
    for tensor in getattr(graph, "initializer", ()):
        yield _named(tensor.data_type), math.prod(tensor.dims)
    for node in graph.node:
        yield from _in_node(node)


def _in_node(node: Any) -> Iterator[tuple[str, int]]:
    name = node.op_type.lower()
    if node.op_type in _QUANTISED_NODES or any(word in name for word in _QUANTISED_WORDS):
        yield INTEGERS, 1
    for attribute in node.attribute:
        if node.op_type == "Cast" and attribute.name == "to" and _named(attribute.i) == INTEGERS:
            yield INTEGERS, 1
        if attribute.HasField("t"):
            yield _named(attribute.t.data_type), math.prod(attribute.t.dims)
        for graph in (attribute.g, *attribute.graphs):
            yield from _in_graph(graph)


def _named(number: int) -> str:
    """The dtype by ONNX's name; floating ones of eight bits and fewer count as integers."""
    from onnx import TensorProto

    name: str = TensorProto.DataType.Name(number).lower()
    small = name.startswith("float") and name not in ("float", "float16")
    return INTEGERS if small else name


def seen(path: Path | None, run: Callable[[], object]) -> frozenset[str]:
    """Of a model in a file, or of one that torch runs."""
    if path is not None and path.suffix == ".onnx":
        return of_file(path)
    return of_run(run)

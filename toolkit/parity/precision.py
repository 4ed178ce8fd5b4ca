"""Which low precisions a model computes in: read off an ONNX file, or seen in a run of torch."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from toolkit.parity.compare import EPS
from toolkit.parity.probabilities import tensors_in

INTEGERS = "int8"
"""Numbers of eight bits and fewer, floating ones too: no score could rest on their eps."""
HALVES = ("bfloat16", "float16")
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
    return frozenset(watch.found)


class _PrecisionWatch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Remembers the low precisions of what goes into operations and comes out of them."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: set[str] = set()

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        del types
        if func.namespace in _QUANTISED_ROOMS or "quantize" in func.name():
            self.found.add(INTEGERS)
        self._add(args)
        result = func(*args, **(kwargs or {}))
        self._add(result)
        return result

    def _add(self, values: Any) -> None:
        for tensor in tensors_in(values):
            dtype = str(tensor.dtype).removeprefix("torch.")
            if dtype in HALVES:
                self.found.add(dtype)
            elif dtype in _QUANTISED_DTYPES or dtype.startswith("float8"):
                self.found.add(INTEGERS)


def of_file(path: Path) -> frozenset[str]:
    """What an ONNX file computes in, by its operators, its constants and what it casts to."""
    import onnx

    model = onnx.load(str(path), load_external_data=False)
    found = set(_in_ports(model.graph))
    for graph in (model.graph, *model.functions):
        found |= set(_in_graph(graph))
    return frozenset(found)


def _in_ports(graph: Any) -> Iterator[str]:
    for value in (*graph.input, *graph.output, *graph.value_info):
        yield from _of_type(value.type.tensor_type.elem_type)


def _in_graph(graph: Any) -> Iterator[str]:
    for tensor in getattr(graph, "initializer", ()):
        yield from _of_type(tensor.data_type)
    for node in graph.node:
        yield from _in_node(node)


def _in_node(node: Any) -> Iterator[str]:
    name = node.op_type.lower()
    if node.op_type in _QUANTISED_NODES or any(word in name for word in _QUANTISED_WORDS):
        yield INTEGERS
    for attribute in node.attribute:
        if node.op_type == "Cast" and attribute.name == "to":
            yield from _of_type(attribute.i)
        if attribute.HasField("t"):
            yield from _of_type(attribute.t.data_type)
        for graph in (attribute.g, *attribute.graphs):
            yield from _in_graph(graph)


def _of_type(number: int) -> Iterator[str]:
    from onnx import TensorProto

    name = TensorProto.DataType.Name(number).lower()
    if name in HALVES:
        yield name
    elif name.startswith("float") and name not in ("float", "float16"):
        yield INTEGERS  # of eight bits and fewer


def seen(path: Path | None, run: Callable[[], object]) -> frozenset[str]:
    """Of a model in a file, or of one that torch runs."""
    if path is not None and path.suffix == ".onnx":
        return of_file(path)
    return of_run(run)

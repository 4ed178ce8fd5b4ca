"""Operators in an exported file that draw random numbers or take batch statistics.

Statistics of what no input reaches are those of weights: they are no batch's.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from toolkit.parity.findings import Finding, error

_RANDOM_ONNX = (
    "Bernoulli",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
)
_RANDOM_ATEN = (
    "bernoulli",
    "multinomial",
    "native_dropout",
    "normal",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "uniform",
)
_TRAINING_FLAG = {"aten::dropout": 2, "aten::feature_dropout": 2, "aten::batch_norm": 5}


def random_operators(format_name: str, path: Path, loaded: Any) -> list[Finding]:
    """A `training-mode` finding for each kind of such operator; ONNX files are only parsed.

    `loaded` is the module that a runtime of torch made of the file.
    """
    reader = _READERS.get(format_name)
    found = dict.fromkeys(_in_onnx(path) if reader is None else reader(loaded))
    return [
        error("training-mode", f"the exported graph holds {operator}", stage="capture")
        for operator in found
    ]


def _in_onnx(path: Path) -> list[str]:
    import onnx

    model = onnx.load(str(path), load_external_data=False)
    graphs = [model.graph, *model.functions]
    fixed = _of_weights_alone(model.graph)
    return [text for graph in graphs for text in _in_onnx_nodes(graph, _constants(model), fixed)]


def _of_weights_alone(graph: Any) -> set[str]:
    """The values that no input of the graph reaches."""
    fixed = {entry.name for entry in graph.initializer}
    for node in graph.node:  # in the order in which they run
        nested = any(attribute.HasField("g") for attribute in node.attribute)
        if not nested and all(name in fixed for name in node.input if name):
            fixed.update(node.output)
    return fixed


def _constants(model: Any) -> Mapping[str, Any]:
    from onnx import numpy_helper

    return {
        entry.name: numpy_helper.to_array(entry)
        for entry in model.graph.initializer
        if not entry.dims and not entry.external_data
    }


def _in_onnx_nodes(graph: Any, constants: Mapping[str, Any], fixed: Collection[str]) -> list[str]:
    found = []
    for node in graph.node:
        attributes = {attribute.name: attribute for attribute in node.attribute}
        if node.op_type in _RANDOM_ONNX:
            found.append(node.op_type)
        elif node.op_type == "BatchNormalization" and "training_mode" in attributes:
            trains = attributes["training_mode"].i and node.input[0] not in fixed
            found += ["BatchNormalization in training mode"] * bool(trains)
        elif node.op_type == "Dropout" and len(node.input) > 2:  # noqa: PLR2004 - its third input
            found += ["Dropout in training mode"] * bool(constants.get(node.input[2], False))
        for attribute in node.attribute:
            if attribute.HasField("g"):
                found += _in_onnx_nodes(attribute.g, constants, fixed)
    return found


def _in_torchscript(module: Any) -> list[str]:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that TorchScript is deprecated is known
        frozen = torch.jit.freeze(module)
    return [_kind(node) for node in frozen.inlined_graph.nodes() if _is_random(node)]


def _kind(node: Any) -> str:
    return str(node.kind())


def _is_random(node: Any) -> bool:
    kind = _kind(node)
    if kind in _TRAINING_FLAG:
        flag = list(node.inputs())[_TRAINING_FLAG[kind]].toIValue()
        return bool(flag)
    return kind.removeprefix("aten::").rstrip("_") in _RANDOM_ATEN


def _in_pt2(module: Any) -> list[str]:
    inputs = {node.name for node in module.graph.nodes if node.op == "placeholder"}
    found = []
    for node in module.graph.nodes:
        if node.op != "call_function":
            continue
        target = str(node.target)
        operator = target.removeprefix("aten.").split(".")[0].rstrip("_")
        if operator in _RANDOM_ATEN:
            found.append(target)
        elif operator == "batch_norm" and not _reached(node.args[0], inputs):
            continue
        elif operator in ("dropout", "batch_norm") and _flag_set(node, operator):
            found.append(f"{target} in training mode")
    return found


def _reached(node: Any, inputs: Collection[str]) -> bool:
    """Whether any input of the program comes into a value."""
    seen, left = set(), [node]
    while left:
        one = left.pop()
        if one.name in inputs:
            return True
        if one not in seen:
            seen.add(one)
            left += one.all_input_nodes
    return False


def _flag_set(node: Any, operator: str) -> bool:
    position = _TRAINING_FLAG[f"aten::{operator}"]
    return len(node.args) > position and node.args[position] is True


_READERS: Mapping[str, Callable[[Any], list[str]]] = {
    "pt2": _in_pt2,
    "script": _in_torchscript,
    "trace": _in_torchscript,
}

"""Defects of a layer's settings: its epsilon, its activation, its padding."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from onnx import numpy_helper

from toolkit.planting.draft import Draft
from toolkit.planting.graph import Graph, attribute, set_attribute, title
from toolkit.planting.places import NORMS, RECURRENT, Edit

EPSILONS = (1e-3, 1e-5, 1e-6, 1e-8, 1e-12)
"""What libraries and papers use; one is taken for another."""
_LARGEST_EPSILON = 1e-2
_APART = 2.0
"""The least factor between the right epsilon and the wrong one."""
_GELU_OPSET = 20

Change = tuple[str, Mapping[str, Any]]
_OTHERS: Mapping[str, tuple[Change, ...]] = {
    "Relu": (("LeakyRelu", {"alpha": 0.01}), ("Elu", {}), ("Softplus", {}), ("Identity", {})),
    "LeakyRelu": (("Relu", {}), ("LeakyRelu", {"alpha": 0.05}), ("Elu", {})),
    "Sigmoid": (("HardSigmoid", {}), ("Tanh", {}), ("Identity", {})),
    "Tanh": (("Softsign", {}), ("Sigmoid", {}), ("Identity", {})),
    "Gelu": (("Relu", {}), ("Gelu", {"approximate": "tanh"}), ("Gelu", {"approximate": "none"})),
    "Erf": (("Tanh", {}),),
    "Elu": (("Relu", {}), ("Selu", {})),
    "Selu": (("Relu", {}), ("Elu", {})),
    "Celu": (("Relu", {}),),
    "PRelu": (("Relu", {}),),
    "Softplus": (("Relu", {}),),
    "Softsign": (("Tanh", {}),),
    "HardSigmoid": (("Sigmoid", {}),),
    "HardSwish": (("Relu", {}),),
    "Mish": (("Relu", {}),),
    "Softmax": (("LogSoftmax", {}), ("Sigmoid", {})),
    "LogSoftmax": (("Softmax", {}), ("Identity", {})),
}
_RECURRENT_DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "LSTM": ("Sigmoid", "Tanh", "Tanh"),
    "GRU": ("Sigmoid", "Tanh"),
    "RNN": ("Tanh",),
}
_RECURRENT_OTHERS: Mapping[str, str] = {"Sigmoid": "HardSigmoid", "Tanh": "Softsign"}
_PADDED = ("Conv", "ConvTranspose", "MaxPool", "AveragePool")


def changed_epsilons(graph: Graph) -> list[Edit]:
    """The epsilon of any normalisation, and any small number that is added."""
    named = [
        partial(_change_attribute, at, attribute(node, "epsilon", EPSILONS[1]), title(node))
        for at, node in graph.of_type(*NORMS)
    ]
    return [*named, *_added_epsilons(graph)]


def _added_epsilons(graph: Graph) -> list[Edit]:
    found: list[Edit] = []
    for at, node in graph.of_type("Add"):
        for position, name in enumerate(node.input):
            held = graph.weights.get(name)
            if held is None or held.dims or not graph.is_float(name):
                continue
            value = float(numpy_helper.to_array(held))
            if 0.0 < value <= _LARGEST_EPSILON:
                found.append(partial(_change_added, at, position, value))
    return found


def _other_epsilon(right: float, generator: np.random.Generator) -> float:
    others = [one for one in EPSILONS if max(one / right, right / one) >= _APART]
    return others[int(generator.integers(len(others)))]


def _change_attribute(
    at: int, right: float, layer: str, draft: Draft, generator: np.random.Generator
) -> str | None:
    wrong = _other_epsilon(right, generator)
    set_attribute(draft.node(at), "epsilon", wrong)
    return f"epsilon of {layer}: {right:.3g} became {wrong:.3g}"


def _change_added(
    at: int, position: int, right: float, draft: Draft, generator: np.random.Generator
) -> str | None:
    wrong = _other_epsilon(right, generator)
    kind = draft.array(draft.node(at).input[position]).dtype
    draft.give(at, position, np.array(wrong, kind))
    return f"the number that {title(draft.node(at))} adds: {right:.3g} became {wrong:.3g}"


def wrong_activations(graph: Graph) -> list[Edit]:
    """Any activation in the place of another, those inside recurrent layers too."""
    plain: list[Edit] = [partial(_change_activation, at) for at, _ in graph.of_type(*_OTHERS)]
    return [*plain, *(partial(_change_gate, at) for at, _ in graph.of_type(*RECURRENT))]


def _change_activation(at: int, draft: Draft, generator: np.random.Generator) -> str | None:
    node = draft.graph.nodes[at]
    own = {one.name: attribute(node, one.name, None) for one in node.attribute}
    own.setdefault("approximate", "none")
    wrong = [
        (name, given)
        for name, given in _OTHERS[node.op_type]
        if (name != "Gelu" or draft.graph.opset >= _GELU_OPSET)
        and (name != node.op_type or any(own.get(key) != value for key, value in given.items()))
    ]
    name, given = wrong[int(generator.integers(len(wrong)))]
    where = " ".join([f"{title(node)} became {name}", *map(str, given.values())])
    kept = {"axis": own["axis"]} if name in ("Softmax", "LogSoftmax") and "axis" in own else {}
    draft.replace(at, name, node.input[:1], **kept, **given)
    return where


def _change_gate(at: int, draft: Draft, generator: np.random.Generator) -> str | None:
    node = draft.node(at)
    directions = 2 if attribute(node, "direction", "forward") == "bidirectional" else 1
    usual = _RECURRENT_DEFAULTS[node.op_type] * directions
    names = [
        name.decode() if isinstance(name, bytes) else name
        for name in attribute(node, "activations", usual)
    ]
    known = [place for place, name in enumerate(names) if name in _RECURRENT_OTHERS]
    if not known:
        return None
    place = known[int(generator.integers(len(known)))]
    before, names[place] = names[place], _RECURRENT_OTHERS[names[place]]
    set_attribute(node, "activations", names)
    return f"activation {place} of {title(node)}: {before} became {names[place]}"


def wrong_paddings(graph: Graph) -> list[Edit]:
    """The padding of any convolution or pooling, along any axis."""
    found: list[Edit] = []
    for at, node in graph.of_type(*_PADDED):
        kernel = attribute(node, "kernel_shape", None) or _kernel(graph, node.input[1])
        if kernel and attribute(node, "auto_pad", "NOTSET") == "NOTSET":
            pads = list(attribute(node, "pads", [0] * (2 * len(kernel))))
            found += [partial(_shift, at, pads, axis) for axis in range(len(kernel))]
    return found + [partial(_pad_otherwise, at) for at, _ in graph.of_type("Pad")]


def _kernel(graph: Graph, name: str) -> list[int]:
    return [extent for extent in graph.shapes.get(name, ())[2:] if isinstance(extent, int)]


def _shift(
    at: int, right: list[int], axis: int, draft: Draft, generator: np.random.Generator
) -> str | None:
    """One element from one side to the other; without padding one at the front, all one further."""
    begin, end = axis, axis + len(right) // 2
    wrong = list(right)
    side, other = (begin, end) if not any(right) or generator.integers(2) else (end, begin)
    wrong[side] += 1
    wrong[other] -= 1 if right[other] else 0
    set_attribute(draft.node(at), "pads", wrong)
    return f"padding of {title(draft.node(at))}: {right} became {wrong}"


def _pad_otherwise(at: int, draft: Draft, generator: np.random.Generator) -> str | None:
    node = draft.node(at)
    right = attribute(node, "mode", "constant")
    others = [mode for mode in ("constant", "edge", "reflect") if mode != right]
    wrong = others[int(generator.integers(len(others)))]
    set_attribute(node, "mode", wrong)
    if wrong != "constant" and len(node.input) > 2:  # noqa: PLR2004 - the constant to pad with
        node.input[2] = ""
    return f"mode of {title(node)}: {right} became {wrong}"

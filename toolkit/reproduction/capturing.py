"""A model's operators without its code, captured by torch.export at fixed sizes or at any."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind

from toolkit.errors import ToolkitError
from toolkit.formats.capture import capture
from toolkit.reproduction.program import Axes, Program, Tensors
from toolkit.spec import ModelSpec
from toolkit.weights import Built

_CONSTANT_KINDS = (InputKind.PARAMETER, InputKind.BUFFER, InputKind.CONSTANT_TENSOR)


class IrreproducibleError(ToolkitError):
    """The model cannot be written down as a list of operators."""

    name = "irreproducible"


def at_fixed_sizes(built: Built, inputs: Tensors) -> Program:
    """The program of these inputs; raises what torch.export raises, or `IrreproducibleError`."""
    with torch.no_grad():
        program = torch.export.export(built.module, inputs, strict=False)
    return _program(program, inputs, inputs)


def at_any_size(built: Built, example: Tensors, failing: Tensors) -> Program:
    """The program with the dimensions of the spec dynamic; raises as `capture` does."""
    return _program(capture(built), example, failing, dynamic_axes(built.spec))


def dynamic_axes(spec: ModelSpec, only: str | None = None) -> tuple[Axes, ...]:
    """The axes of each input that vary, or `only` those of one dimension; empty for none."""
    axes = [
        tuple(
            axis
            for axis, size in enumerate(port.shape)
            if isinstance(size, str) and only in (None, size)
        )
        for port in spec.inputs
    ]
    return tuple(axes) if any(axes) else ()


def _program(
    captured: ExportedProgram,
    example: Tensors,
    failing: Tensors,
    dynamic: tuple[Axes, ...] = (),
) -> Program:
    """The captured graph with its weights in place and without what alters tensors in place."""
    if _alters_or_nests(captured.graph):
        captured = captured.run_decompositions({})
    graph = fx.Graph()
    constants: dict[str, Tensor] = {}
    copies: dict[fx.Node, fx.Node] = {}
    kinds = {spec.arg.name: spec for spec in captured.graph_signature.input_specs}
    for node in captured.graph.nodes:
        spec = kinds.get(node.name) if node.op == "placeholder" else None
        if spec is not None and spec.kind in _CONSTANT_KINDS:
            name = node.name.removeprefix("p_").removeprefix("b_").removeprefix("c_")
            name = name if name not in constants else node.name
            constants[name] = _constant(captured, str(spec.target))
            copies[node] = graph.get_attr(name)
        elif node.op in ("placeholder", "call_function") and _is_plain(node):
            copies[node] = graph.node_copy(node, copies.__getitem__)
        elif node.op != "output":
            raise IrreproducibleError(f"{node.op} {node.target} is no plain operator")
    graph.output(tuple(copies[node] for node in _user_outputs(captured)))
    return Program(tidied(graph), constants, example, failing, dynamic)


def _alters_or_nests(graph: fx.Graph) -> bool:
    """Whether operators write into their arguments, or call graphs of their own."""
    calls = [node.target for node in graph.nodes if node.op == "call_function"]
    operators = [each for each in calls if isinstance(each, torch._ops.OpOverload)]
    nests = any(isinstance(each, torch._ops.HigherOrderOperator) for each in calls)
    return nests or any(each._schema.is_mutable for each in operators)


def _is_plain(node: fx.Node) -> bool:
    return node.op == "placeholder" or not isinstance(node.target, torch._ops.HigherOrderOperator)


def _constant(captured: ExportedProgram, name: str) -> Tensor:
    held: Any = captured.state_dict.get(name, captured.constants.get(name))
    return held.detach()  # type: ignore[no-any-return]


def _user_outputs(captured: ExportedProgram) -> list[fx.Node]:
    kinds = captured.graph_signature.output_specs
    (result,) = captured.graph.find_nodes(op="output")
    pairs = zip(kinds, result.args[0], strict=True)
    found = [node for spec, node in pairs if spec.kind == OutputKind.USER_OUTPUT]
    return [node for node in found if isinstance(node, fx.Node)]


def tidied(graph: fx.Graph) -> fx.Graph:
    """The placeholders in front, as they were, then all else."""
    copied = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    for node in graph.find_nodes(op="placeholder"):
        copies[node] = copied.node_copy(node)
    for node in graph.nodes:
        if node.op not in ("placeholder", "output"):
            copies[node] = copied.node_copy(node, copies.__getitem__)
    (result,) = graph.find_nodes(op="output")
    copied.output(tuple(copies[node] for node in result.args[0]))
    return copied

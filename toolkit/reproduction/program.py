"""A program of operators: a flat graph, the tensors in it, and inputs that show a fault."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx

Tensors = tuple[Tensor, ...]
Axes = tuple[int, ...]


@dataclass(frozen=True)
class Program:
    """`graph` holds placeholders, get_attrs of `constants`, operators and one output, a tuple.

    `example` is what an exporter is given and `failing` what shows the fault; `dynamic` has the
    dynamic axes of each input, and is empty for an export of fixed sizes.
    """

    graph: fx.Graph
    constants: Mapping[str, Tensor]
    example: Tensors
    failing: Tensors
    dynamic: tuple[Axes, ...] = ()

    @property
    def operators(self) -> list[fx.Node]:
        """The calls, in order; taking a member of a tuple or a size is none."""
        calls = [node for node in self.graph.nodes if node.op == "call_function"]
        return [node for node in calls if not _is_bookkeeping(node.target)]

    @property
    def inputs(self) -> list[fx.Node]:
        """The placeholders, in order."""
        return [node for node in self.graph.nodes if node.op == "placeholder"]

    @property
    def outputs(self) -> list[fx.Node]:
        """The nodes whose values come out."""
        (result,) = self.graph.find_nodes(op="output")
        return list(result.args[0])


def _is_bookkeeping(target: Any) -> bool:
    about_sizes = getattr(target, "__module__", "") in ("_operator", "math")
    return about_sizes or target is torch.ops.aten.sym_size.int


class _Recorder(fx.Interpreter):
    """Keeps the value of every node."""

    def __init__(self, program: Program) -> None:
        root = torch.nn.Module()
        for name, tensor in program.constants.items():
            root.register_buffer(name, tensor)
        super().__init__(fx.GraphModule(root, program.graph), garbage_collect_values=False)
        self.found: dict[str, Any] = {}

    def run_node(self, n: fx.Node) -> Any:
        self.found[n.name] = super().run_node(n)
        return self.found[n.name]


def values(program: Program, inputs: Sequence[Tensor]) -> dict[str, Any]:
    """What every node gives for these inputs, by its name."""
    recorder = _Recorder(program)
    with torch.no_grad():
        recorder.run(*inputs)
    return recorder.found


@dataclass(frozen=True)
class Cutter:
    """Parts of a program: values of its nodes on both kinds of inputs become inputs themselves."""

    program: Program
    on_example: Mapping[str, Any]
    on_failing: Mapping[str, Any]

    @classmethod
    def of(cls, program: Program) -> Cutter:
        """Run the program once on each of its inputs."""
        same = program.example is program.failing
        failing = values(program, program.failing)
        return cls(program, failing if same else values(program, program.example), failing)

    def is_tensor(self, node: fx.Node) -> bool:
        """Whether the node can be an input or an output of a part."""
        return isinstance(self.on_failing.get(node.name), Tensor)

    def part(
        self, outputs: Sequence[fx.Node], cuts: Collection[fx.Node] = (), *, every: bool = False
    ) -> Program:
        """What leads to `outputs`, from the program's inputs and the nodes of `cuts`.

        Those become inputs that are needed, or `every` cut.
        """
        graph = fx.Graph()
        needed = ancestors(outputs, cuts) | set(cuts if every else ())
        copies: dict[fx.Node, fx.Node] = {}
        for node in self.program.graph.nodes:  # placeholders come first, as a graph wants them
            if node in needed and (node in cuts or node.op == "placeholder"):
                copies[node] = graph.placeholder(node.name)
        entries = list(copies)
        for node in self.program.graph.nodes:
            if node in needed and node not in copies:
                copies[node] = graph.node_copy(node, copies.__getitem__)
        graph.output(tuple(copies[node] for node in outputs))
        names = {node.target for node in graph.nodes if node.op == "get_attr"}
        example = tuple(self.on_example[node.name] for node in entries)
        failing = tuple(self.on_failing[node.name] for node in entries)
        return Program(
            graph,
            {name: self.program.constants[str(name)] for name in map(str, names)},
            failing if self.on_example is self.on_failing else example,
            failing,
            self._axes(entries) if self.program.dynamic else (),
        )

    def _axes(self, entries: Iterable[fx.Node]) -> tuple[Axes, ...]:
        declared = dict(zip(self.program.inputs, self.program.dynamic, strict=True))
        return tuple(declared.get(node) or self._varying(node) for node in entries)

    def _varying(self, node: fx.Node) -> Axes:
        """The axes of a value that are not the same for both inputs."""
        pair = zip(self.on_example[node.name].shape, self.on_failing[node.name].shape, strict=True)
        return tuple(axis for axis, (one, other) in enumerate(pair) if one != other)


def ancestors(outputs: Iterable[fx.Node], cuts: Collection[fx.Node] = ()) -> set[fx.Node]:
    """The outputs and everything that leads to them, up to the cuts."""
    pending = list(outputs)
    found: set[fx.Node] = set()
    while pending:
        node = pending.pop()
        if node not in found:
            found.add(node)
            if node not in cuts:
                pending.extend(node.all_input_nodes)
    return found

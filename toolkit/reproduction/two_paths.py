"""A model whose Python code decides what it runs: what ran for two inputs, and where they part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor, fx

from toolkit.reproduction.program import Axes, Cutter, Program

DecidedBy = Literal["size", "order", "values"]


@dataclass(frozen=True)
class TwoPaths:
    """`first` runs for the example, `second` else.

    What decides stands for whatever the model's code looks at: whether a `size` is the example's,
    whether it is beyond it (`order`), or the sum over an input's `values`.
    """

    first: Program
    second: Program
    dynamic: tuple[Axes, ...] = ()
    decided_by: DecidedBy = "size"

    @property
    def example(self) -> tuple[Tensor, ...]:
        """What the exporter is given."""
        return self.first.example

    @property
    def failing(self) -> tuple[Tensor, ...]:
        """What takes the other path."""
        return self.second.failing

    @property
    def constants(self) -> dict[str, Tensor]:
        """Those of both paths."""
        return {**self.first.constants, **self.second.constants}

    @property
    def operators(self) -> list[fx.Node]:
        """Those of both paths."""
        return [*self.first.operators, *self.second.operators]

    def decision(self, names: Sequence[str]) -> str | None:
        """The condition of the first path, as Python code; None where nothing tells them apart."""
        for name, one, other in zip(names, self.example, self.failing, strict=True):
            if self.decided_by == "values":
                if _sum(one) != _sum(other):
                    return f"bool({name}.double().sum() == {_sum(one)!r})"
                continue
            for axis, (here, there) in enumerate(zip(one.shape, other.shape, strict=True)):
                if here != there:
                    beyond = "<=" if here < there else ">="
                    sign = beyond if self.decided_by == "order" else "=="
                    return f"{name}.shape[{axis}] {sign} {here}"
        return None


def _sum(tensor: Tensor) -> float:
    return float(tensor.double().sum())


def runs_alike(one: Program, other: Program) -> bool:
    """Whether both run the same operators with the same arguments."""
    return _told(one) == _told(other)


def _told(program: Program) -> list[str]:
    places = {node: place for place, node in enumerate(program.graph.nodes)}
    return [f"{node.op} {node.target} {_placed(node, places)}" for node in program.graph.nodes]


def _placed(node: fx.Node, places: dict[fx.Node, int]) -> Any:
    return fx.map_arg((node.args, node.kwargs), lambda each: places[each])


def shorter(paths: TwoPaths) -> Iterator[TwoPaths]:
    """The same decision with less around it, the shortest first.

    What both paths have at their beginning becomes an input, and what they have at their end goes.
    """
    beginning = _common_beginning(paths)
    ends = list(_ends(paths, beginning))
    for outputs in reversed(ends):
        yield _part(paths, outputs, beginning)
    for outputs in reversed(ends):
        yield _part(paths, outputs, {})


_Ends = tuple[list[fx.Node], list[fx.Node]]


def _common_beginning(paths: TwoPaths) -> dict[fx.Node, fx.Node]:
    """The nodes of the first path that the second has too, with theirs."""
    pairs = zip(paths.first.graph.nodes, paths.second.graph.nodes, strict=False)
    told = zip(_told(paths.first), _told(paths.second), strict=False)
    found = {}
    for (one, other), (here, there) in zip(pairs, told, strict=False):
        if here != there or one.op == "output":
            break
        found[one] = other
    return found


def _ends(paths: TwoPaths, beginning: dict[fx.Node, fx.Node]) -> Iterator[_Ends]:
    """The outputs, then what they are computed from as long as both are in the same way."""
    ends = (paths.first.outputs, paths.second.outputs)
    yield ends
    while len(ends[0]) == len(ends[1]) == 1:
        before = _before(ends[0][0], ends[1][0], beginning)
        if before is None:
            return
        ends = ([before[0]], [before[1]])
        yield ends


def _before(
    one: fx.Node, other: fx.Node, beginning: dict[fx.Node, fx.Node]
) -> tuple[fx.Node, fx.Node] | None:
    """The one argument in which two equal calls differ."""
    if one.op != "call_function" or one.target is not other.target:
        return None
    pairs = list(zip(one.all_input_nodes, other.all_input_nodes, strict=False))
    if len(one.all_input_nodes) != len(other.all_input_nodes):
        return None
    places = [
        {node: place for place, node in enumerate(each.all_input_nodes)} for each in (one, other)
    ]
    if str(_placed(one, places[0])) != str(_placed(other, places[1])):
        return None
    differing = [pair for pair in pairs if not _same(*pair, beginning)]
    return differing[0] if len(differing) == 1 else None


def _same(one: fx.Node, other: fx.Node, beginning: dict[fx.Node, fx.Node]) -> bool:
    held = one.op == other.op == "get_attr" and one.target == other.target
    return held or beginning.get(one) is other


def _part(paths: TwoPaths, outputs: _Ends, beginning: dict[fx.Node, fx.Node]) -> TwoPaths:
    """What lies between the common beginning, whose values become inputs, and the outputs."""
    cutters = (Cutter.of(paths.first), Cutter.of(paths.second))
    entries = [
        (one, other)
        for one, other in beginning.items()
        if one.op == "placeholder" or (one.op == "call_function" and cutters[0].is_tensor(one))
    ]
    used = [
        {
            each
            for node in cutter.program.graph.nodes
            if node not in known
            for each in node.all_input_nodes
        }
        for cutter, known in zip(cutters, (set(beginning), set(beginning.values())), strict=True)
    ]
    kept = [
        pair
        for pair in entries
        if pair[0] in used[0] or pair[1] in used[1] or pair[0] in outputs[0]
    ]
    first = cutters[0].part(outputs[0], [one for one, _ in kept], every=True)
    second = cutters[1].part(outputs[1], [other for _, other in kept], every=True)
    axes = tuple(
        tuple(
            axis
            for axis, (here, there) in enumerate(zip(one.shape, other.shape, strict=False))
            if here != there
        )
        for one, other in zip(first.example, second.failing, strict=True)
    )
    return TwoPaths(first, second, axes if paths.dynamic else (), paths.decided_by)

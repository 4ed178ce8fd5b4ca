"""Mutants of a Python module: one small change each, made on its syntax tree.

Comparisons and their boundaries, arithmetic, `and` and `or`, operands left out, negations, numbers
off by one, True for False, returned values lost, statements dropped, largest for smallest.

Left alone is what decides nothing: texts, annotations, decorators, imports, assertions, the
`strict` of `zip`, and the words in `TELLING`.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

TELLING = ("observe", "tell")
"""Calls of these tell of the progress, and change no verdict."""
OPERATORS: dict[type[ast.AST], tuple[type[ast.AST], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult,),
    ast.Mod: (ast.Mult,),
    ast.Pow: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
}
"""What stands in for an operator; a comparison is moved by its boundary and turned round."""
OPPOSITES = {
    **{"min": "max", "minimum": "maximum", "any": "all", "union": "intersection"},
    **{"max": "min", "maximum": "minimum", "all": "any", "intersection": "union"},
}
LEFT_ALONE = (ast.JoinedStr, ast.Assert, ast.Import, ast.ImportFrom, ast.Raise)
DROPPED = (ast.Expr, ast.AugAssign, ast.Delete, ast.Continue, ast.Break, ast.Return)
NOT_CODE = ("annotation", "returns", "decorator_list", "type_params")


@dataclass(frozen=True)
class Mutant:
    """A changed module: where, what stood there, what stands there now, and its code.

    `key` stays the same when lines move: the file, the function and the change, with a number
    where the same change is possible several times in one function.
    """

    path: Path
    line: int
    function: str
    change: str
    code: CodeType

    @property
    def where(self) -> str:
        """`compare.py:score`."""
        return f"{self.path.name}:{self.function}"

    @property
    def key(self) -> tuple[str, str]:
        """What a list of mutants names it by."""
        return self.where, self.change


@dataclass(frozen=True)
class Site:
    """A node at its place below another: `parent.field`, or `parent.field[index]`.

    `around` is the nearest expression, statement or list of parameters about it: it shows what
    it is.
    """

    parent: ast.AST
    field: str
    index: int | None
    node: ast.AST
    function: str
    around: ast.AST

    def put(self, node: ast.AST) -> None:
        """Set another node in its place."""
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Every mutant of a file, in the order of its lines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    seen: Counter[tuple[str, str]] = Counter()
    for site in sites(tree, "module", tree):
        for other in alternatives(site.node):
            before = _text(site)
            site.put(ast.copy_location(other, site.node))
            change = f"{before} → {_text(site)}"
            code = compile(ast.fix_missing_locations(tree), str(path), "exec")
            site.put(site.node)
            seen[site.function, change] += 1
            number = seen[site.function, change]
            told = change if number == 1 else f"{change} #{number}"
            yield Mutant(path, _line(site), site.function, told, code)


def sites(parent: ast.AST, function: str, around: ast.AST) -> Iterator[Site]:
    """The nodes below `parent` that may be changed."""
    around = parent if isinstance(parent, ast.expr | ast.stmt | ast.arguments) else around
    for name, value in ast.iter_fields(parent):
        if name in NOT_CODE:
            continue
        nodes = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
        for index, node in nodes:
            if not isinstance(node, ast.AST) or _left_alone(node) or _of_a_power(parent, name):
                continue
            yield Site(parent, name, index, node, function, around)
            yield from sites(node, _function(node, function), around)


def _function(node: ast.AST, outer: str) -> str:
    """The dotted name of what `node` defines, or of what it stands in."""
    if not isinstance(node, ast.FunctionDef | ast.ClassDef):
        return outer
    return node.name if outer == "module" else f"{outer}.{node.name}"


def _left_alone(node: ast.AST) -> bool:
    if isinstance(node, ast.keyword):
        return node.arg == "strict"
    if isinstance(node, ast.Expr):
        return _is_text(node.value) or _name_called(node.value) in TELLING
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return isinstance(node, LEFT_ALONE)


def _of_a_power(parent: ast.AST, field: str) -> bool:
    """`2.0**-23` is one number: its exponent alone moves."""
    power = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Pow)
    return power and field != "right" and isinstance(parent.left, ast.Constant)  # type: ignore[attr-defined]


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and (isinstance(node.value, str) or node.value is ...)


def _name_called(node: ast.AST) -> str | None:
    named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    return node.func.id if named else None  # type: ignore[attr-defined]


def alternatives(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in the place of a node."""
    for kind in OPERATORS.get(type(node), ()):
        yield kind()
    match node:
        case ast.BoolOp():
            yield from (_without(node, place) for place in range(len(node.values)))
        case ast.UnaryOp():
            if not isinstance(node.operand, ast.Constant):
                yield node.operand
        case ast.Constant():
            yield from _constants(node)
        case ast.comprehension():
            yield from (_copy(node, ifs=_but(node.ifs, at)) for at in range(len(node.ifs)))
        case ast.Call():
            yield from _opposites(node)
        case ast.IfExp() | ast.If() | ast.While():
            yield from _negated(node)
        case ast.stmt():
            yield from _lost(node)


def _but(nodes: list[ast.expr], place: int) -> list[ast.expr]:
    return [*nodes[:place], *nodes[place + 1 :]]


def _copy(node: ast.AST, **changed: object) -> ast.AST:
    other = copy.copy(node)
    for name, value in changed.items():
        setattr(other, name, value)
    return other


def _without(node: ast.BoolOp, place: int) -> ast.AST:
    rest = _but(node.values, place)
    return rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)


def _negated(node: ast.IfExp | ast.If | ast.While) -> Iterator[ast.AST]:
    """The negation of a comparison is one of the comparison's own."""
    if not isinstance(node.test, ast.Compare | ast.UnaryOp):
        yield _copy(node, test=ast.UnaryOp(ast.Not(), node.test))


def _constants(node: ast.Constant) -> Iterator[ast.AST]:
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int | float):
        yield from (ast.Constant(node.value + by) for by in (1, -1))


def _opposites(node: ast.Call) -> Iterator[ast.AST]:
    called = node.func
    if isinstance(called, ast.Name) and called.id in OPPOSITES:
        yield _copy(node, func=ast.Name(OPPOSITES[called.id], ast.Load()))
    elif isinstance(called, ast.Attribute) and called.attr in OPPOSITES:
        yield _copy(node, func=_copy(called, attr=OPPOSITES[called.attr]))


def _lost(node: ast.stmt) -> Iterator[ast.AST]:
    """The statement dropped, or what it returns.

    A name that is never assigned would fail at once; what changes a value in place is subtle.
    """
    if isinstance(node, ast.Return) and node.value is not None:
        if not (isinstance(node.value, ast.Constant) and node.value.value is None):
            yield ast.Return(ast.Constant(None))
    elif isinstance(node, ast.Assign):
        if any(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets):
            yield ast.Pass()
    elif isinstance(node, DROPPED):
        yield ast.Pass()


def _text(site: Site) -> str:
    """The place as it stands now; an operator or a number with what is around it."""
    node = getattr(site.parent, site.field)
    node = node if site.index is None else node[site.index]
    if isinstance(node, ast.If | ast.While):
        return f"if {ast.unparse(node.test)}"
    small = isinstance(node, ast.Constant | ast.operator | ast.cmpop | ast.boolop)
    return " ".join(ast.unparse(site.around if small else node).split())


def _line(site: Site) -> int:
    return getattr(site.node, "lineno", 0) or getattr(site.around, "lineno", 0)

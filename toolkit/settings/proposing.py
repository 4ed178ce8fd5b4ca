"""The user's own networks, found by reading their files; nothing is imported or run."""

from __future__ import annotations

import ast
import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

MOST_FILES = 2000
"""So many Python files are read: a folder that holds more is no repository of one project."""
PASSED_OVER = frozenset(
    {"tests", "test", "build", "dist", "node_modules", "site-packages", "exported", "__pycache__"}
)
BASES = frozenset({"Module", "LightningModule"})
"""Classes of libraries whose subclasses are networks."""
DEFAULT_GUESS = "batch,3,224,224"


@dataclass(frozen=True)
class Proposal:
    """A model for the settings: `said` stands in its entry, `guess` are inputs beside it.

    `needs` are arguments that its constructor asks for.
    """

    word: str
    guess: Mapping[str, str]
    needs: tuple[str, ...] = ()
    said: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_guessed(self) -> bool:
        """Whether its inputs are a guess, and not said."""
        return bool(self.guess) and not {"inputs", "inputs-file"} & self.said.keys()

    @property
    def name(self) -> str:
        """What the entry may be called: the object's own name, in small letters."""
        last = self.word.rpartition(":")[2].rstrip("/").rpartition("/")[2]
        return "".join(c if c.isalnum() or c in "_-." else "-" for c in last.lower()).lstrip("-.")


def of_word(word: str) -> Proposal:
    """The model that a word names; its inputs are guessed where its file can be read."""
    place, _, name = word.rpartition(":")
    path = Path(place) if place.endswith(".py") else Path(f"{place.replace('.', '/')}.py")
    named = (found for found in _networks(path) if place and found.name == name)
    return next((found.proposal(word) for found in named), Proposal(word, {}))


def propose(folder: Path) -> list[Proposal]:
    """The networks at the top level of the folder's files that are no parts of one another."""
    found = [
        (path, network)
        for path, _ in zip(_files(folder), range(MOST_FILES), strict=False)
        for network in _networks(path)
    ]
    parts = {name for _, network in found for name in network.uses - {network.name}}
    return [
        network.proposal(f"{_place(path, folder)}:{network.name}")
        for path, network in found
        if network.has_forward and network.name not in parts and not network.name.startswith("_")
    ]


def _place(path: Path, folder: Path) -> str:
    """A file below the folder as a model word has it: a package's by its dotted name."""
    package = path.parent
    while package != folder and (package / "__init__.py").is_file():
        package = package.parent
    if package == path.parent:
        return path.relative_to(folder).as_posix()
    dotted = path.relative_to(package).with_suffix("").parts
    return ".".join(dotted[:-1] if dotted[-1] == "__init__" else dotted)


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        here = Path(place)
        folders[:] = sorted(name for name in folders if _is_looked_into(here / name))
        yield from (here / name for name in sorted(names) if name.endswith(".py"))


def _is_looked_into(folder: Path) -> bool:
    hidden = folder.name.startswith(".") or folder.name in PASSED_OVER
    return not hidden and not (folder / "pyvenv.cfg").exists()


@dataclass(frozen=True)
class _Network:
    """A class of a file that is a network."""

    node: ast.ClassDef
    relatives: Mapping[str, ast.ClassDef]

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def has_forward(self) -> bool:
        return self._method("forward") is not None

    @property
    def uses(self) -> set[str]:
        """The names that stand in its body; the classes that it derives from are its own kind."""
        return {
            inner.id
            for statement in self.node.body
            for inner in ast.walk(statement)
            if isinstance(inner, ast.Name)
        }

    def proposal(self, word: str) -> Proposal:
        names = _required(self._method("forward"))
        shape = _first_layer(self._method("__init__")) or DEFAULT_GUESS
        inputs = {name: shape if place == 0 else "batch" for place, name in enumerate(names)}
        return Proposal(word, inputs, tuple(_required(self._method("__init__"))))

    def _method(self, name: str) -> ast.FunctionDef | None:
        """A method of its own, or of a class of the same file that it derives from."""
        seen: set[str] = set()
        classes = [self.node]
        while classes:
            node = classes.pop(0)
            for statement in node.body:
                if isinstance(statement, ast.FunctionDef) and statement.name == name:
                    return statement
            seen.add(node.name)
            near = [_last_name(base) for base in node.bases]
            classes += [
                self.relatives[base] for base in near if base in self.relatives.keys() - seen
            ]
        return None


def _networks(path: Path) -> list[_Network]:
    """The networks of a file, in its order; none where it cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a stranger's escape sequences are not ours to mend
            tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    networks: dict[str, ast.ClassDef] = {}
    for name, node in classes.items():
        if any(_last_name(base) in BASES | networks.keys() for base in node.bases):
            networks[name] = node
    return [_Network(node, networks) for node in networks.values()]


def _last_name(node: ast.expr) -> str:
    """`Module` of `torch.nn.Module`."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _required(method: ast.FunctionDef | None) -> list[str]:
    """The parameters without a default, but for `self`."""
    if method is None:
        return []
    takes = method.args
    places = [*takes.posonlyargs, *takes.args]
    needed = places[1 : len(places) - len(takes.defaults)]
    alone = [
        each for each, given in zip(takes.kwonlyargs, takes.kw_defaults, strict=True) if not given
    ]
    return [each.arg for each in (*needed, *alone)]


def _first_layer(method: ast.FunctionDef | None) -> str | None:
    """The shape that the first layer made in a constructor takes, where it is written down."""
    calls = [] if method is None else [n for n in ast.walk(method) if isinstance(n, ast.Call)]
    calls.sort(key=lambda call: (call.lineno, call.col_offset))
    return next((guess for call in calls if (guess := _guess(call)) is not None), None)


_GUESSES: Mapping[str, str] = {
    "Linear": "batch,{}",
    "Conv1d": "batch,{},128",
    "Conv2d": "batch,{},224,224",
    "Conv3d": "batch,{},16,112,112",
    "LSTM": "time,batch,{}",
    "GRU": "time,batch,{}",
    "RNN": "time,batch,{}",
}
"""The shape that a layer takes, by the number that stands first in its constructor."""


def _guess(call: ast.Call) -> str | None:
    kind = _last_name(call.func)
    if kind == "Embedding":
        return "batch,time:int64"
    size = call.args[0] if call.args else None
    if kind not in _GUESSES or not isinstance(size, ast.Constant) or type(size.value) is not int:
        return None
    first = {word.arg: word.value for word in call.keywords}.get("batch_first")
    shape = _GUESSES[kind].format(size.value)
    turned = isinstance(first, ast.Constant) and first.value is True
    return shape.replace("time,batch", "batch,time") if turned else shape

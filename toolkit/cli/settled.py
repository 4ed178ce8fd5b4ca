"""Settings laid under the options of a command.

What was typed wins, then the model's own table, then `[tool.toolkit]`, then the defaults.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from toolkit.cli.asking import Ask, Asks
from toolkit.cli.groups import KEYWORD
from toolkit.cli.model_options import OF_MODELS
from toolkit.errors import ToolkitError, UsageError
from toolkit.spec import FORMAT_NAMES

if TYPE_CHECKING:
    from toolkit.settings import Found

ONE_MODELS = {
    "inputs": "--input",
    "inputs_file": "--inputs",
    "dims": "--dim",
    "ranges": "--range",
    "arguments": "--arg",
}
"""Options that describe one model, and so can stand beside one entry of the settings only."""
NO_PLACES = ("default", "pretrained", "random")
"""What weights may be besides a file."""
TYPED = "COMMANDLINE"
CONTEXT = "context"

Values = Mapping[str, Any]


def settled(
    *, bare: bool = True, listed: bool = True
) -> Callable[[Callable[..., Ask[Any]]], Callable[..., int]]:
    """Make a command of a function that tells what its options ask for.

    The function is called once with the options as they hold for models that were typed, and once
    for every entry of the settings that is meant: those that are named, or with `bare` all where
    none is. The asks are then carried out together, after the entries that are meant have been
    `listed`.
    """

    def decorate(command: Callable[..., Ask[Any]]) -> Callable[..., int]:
        @functools.wraps(command)
        def call(**values: Any) -> int:
            context = values.pop(CONTEXT)
            typed = {name for name in values if _is_typed(context, name)}
            layers = Layers.found(values, typed, bare=bare)
            with layers.folder():
                asks = layers.asks(command)
                if layers.entries and listed:
                    _list(layers, asks)
                return asks.typed.perform(asks)

        return _with_context(call, command)

    return decorate


def _is_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == TYPED


def _with_context(call: Callable[..., int], command: Callable[..., Any]) -> Callable[..., int]:
    """The command's options, and beside them what tells which of these were typed."""
    own = inspect.Parameter(CONTEXT, KEYWORD, annotation=typer.Context)
    parameters = [own, *inspect.signature(command).parameters.values()]
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {each.name: each.annotation for each in parameters}
    return call


@dataclass(frozen=True)
class Layers:
    """The options of one command: as typed, and what the settings say below them."""

    values: Values
    typed: set[str]
    settings: Found | None = None
    entries: tuple[str, ...] = ()
    start: Path = field(default_factory=Path.cwd)
    named: tuple[str, ...] = ()

    @classmethod
    def found(cls, values: Values, typed: set[str], *, bare: bool) -> Layers:
        """The layers of a command that is given in the working folder; raises `UsageError`."""
        from toolkit import settings

        found = settings.find(Path.cwd())
        known = found.settings.models if found else {}
        named = dict.fromkeys(values["models"] or ())
        entries = tuple(name for name in named if name in known)
        if bare and not named and not values["everything"]:
            entries = tuple(known)
        words = [name for name in named if name not in known]
        _require_one(entries, typed)
        if found is not None and not (known or words or values["everything"]):
            raise UsageError(
                f"which model? {os.path.relpath(found.path)} names none",
                hint="give it a table [tool.toolkit.models.NAME], or name a model here",
            )
        told = {**values, "models": words}
        return cls(told, typed, found, entries, named=tuple(named))

    @contextlib.contextmanager
    def folder(self) -> Iterator[None]:
        """The folder to work in: that of the settings whose models are meant.

        So a check means the same, and leaves its files in the same place, wherever in the project
        it is called.
        """
        if self.settings is None or not self.entries:
            yield
            return
        with contextlib.chdir(self.settings.folder):
            yield

    def asks(self, command: Callable[..., Ask[Any]]) -> Asks[Any]:
        """What is asked for the typed models, and for every entry."""
        typed = command(**self._layered({}))
        entries = {name: self._of_entry(name, command) for name in self.entries}
        altered = bool(self.typed & OF_MODELS)
        return Asks(typed, entries, altered=altered, named=self._named())

    def _named(self) -> tuple[str, ...]:
        """The names as they were typed; paths as they read from the folder of the work."""
        words = moved({"models": list(self.named)}, self.start)["models"]
        pairs = zip(self.named, words, strict=True)
        return tuple(name if name in self.entries else word for name, word in pairs)

    def _of_entry(self, name: str, command: Callable[..., Ask[Any]]) -> Ask[Any]:
        assert self.settings is not None
        entry = self.settings.settings.models[name]
        said = entry.options()
        try:
            self._require_taken(said)
            ask = command(**{**self._layered(said), "models": [entry.model or name]})
            ask.chosen.words()
        except ToolkitError as error:
            error.model = f"{error.model} ({name})" if error.model not in (None, name) else name
            raise
        return ask

    def _require_taken(self, said: Values) -> None:
        if any(name in said and name not in self.values for name in ONE_MODELS):
            from toolkit.cli.work import untrained

            raise untrained()

    def _layered(self, entry: Values) -> dict[str, Any]:
        """The options, one layer over the other; paths as they read from the folder of the work."""
        said: dict[str, Any] = {}
        if self.settings is not None:
            said = moved(self.settings.settings.options(), self.settings.folder)
        said |= entry
        below = {name: value for name, value in said.items() if name in self.values}
        typed = {name: self.values[name] for name in {*self.typed, "models", "everything"}}
        return {**self.values, **below, **moved(typed, self.start)}


def _require_one(entries: Sequence[str], typed: set[str]) -> None:
    said = [option for name, option in ONE_MODELS.items() if name in typed]
    if len(entries) > 1 and said:
        raise UsageError(
            f"{said[0]} describes one model, and {len(entries)} of the settings are meant: "
            f"{', '.join(entries)}",
            hint=f"name one of them beside {said[0]}",
        )


def moved(options: Values, source: Path) -> dict[str, Any]:
    """The options with what they say of files below `source`, as it reads from here."""
    told = dict(options)
    if source == Path.cwd():
        return told
    for name, move in _MOVES.items():
        value = told.get(name)
        if isinstance(value, list):
            told[name] = [move(source, word) for word in value]
        elif value is not None:
            told[name] = type(value)(move(source, str(value)))
    return told


def _weights(source: Path, word: str) -> str:
    return word if word in NO_PLACES else _place(source, word)


def _data(source: Path, word: str) -> str:
    """A set's name wins over a folder that is called like it."""
    from toolkit import data

    return word if word in data.names() else _place(source, word)


def _module(source: Path, word: str) -> str:
    """A file, or a module that lies there as one; a dotted name stays as it is."""
    file = word if word.endswith(".py") else f"{word}.py"
    return _from_here(source, file) if (source / file).is_file() else word


def _place(source: Path, word: str) -> str:
    """A word that may be FILE or FILE:NAME; one that is neither stays as it is."""
    place, colon, name = word.rpartition(":")
    if place and (source / place).is_file():
        return f"{_from_here(source, place)}{colon}{name}"
    return _from_here(source, word) if (source / word).exists() else word


def _from_here(source: Path, path: str) -> str:
    try:
        return os.path.relpath(source / path) if not Path(path).is_absolute() else path
    except ValueError:  # on Windows, from one drive to another
        return str(source / path)


_MOVES: Mapping[str, Callable[[Path, str], str]] = {
    **dict.fromkeys(("data_dir", "out", "failures", "results", "junit"), _from_here),
    **dict.fromkeys(("inputs_file", "ort_libraries", "models", "candidate"), _place),
    "weights": _weights,
    "data": _data,
    "imports": _module,
}
"""How the options that may name a file or folder read from elsewhere."""


def _list(layers: Layers, asks: Asks[Any]) -> None:
    """What is about to be done, on stderr."""
    from toolkit.report.asked import asked_section
    from toolkit.report.terminal import console_for, section_items, show

    assert layers.settings is not None
    rows = [
        (words, asks.entries[words.entry].forms or FORMAT_NAMES)
        for words in asks.words()
        if words.entry is not None
    ]
    place = os.path.relpath(layers.settings.path, layers.start)
    show(section_items(asked_section(place, rows)), console_for(stderr=True))

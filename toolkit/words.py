"""The words of the command line that describe a model, parsed before the first second of work.

What stands in them is read by `grammar.py`. Nothing here imports torch.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from toolkit.calling import Constant
from toolkit.errors import InputsError, UsageError
from toolkit.grammar import (
    is_constant,
    nearest_words,
    parse_argument,
    parse_constant,
    parse_dim,
    parse_input,
    parse_range,
    told_nearest,
)
from toolkit.spec import ALL_FORMATS, Dimension, Port

__all__ = [
    "AUTO",
    "CONFIGURATION",
    "ON_WINDOWS",
    "RECIPES",
    "ModelWords",
    "TrainingWords",
    "display_name",
    "nearest_words",
    "parse_formats",
    "plain_word",
    "shell_line",
    "shell_word",
    "told_origin",
]


CONFIGURATION = "config.json"
"""What a folder of transformers holds besides the weights."""
ON_WINDOWS = os.name == "nt"
_BARE = re.compile(r"[\w.:/\\=+-]+")
_ESCAPED = re.compile(r'(\\*)("|$)')

RECIPES = ("brief", "document")
AUTO = "auto"
"""The one thing that `--dynamic` can be."""


@dataclass(frozen=True)
class TrainingWords:
    """What was said about training, in place of the plan's own.

    `recipe` is `brief` (the toolkit's own plan) or `document` (as the document has it); `data` a
    data set's name or an image folder; `data_dir` the folder that a set lies in or is downloaded
    to.
    """

    recipe: str = "brief"
    data: str | None = None
    data_dir: str | None = None
    epochs: int | None = None
    device: str = "cpu"

    @property
    def said(self) -> bool:
        """Whether anything was said about what is trained; where it runs does not count."""
        return bool(self.options())

    def options(self) -> list[str]:
        """The options of a command that says the same."""
        told = [("--recipe", self.recipe if self.recipe != RECIPES[0] else None)]
        told += [("--data", self.data), ("--data-dir", self.data_dir)]
        told += [("--epochs", None if self.epochs is None else str(self.epochs))]
        return [word for option, value in told if value is not None for word in (option, value)]


@dataclass(frozen=True)
class ModelWords:
    """A model word with everything that was said about its inputs, weights and seed.

    `dynamic` is `auto` or None. `imports` are modules, and `ort_libraries` files, that register
    operators of the user's own. `with_preprocess` puts the preparation of images into the graph.
    """

    word: str
    inputs: tuple[str, ...] = ()
    dims: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    inputs_file: str | None = None
    weights: str = "default"
    seed: int = 0
    training: TrainingWords = TrainingWords()
    dynamic: str | None = None
    imports: tuple[str, ...] = ()
    ort_libraries: tuple[str, ...] = ()
    with_preprocess: bool = False
    entry: str | None = None
    """The name of the model's entry in the settings."""
    one_of_many: bool = False
    """Whether its word came from one that means several."""
    altered: bool = False
    """Whether something was said that its entry does not say."""

    def __post_init__(self) -> None:
        if self.dynamic not in (None, AUTO):
            raise UsageError(
                f"--dynamic {self.dynamic}: it takes {AUTO} alone"
                f"{told_nearest(str(self.dynamic), [AUTO])}",
                hint="a dimension that you know is dynamic has a name: --input x=batch,3,224,224",
            )

    def named(self, word: str) -> ModelWords:
        """The same options for another model."""
        return replace(self, word=word, one_of_many=True)

    @property
    def shown(self) -> str:
        """What results and bundles call it: its entry in the settings, else the word."""
        if self.entry is not None and not self.one_of_many:
            return self.entry
        return display_name(self.word)

    def ports(self) -> tuple[Port, ...]:
        """The input ports of `--input`, their `--range` applied."""
        ports = [parse_input(text) for text in self.inputs if not is_constant(text)]
        return self.with_ranges(ports)

    def with_ranges(self, ports: Sequence[Port]) -> tuple[Port, ...]:
        """The ports with their values kept to `--range`; raises `InputsError`."""
        ranges = self.parsed_ranges()
        known = {name for port in ports for name in (port.name, port.dotted)}
        unknown = [name for name in ranges if name not in known]
        if unknown and ports:
            near = told_nearest(unknown[0], sorted(known))
            raise InputsError(
                f"--range {unknown[0]}: no input has this name{near}", model=self.word
            )
        return tuple(_ranged(port, ranges) for port in ports)

    def constants(self) -> dict[str, Constant]:
        """The arguments of `forward` that `--input NAME:=VALUE` fixes, by path."""
        return dict(parse_constant(text) for text in self.inputs if is_constant(text))

    def parsed_ranges(self) -> dict[str, tuple[float, float]]:
        """The ends of `--range` by input."""
        return dict(parse_range(text) for text in self.ranges)

    def dimensions(self) -> tuple[Dimension, ...]:
        """The ranges of `--dim`."""
        return tuple(parse_dim(text) for text in self.dims)

    def constructor_arguments(self) -> dict[str, object]:
        """The values of `--arg`, Python literals where they are any, else text."""
        return dict(parse_argument(text) for text in self.arguments)

    def options(self) -> str:
        """The options of a command that says the same, quoted for a shell."""
        parts: list[str] = []
        for option, values in (
            ("--input", self.inputs),
            ("--dim", self.dims),
            ("--range", self.ranges),
            ("--arg", self.arguments),
            ("--import", self.imports),
            ("--ort-library", self.ort_libraries),
        ):
            parts += [word for value in values for word in (option, value)]
        parts += ["--dynamic", self.dynamic] if self.dynamic else []
        parts += ["--with-preprocess"] if self.with_preprocess else []
        if self.weights != "default":
            parts += ["--weights", self.weights]
        if self.seed:
            parts += ["--seed", str(self.seed)]
        return shell_line([*parts, *self.training.options()])


def _ranged(port: Port, ranges: Mapping[str, tuple[float, float]]) -> Port:
    ends = ranges.get(port.name, ranges.get(port.dotted))
    return port if ends is None else replace(port, low=ends[0], high=ends[1])


def parse_formats(words: str | Iterable[str]) -> tuple[str, ...]:
    """Comma-separated format names, in the order given; none means all."""
    each = [words] if isinstance(words, str) else words
    names = [name for word in each for name in word.split(",") if name]
    for name in names:
        if name not in ALL_FORMATS:
            raise UsageError(
                f"unknown format {name}{told_nearest(name, ALL_FORMATS)}",
                hint=f"one of: {', '.join(ALL_FORMATS)}",
            )
    return tuple(dict.fromkeys(names))


def plain_word(word: str) -> str:
    """The word; of `hf:FOLDER` the folder alone, which says by itself what it holds."""
    library, _, place = word.partition(":")
    is_folder = library == "hf" and place and (Path(place) / CONFIGURATION).is_file()
    return place if is_folder else word


def display_name(word: str) -> str:
    """The word as it may be shown and stored: an absolute path becomes its file name."""
    place, colon, name = word.rpartition(":")
    if colon and Path(place).is_absolute():
        return f"{Path(place).name}:{name}"
    return Path(word).name if Path(word).is_absolute() else word


def shell_word(word: str) -> str:
    """A word as the system's own shell takes it; PowerShell makes lists of commas that are bare."""
    if not ON_WINDOWS:
        return shlex.quote(word)
    return word if _BARE.fullmatch(word) else f'"{_ESCAPED.sub(_escape, word)}"'


def _escape(found: re.Match[str]) -> str:
    """Backslashes count double before a quote, ours at the end too; a quote is given one."""
    return found[1] * 2 + ('\\"' if found[2] else "")


def shell_line(words: Iterable[str]) -> str:
    """A command that a user can paste into the system's own shell."""
    return " ".join(map(shell_word, words))


def told_origin(origin: str, seed: int | None) -> str:
    """Where weights came from, as tables show it: `random, seed 0`."""
    return origin if seed is None else f"{origin}, seed {seed}"

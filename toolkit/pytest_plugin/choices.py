"""What may be chosen for every check of a run: one name as keyword, ini option and flag.

`budget` is the keyword of `parity.check` and of the mark, `parity_budget` the ini option,
`--parity-budget` the flag. A flag wins over a keyword, a keyword over the ini option, this over the
key of `[tool.toolkit]`, which a check looks up. Nothing here imports more than pytest: every run of
a user's tests loads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest

Kind = Literal["words", "text", "whole", "number"]
PREFIX = "parity"
INPUTS_FILE = "inputs_file"
_INI_TYPES: Mapping[Kind, Any] = {
    "words": "args",
    "text": "string",
    "whole": "int",
    "number": "float",
}
_NUMBERS_SINCE = (8, 4)
"""The pytest whose configuration files have numbers."""


@dataclass(frozen=True)
class Choice:
    """A choice by its keyword; `flag_only` where no file says it for a whole project."""

    name: str
    kind: Kind
    metavar: str
    help: str
    least: float | None = None
    flag: str = ""
    flag_only: bool = False

    @property
    def ini(self) -> str:
        """The ini option."""
        return f"{PREFIX}_{self.name}"

    @property
    def option(self) -> str:
        """The flag as it is typed."""
        return f"--{PREFIX}-{self.flag or self.name.replace('_', '-')}"

    @property
    def place(self) -> str:
        """Where pytest keeps what was typed."""
        return f"{PREFIX}_typed_{self.name}"

    def converted(self, value: Any) -> Any:
        """What was said as the choice's kind has it; raises `ValueError`."""
        if self.kind == "words":
            return [value] if isinstance(value, str) else list(value)
        if self.kind == "text":
            return str(value)
        try:
            number = int(value) if self.kind == "whole" else float(value)
        except (TypeError, ValueError):
            what = "whole number" if self.kind == "whole" else "number"
            raise ValueError(f"{value} is no {what}") from None
        if self.least is not None and number < self.least:
            raise ValueError(f"{value} is under {self.least:g}")
        return number


CHOICES = (
    Choice("formats", "words", "FORMAT,...", "Formats to check: onnx, pt2, trace, script, ..."),
    Choice("device", "text", "cpu|cuda[:N]", "Where eager and candidates run."),
    Choice("opset", "whole", "N", "Opset of ONNX files.", least=18),
    Choice("seed", "whole", "N", "Seed of weights and draws.", least=0),
    Choice("budget", "number", "SECONDS", "Time for the cases of one form.", least=0),
    Choice("max_score", "number", "N", "The largest score that passes."),
    Choice("atol", "words", "[OUTPUT=]VALUE", "Judge by this absolute tolerance, not by a score."),
    Choice("rtol", "words", "[OUTPUT=]VALUE", "Judge by this relative tolerance, not by a score."),
    Choice("min_agreement", "number", "SHARE", "For low precision: the least agreement."),
    Choice("min_sqnr", "number", "DB", "For low precision: the least signal-to-noise ratio."),
    Choice("failures", "text", "DIR", "Where failing cases are saved; below pytest's own folder."),
    Choice(
        INPUTS_FILE,
        "text",
        "FILE.npz",
        "Arrays to run besides the drawn ones: a case that was saved.",
        flag="inputs",
        flag_only=True,
    ),
)


@dataclass(frozen=True)
class Layers:
    """What was typed and what the ini file says, by keyword; what is not said is left out."""

    typed: Mapping[str, Any]
    ini: Mapping[str, Any]


LAYERS = pytest.StashKey[Layers]()
_SETTINGS = pytest.StashKey[dict[str, Any]]()


def register(parser: pytest.Parser) -> None:
    """Tell pytest of every flag and ini option."""
    group = parser.getgroup(PREFIX, "parity of exported models")
    for choice in CHOICES:
        group.addoption(
            choice.option,
            dest=choice.place,
            action="append" if choice.kind == "words" else "store",
            metavar=choice.metavar,
            default=None,
            help=choice.help,
        )
        if not choice.flag_only:
            parser.addini(choice.ini, choice.help, type=_ini_type(choice.kind), default=None)


def _ini_type(kind: Kind) -> Any:
    numbers = kind in ("whole", "number")
    return "string" if numbers and pytest.version_tuple < _NUMBERS_SINCE else _INI_TYPES[kind]


def read(config: pytest.Config) -> None:
    """Keep what was typed and what the ini file says; raises `pytest.UsageError`."""
    layers = Layers(
        _layer(lambda one: config.getoption(one.place), CHOICES, lambda one: one.option),
        _layer(
            lambda one: config.getini(one.ini),
            [one for one in CHOICES if not one.flag_only],
            lambda one: one.ini,
        ),
    )
    for formats in (layers.typed.get("formats"), layers.ini.get("formats")):
        if formats:
            _require_formats(formats)
    config.stash[LAYERS] = layers


def layered(config: pytest.Config, said: Mapping[str, Any]) -> dict[str, Any]:
    """What holds for a check: what was `said` of it, and the layers over and under that.

    Raises `SettingsError`.
    """
    layers = config.stash[LAYERS]
    if _SETTINGS not in config.stash:
        config.stash[_SETTINGS] = _of_project(config)
    below: dict[str, Any] = config.stash[_SETTINGS]
    return {**below, **layers.ini, **said, **layers.typed}


def _of_project(config: pytest.Config) -> dict[str, Any]:
    """What `[tool.toolkit]` chooses for every model; the tables of its models are for the command.

    Of its further keys none is about judging, and `weights` is about models that have none.
    """
    from toolkit import settings

    found = settings.find(config.rootpath)
    if found is None:
        return {}
    names = {choice.name for choice in CHOICES}
    said = {name: value for name, value in found.settings.options().items() if name in names}
    return said | ({"failures": found.folder / said["failures"]} if "failures" in said else {})


def _layer(
    said: Callable[[Choice], Any], choices: Iterable[Choice], called: Callable[[Choice], str]
) -> dict[str, Any]:
    found = {}
    for choice in choices:
        try:
            value = said(choice)
            if value is not None and value != "":
                found[choice.name] = choice.converted(value)
        except (TypeError, ValueError, pytest.UsageError) as error:
            raise pytest.UsageError(f"{called(choice)}: {error}") from None
    return found


def _require_formats(words: list[str]) -> None:
    from toolkit.errors import UsageError
    from toolkit.words import parse_formats

    try:
        parse_formats(words)
    except UsageError as error:
        raise pytest.UsageError(told(error)) from error


def told(error: Any) -> str:
    """A toolkit's error with its hint below it."""
    return f"{error}\n{error.hint}" if error.hint else str(error)


def flags(layers: Layers, *without: str) -> list[str]:
    """The words of a command that types the same again."""
    chosen = [(one, layers.typed.get(one.name)) for one in CHOICES if one.name not in without]
    return [
        word
        for choice, value in chosen
        if value is not None
        for each in (value if choice.kind == "words" else [value])
        for word in (choice.option, str(each))
    ]

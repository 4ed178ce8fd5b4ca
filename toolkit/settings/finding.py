"""The pyproject.toml that holds: found from a folder upward, read, refused where it is wrong."""

from __future__ import annotations

import contextlib
import os
import stat
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from toolkit.errors import SettingsError
from toolkit.settings.tables import Entry, Settings, Table, key_of
from toolkit.settings.toml import key as toml_key
from toolkit.settings.toml import toml
from toolkit.words import ON_WINDOWS, nearest_words

FILE_NAME = "pyproject.toml"
TABLE = ("tool", "toolkit")
OF_OPTIONS: Mapping[str, str] = {
    "input": "inputs",
    "dim": "dims",
    "range": "ranges",
    "arg": "arguments",
    "args": "arguments",
    "format": "formats",
    "imports": "import",
    "ort-libraries": "ort-library",
}
"""Options of the command line whose keys are called otherwise, for they are tables or lists."""
TYPED_ALONE = (
    *("all", "again", "json", "junit", "plan", "planting-seeds", "quick", "results", "resume"),
    *("self-test", "trust", "variants"),
)
"""Options that are of one call: no file says them for a user who has not read it."""
_PLAINLY: Mapping[str, str] = {
    "model_type": "a table is expected",
    "dict_type": "a table is expected",
    "string_pattern_mismatch": "this is no device: cpu, cuda or cuda:N",
}
"""Objections of the validating library, in our words."""


@dataclass(frozen=True)
class Found:
    """Settings, and the file that holds them."""

    path: Path
    settings: Settings

    @property
    def folder(self) -> Path:
        """What relative paths in the settings are relative to."""
        return self.path.parent


def find(start: Path) -> Found | None:
    """The settings of the nearest pyproject.toml with a [tool.toolkit], from `start` upward.

    A repository's root is the last that is looked at, and a folder of other users is none: what
    its settings name is run. Raises `SettingsError`.
    """
    for folder in (start, *_own_parents(start)):
        path = folder / FILE_NAME
        if path.is_file():
            place = os.path.relpath(path, start)
            settings = parse(read(path, place), place)
            if settings is not None:
                return Found(path, settings)
        if (folder / ".git").exists():
            return None
    return None


@dataclass(frozen=True)
class Project:
    """A pyproject.toml that is a project's, and whether it has a [tool.toolkit]."""

    path: Path
    has_settings: bool


def project_above(start: Path) -> Project | None:
    """The nearest project above a folder that has no pyproject.toml of its own, as `find` looks.

    A file that cannot be read, or has neither [project] nor [tool.toolkit], is passed over.
    """
    for folder in (start, *_own_parents(start)):
        path = folder / FILE_NAME
        if folder != start and path.is_file():
            with contextlib.suppress(SettingsError, tomllib.TOMLDecodeError, RecursionError):
                tree = tomllib.loads(read(path, FILE_NAME))
                tool = tree.get(TABLE[0])
                has_settings = isinstance(tool, dict) and TABLE[1] in tool
                if has_settings or "project" in tree:
                    return Project(path, has_settings)
        if (folder / ".git").exists():
            return None
    return None


def _own_parents(start: Path) -> Iterator[Path]:
    """The folders above, up to one of another owner or that everybody may write to."""
    for folder in start.parents:
        if not ON_WINDOWS and not _is_as_own(folder, start):
            return
        yield folder


def _is_as_own(folder: Path, start: Path) -> bool:
    try:
        told, own = folder.stat(), start.stat()
    except OSError:
        return False
    return told.st_uid == own.st_uid and not told.st_mode & stat.S_IWOTH


def read(path: Path, place: str) -> str:
    """The text of the file that errors call `place`, its line ends as they are."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return stream.read()
    except OSError as error:
        raise SettingsError(f"cannot read {place}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{place} is not UTF-8: {error}") from error


def parse(text: str, place: str) -> Settings | None:
    """The settings in a file's text, None without a [tool.toolkit]; raises `SettingsError`."""
    try:
        tree: Any = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(f"{place} is not TOML: {error}") from error
    for name in TABLE:
        tree = tree.get(name) if isinstance(tree, dict) else None
    if tree is None:
        return None
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        raise _told(error, place) from error


def _told(error: ValidationError, place: str) -> SettingsError:
    """The objections, each with the file, the table, the key, and what is allowed there."""
    told = [_objection(each) for each in error.errors(include_url=False)]
    if len(told) == 1:
        (message, hint) = told[0]
        return SettingsError(f"{place}: {message}", hint=hint or None)
    lines = [f"{message}{f' ({hint})' if hint else ''}" for message, hint in told]
    return SettingsError(f"{place}: {len(told)} keys are wrong", hint="\n".join(lines))


def _objection(error: ErrorDetails) -> tuple[str, str]:
    """What is wrong where, and how to mend it."""
    table, keys = _split(error["loc"])
    kind, message = error["type"], _PLAINLY.get(error["type"], error["msg"])
    if kind == "extra_forbidden":
        message, hint = f"there is no key {keys[-1]}", _keys_hint(table, keys[-1])
    else:
        message = f"{_key(keys)}: {message}" if keys else message
        hint = error.get("ctx", {}).get("hint") or _example(table, keys)
    return f"[{table_name(table)}] {message}", hint


def _split(place: Sequence[int | str]) -> tuple[list[str], list[int | str]]:
    """The table that an objection is about, and the keys in it."""
    names = [name for name in place if name != "[key]"]
    if len(names) > 1 and names[0] == "models":
        return ["models", str(names[1])], names[2:]
    return [], names


def table_name(table: Sequence[str]) -> str:
    """`tool.toolkit.models.net` of `models`, `net`, quoted where TOML asks for it."""
    return ".".join(map(toml_key, (*TABLE, *table)))


def _key(keys: Sequence[int | str]) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")


def _kind(table: Sequence[str]) -> type[Table]:
    return Entry if table else Settings


def _keys(kind: type[Table]) -> dict[str, str]:
    """The fields of a table by their keys."""
    return {held.alias or key_of(name): name for name, held in kind.model_fields.items()}


def _keys_hint(table: Sequence[str], key: int | str) -> str:
    """Where an unknown key belongs, or the known one that is nearest."""
    own, other = _kind(table), _kind(() if table else ("models",))
    word = str(key).removeprefix("--").replace("_", "-")
    known = list(_keys(own))
    meant = OF_OPTIONS.get(word, word)
    if meant in known:
        return f"did you mean {meant}?"
    if meant in _keys(other):
        own_table = f"it is of one model: [{table_name(['models', 'NAME'])}]"
        return f"it is said for all models at once, in [{table_name([])}]" if table else own_table
    if word in TYPED_ALONE:
        return f"--{word} is said on the command line alone"
    near = nearest_words(word, known)
    return f"did you mean {near[0]}?" if near else f"one of: {', '.join(known)}"


def _example(table: Sequence[str], keys: Sequence[int | str]) -> str:
    """A line that would be right in this place."""
    if table and not keys:
        return f'a model is a table: [{table_name(table)}] with a line such as model = "net.py:Net"'
    kind = _kind(table)
    fields = _keys(kind)
    if not keys or keys[0] not in fields:
        return ""
    if keys[0] == "models":
        return f"each model is a table of its own: [{table_name(['models', 'NAME'])}]"
    examples = kind.model_fields[fields[str(keys[0])]].examples or [None]
    return f"as in {keys[0]} = {toml(examples[0])}"

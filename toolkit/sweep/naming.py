"""Models of one command, told apart: rows, folders and a resumed sweep go by their names."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from toolkit.errors import ModelNotFoundError, UsageError
from toolkit.folders import slug
from toolkit.words import ModelWords


def told_apart(found: Iterable[ModelWords]) -> list[ModelWords]:
    """The models, each once; raises `UsageError` where two have one name, or one folder."""
    kept: dict[str, ModelWords] = {}
    for words in found:
        folder = os.path.normcase(slug(words.shown))
        other = kept.setdefault(folder, words)
        if _plainly(other) != _plainly(words):
            raise _objection(other, words)
    return list(kept.values())


def _plainly(words: ModelWords) -> ModelWords:
    """A model is the same whether a pattern means it or its own word."""
    return replace(words, one_of_many=False)


def _objection(one: ModelWords, other: ModelWords) -> UsageError:
    shared = f"be called {one.shown}"
    if one.shown != other.shown:
        shared = f"be written to a folder {slug(one.shown)}"
    return UsageError(
        f"{_named(one)} and {_named(other)} would both {shared}",
        hint="run them apart, or give each a table [tool.toolkit.models.NAME]",
    )


def _named(words: ModelWords) -> str:
    return words.word if words.entry is None else f"{words.word} (entry {words.entry})"


@contextlib.contextmanager
def telling_of_entries(words: Sequence[ModelWords]) -> Iterator[None]:
    """Where an entry of the settings names no model, say in which table, and which key mends it."""
    try:
        yield
    except ModelNotFoundError as error:
        meant = [each for each in words if each.entry and each.word == error.model]
        if not meant:
            raise
        raise _in_settings(meant[0], error) from error


def _in_settings(words: ModelWords, error: ModelNotFoundError) -> ModelNotFoundError:
    from toolkit.settings import FILE_NAME, table_name

    entry = str(words.entry)
    table = f"{FILE_NAME}: [{table_name(['models', entry])}]"
    if words.word != entry:
        return ModelNotFoundError(f"{table} model: {error}", hint=error.hint)
    near = f"{error.hint} or " if (error.hint or "").startswith(_ASKING) else ""
    return ModelNotFoundError(
        f"{table}: no model goes by the name {entry}, and no key `model` says another",
        hint=f'{near}give it a line such as model = "net.py:Net"',
    )


_ASKING = "did you mean"

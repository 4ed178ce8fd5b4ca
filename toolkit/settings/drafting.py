"""A first `[tool.toolkit]`: the text of it, and its place at the end of a user's file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PureWindowsPath

from toolkit.errors import SettingsError
from toolkit.settings.finding import parse
from toolkit.settings.proposing import DEFAULT_GUESS, Proposal
from toolkit.settings.toml import key, toml

_HEAD = """\
[tool.toolkit]
# What holds for every model; `toolkit init --schema` has all keys, each named as its option is.
# formats = ["onnx", "pt2"]
"""
_EXAMPLE = f"""\
# Each model is a table of its own:
# [tool.toolkit.models.net]
# model = "net.py:Net"
# inputs = {{ x = "{DEFAULT_GUESS}" }}
"""
_FILL_IN = "# To be filled in: what forward takes. A size that is a name is dynamic."


def draft(proposals: Sequence[Proposal]) -> tuple[str, list[str]]:
    """The tables for these models, and the names that they go by in them."""
    entries: dict[str, Proposal] = {}
    for each in proposals:
        entries[_free(each, entries)] = each
    tables = ["\n".join(_entry(name, each)) + "\n" for name, each in entries.items()]
    return "\n".join([_HEAD, *(tables or [_EXAMPLE])]), list(entries)


def _free(proposal: Proposal, taken: dict[str, Proposal]) -> str:
    """Its name, with its file's before it or a number behind it where another has it."""
    plain = proposal.name or "model"
    place = PureWindowsPath(proposal.word.rpartition(":")[0])  # takes slashes of both kinds
    file = place.name.removesuffix(".py").lower()
    named = [plain, *([f"{file}-{plain}"] if file.isidentifier() else [])]
    numbered = (f"{plain}-{number}" for number in range(2, len(taken) + 3))
    return next(name for name in (*named, *numbered) if name not in taken)


def _entry(name: str, proposal: Proposal) -> Iterator[str]:
    yield f"[tool.toolkit.models.{key(name)}]"
    yield f"model = {toml(proposal.word)}"
    for option, value in proposal.said.items():
        yield f"{key(option)} = {toml(value)}"
    if proposal.needs and "arguments" not in proposal.said:
        yield f"# Its constructor asks for: {', '.join(proposal.needs)}"
        yield f"# arguments = {toml(dict.fromkeys(proposal.needs, 0))}"
    if proposal.is_guessed:
        yield _FILL_IN
        yield f"# inputs = {toml(proposal.guess)}"


def appended(text: str, tables: str, place: str) -> str:
    """The file's text with the tables behind it, in its own line ends; all else as it was.

    Raises `SettingsError` where the file has a [tool.toolkit], or cannot have one.
    """
    if parse(text, place) is not None:
        raise SettingsError(
            f"{place} has a [tool.toolkit] already",
            hint="`toolkit check` goes by it; `toolkit init --schema` has all keys",
        )
    end = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not text else end if text.endswith("\n") else end * 2
    whole = text + gap + tables.replace("\n", end)
    try:
        parse(whole, place)
    except SettingsError as error:
        raise SettingsError(
            f"{place} cannot take a [tool.toolkit] at its end: {error.message}",
            hint="is `tool` written in braces there? then write the table by hand",
        ) from error
    return whole

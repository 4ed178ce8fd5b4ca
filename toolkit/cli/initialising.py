"""`init`: a first `[tool.toolkit]` in the pyproject.toml of the working folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from toolkit._version import __version__
from toolkit.cli.model_options import InputOptions
from toolkit.cli.session import command_line, environment, say, write_json
from toolkit.cli.settled import moved
from toolkit.errors import ModelNotFoundError, RefusedError, SettingsError, UsageError
from toolkit.report.terminal import console_for, display
from toolkit.results import Document
from toolkit.settings import (
    FILE_NAME,
    Proposal,
    appended,
    assigned,
    draft,
    of_word,
    project_above,
    propose,
    read,
    schema_text,
)
from toolkit.words import ModelWords, parse_formats, shell_line


def tell_schema() -> int:
    """Print the JSON Schema of the settings."""
    sys.stdout.write(schema_text())
    return 0


def init(
    words: Sequence[str],
    about: InputOptions,
    *,
    formats: Sequence[str] | None,
    weights: str,
    json: bool,
) -> int:
    """Write the settings of these models, or of those that the folder's files hold."""
    said = _said(about, formats, weights)
    if said and len(words) != 1:
        raise UsageError(
            "what is said about inputs, formats and weights is for one model",
            hint="as in `toolkit init net.py:Net --input x=batch,3,224,224`",
        )
    _require_grammar(words, about)
    _require_no_project_above(words, about, formats or (), weights)
    proposals = [replace(of_word(word), said=said) for word in dict.fromkeys(words)]
    proposals = proposals or propose(Path.cwd())
    text, names = draft(proposals)
    path = Path(FILE_NAME).resolve()  # a link stays one
    _write(path, appended(read(path, FILE_NAME) if path.exists() else "", text, FILE_NAME))
    return _tell(names, proposals, json=json)


def _require_grammar(words: Iterable[str], about: InputOptions) -> None:
    for word in words:
        place = word.rpartition(":")[0]
        if place.endswith(".py") and not Path(place).is_file():
            raise ModelNotFoundError(f"there is no file {place}", model=word)
        model = ModelWords(
            word,
            inputs=tuple(about.inputs or ()),
            dims=tuple(about.dims or ()),
            ranges=tuple(about.ranges or ()),
            arguments=tuple(about.arguments or ()),
        )
        model.ports()
        model.constants()
        model.dimensions()


def _require_no_project_above(
    words: Sequence[str], about: InputOptions, formats: Sequence[str], weights: str
) -> None:
    """One project has one file, as for git: a folder below it gets none of its own unasked."""
    above = None if Path(FILE_NAME).exists() else project_above(Path.cwd())
    if above is None:
        return
    place = os.path.relpath(above.path)
    if above.has_settings:
        raise SettingsError(
            f"{place} has a [tool.toolkit] already, and this folder lies below it",
            hint=f"`toolkit check` goes by it here too; an empty {FILE_NAME} makes a project of "
            "this folder",
        )
    folder = shell_line([os.path.relpath(above.path.parent)])
    command = _as_from(above.path.parent, words, about, formats, weights)
    raise SettingsError(
        f"the project's file is {place}, and this folder lies below it",
        hint=f"cd {folder} && {command} writes there; an empty {FILE_NAME} makes a project of "
        "this folder",
    )


def _as_from(
    folder: Path,
    words: Sequence[str],
    about: InputOptions,
    formats: Sequence[str],
    weights: str,
) -> str:
    """The command that says the same in another folder."""
    start = Path.cwd()
    told = {name: value for name, value in asdict(about).items() if value}
    with contextlib.chdir(folder):
        told = moved({**told, "models": list(words), "weights": weights}, start)
    models = told.pop("models")
    file = told.pop("inputs_file", None)
    lists = {name: tuple(value) for name, value in told.items() if isinstance(value, list)}
    options = ModelWords("", **{**told, **lists}).options()
    rest = [*(["--inputs", file] if file else []), *(["-f", ",".join(formats)] if formats else [])]
    return " ".join(
        filter(None, [shell_line(["toolkit", "init", *models]), options, shell_line(rest)])
    )


def _said(about: InputOptions, formats: Sequence[str] | None, weights: str) -> dict[str, object]:
    """What was said about the model, by the keys of the settings."""
    told: dict[str, object] = {
        "inputs": _table(about.inputs),
        "inputs-file": about.inputs_file,
        "dims": _table(about.dims),
        "ranges": _table(about.ranges),
        "arguments": _arguments(about),
        "dynamic": about.dynamic,
        "import": about.imports,
        "ort-library": about.ort_libraries,
        "with-preprocess": about.with_preprocess,
        "formats": list(parse_formats(formats or [])),
        "weights": None if weights == "default" else weights,
    }
    return {key: value for key, value in told.items() if value}


def _table(assignments: Iterable[str] | None) -> dict[str, str]:
    """`NAME=VALUE` words as a table; of `NAME:=VALUE` the value keeps the `:=`."""
    pairs = [text.partition("=") for text in assignments or ()]
    return {
        name.removesuffix(":"): f":={value}" if name.endswith(":") else value
        for name, _, value in pairs
    }


def _arguments(about: InputOptions) -> dict[str, object]:
    """The constructor's arguments: values where TOML has them, else `:=` and the literal."""
    words = ModelWords("", arguments=tuple(about.arguments or ()))
    texts = _table(about.arguments)
    return {
        name: value if isinstance(value, bool | int | float | str) else f":={texts[name]}"
        for name, value in words.constructor_arguments().items()
    }


def _write(path: Path, text: str) -> None:
    """Write beside the file and move it there: whatever ends this, the user's file is whole."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_text(text, encoding="utf-8", newline="")
        if path.exists():
            shutil.copymode(path, partial)
        partial.replace(path)
    except OSError as error:
        raise RefusedError(f"cannot write {FILE_NAME}: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)


def _tell(names: Sequence[str], proposals: Sequence[Proposal], *, json: bool) -> int:
    rows = [_row(name, proposal) for name, proposal in zip(names, proposals, strict=True)]
    document = Document(
        command="init",
        toolkit=__version__,
        environment=environment(None),
        exit_code=0,
        command_line=command_line(),
        rows=rows or None,
    )
    if json:
        write_json(document)
        return 0
    display(document, console_for())
    say(f"[tool.toolkit] stands in {FILE_NAME}: {_next_step(rows)}")
    return 0


def _row(name: str, proposal: Proposal) -> dict[str, Any]:
    """One model; its inputs as the command line takes them."""
    said = proposal.said.get("inputs")
    inputs = said if isinstance(said, dict) else proposal.guess
    return {
        "name": name,
        "model": proposal.word,
        "inputs": [assigned(path, sizes) for path, sizes in inputs.items()],
        "guessed": proposal.is_guessed,
    }


def _next_step(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "no network was found in the Python files here; an example stands in a comment"
    if any(row["guessed"] for row in rows):
        return "what is guessed is a comment there; fill it in, then `toolkit check`"
    return "`toolkit check` checks all that it names"

"""Operators of the user's own: modules named with --import, libraries named with --ort-library.

A module registers operators with `torch.library`. What they are in ONNX it says in a mapping of its
own, `ONNX_TRANSLATIONS`: from an operator, as in `torch.ops.my_ops.clip.default`, to a function
that makes ONNX nodes with onnxscript. A library gives onnxruntime operators that ONNX does not
have. Nothing is imported or loaded that was not named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from toolkit import user_code
from toolkit.errors import (
    BuildError,
    MissingError,
    ModelNotFoundError,
    RefusedError,
    ToolkitError,
    UsageError,
)
from toolkit.hashing import file_sha256
from toolkit.reasons import causes
from toolkit.words import display_name

TRANSLATIONS = "ONNX_TRANSLATIONS"
"""What a module calls its own mapping from operators to functions that make ONNX nodes."""

Translations = Mapping[Callable[..., Any], Callable[..., Any]]

_in_use: dict[Callable[..., Any], Callable[..., Any]] = {}

_UNREGISTERED = re.compile(
    r"'_OpNamespace' '(?P<space>\w+)' object has no attribute '(?P<name>\w+)'"
)
_UNTRANSLATED = re.compile(r"No ONNX function found for <OpOverload\(op='(?P<operator>[\w.]+)'")
_WITHOUT_SYMBOLIC = re.compile(r"(?:unrecognized namespace |the operator ')(?P<operator>\w+::\w+)")
_UNKNOWN_TO_RUNTIME = re.compile(r"(?P<operator>[\w.]+:\w+)\([-\d]+\) is not a registered")
_ADVICE = (
    (
        _UNTRANSLATED,
        f"--import MODULE says what {{}} is in ONNX: the module's {TRANSLATIONS} maps it to a "
        "function",
    ),
    (
        _WITHOUT_SYMBOLIC,
        "--import MODULE says what {} is in ONNX: this exporter wants the module to call "
        "torch.onnx.register_custom_op_symbolic",
    ),
    (_UNKNOWN_TO_RUNTIME, "--ort-library FILE names the library that has {}"),
)


@dataclass(frozen=True)
class Library:
    """A file of operators for onnxruntime, as results and bundles tell of it."""

    name: str
    sha256: str


def use(modules: Sequence[str]) -> None:
    """Import the modules of the model at hand; an earlier model's translations no longer count.

    A module is a dotted name, looked for in the working folder and among the installed, or a
    `file.py`. Raises `UsageError` where there is none, and `BuildError` with what it raised.
    """
    _in_use.clear()
    for word in modules:
        _in_use.update(_translations_of(word))


def translations() -> Translations:
    """For torch.onnx's `custom_translation_table`: what the modules in use say of operators."""
    return dict(_in_use)


def _translations_of(word: str) -> Translations:
    try:
        module = user_code.import_place(word, word)
    except ModelNotFoundError as error:
        raise UsageError(
            f"--import: {error.message}",
            hint="it takes a module of the working folder, an installed one, or a file.py",
        ) from error
    except BuildError as error:
        raise BuildError(f"--import {display_name(word)}: {error.message}") from error
    offered = getattr(module, TRANSLATIONS, {})
    if not isinstance(offered, Mapping):
        raise _no_translation(word, f"is a {type(offered).__name__}")
    return dict(pair for item in offered.items() for pair in _pairs(word, *item))


def _pairs(
    word: str, operator: object, translation: object
) -> Iterator[tuple[Callable[..., Any], Callable[..., Any]]]:
    """An operator without its overload stands for all of its overloads."""
    if isinstance(operator, torch._ops.OpOverloadPacket):
        names: list[str] = operator.overloads()  # type: ignore[no-untyped-call]
        overloads = [getattr(operator, name) for name in names]
    elif isinstance(operator, torch._ops.OpOverload):
        overloads = [operator]
    else:
        raise _no_translation(word, f"has the key {operator!r}")
    if not callable(translation):
        raise _no_translation(word, f"maps {operator} to {translation!r}")
    return iter([(overload, translation) for overload in overloads])


def _no_translation(word: str, what: str) -> UsageError:
    return UsageError(
        f"--import {display_name(word)}: {TRANSLATIONS} {what}",
        hint="it maps operators, as in torch.ops.my_ops.clip.default, to functions",
    )


def described(paths: Sequence[str]) -> list[Library]:
    """The libraries by name and hash; raises `MissingError` for one that is no file."""
    for path in paths:
        if not Path(path).is_file():
            raise MissingError(
                f"--ort-library: there is no file {path}",
                hint="it takes a shared library that registers operators with onnxruntime",
            )
    return [Library(Path(path).name, file_sha256(Path(path))) for path in paths]


def require_same(given: Sequence[Library], recorded: Sequence[Library]) -> None:
    """Raise `RefusedError` for a library that is not the one of its name in a bundle."""
    known = {library.name: library.sha256 for library in recorded}
    for library in given:
        if known.get(library.name, library.sha256) != library.sha256:
            raise RefusedError(
                f"{library.name} is not the library that the bundle was exported with: its "
                "SHA-256 is another",
                hint="check the model by its own word, or export it again",
            )


def require_given(given: Sequence[str], recorded: Sequence[Library]) -> None:
    """Raise `MissingError` for a library that a bundle needs and nobody named."""
    names = {Path(path).name for path in given}
    missing = next((library.name for library in recorded if library.name not in names), None)
    if missing is not None:
        raise MissingError(
            f"the bundle was exported with {missing}, a library of operators for onnxruntime",
            hint=f"--ort-library …/{missing} names it",
        )


def unregistered(error: BaseException) -> ToolkitError | None:
    """The error that says which operator is not registered, where that is what went wrong."""
    for cause in causes(error):
        found = _UNREGISTERED.search(str(cause))
        if found is not None:
            return MissingError(
                f"the operator {found['space']}::{found['name']} is not registered",
                model=getattr(error, "model", None),
                hint="--import MODULE imports the module that registers it, before the model is "
                "built",
            )
    return None


def advice(message: str) -> str | None:
    """How to mend an exporter's or a runtime's message about an operator that it does not know."""
    for pattern, text in _ADVICE:
        found = pattern.search(message)
        if found is not None:
            return text.format(found["operator"])
    return None

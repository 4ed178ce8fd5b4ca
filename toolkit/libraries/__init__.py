"""Models of torchvision, timm and transformers by name: a spec each, from what the library says.

A library is imported when one of its words is used, and at no other time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from types import ModuleType

from toolkit.errors import MissingError, ModelNotFoundError, UsageError
from toolkit.spec import ModelSpec, Port
from toolkit.words import CONFIGURATION, ModelWords, nearest_words

_MODULES = {"torchvision": "torchvision", "timm": "timm", "hf": "transformers"}
"""The module of this package, and what it needs, by the word of a library."""
_WILD = "*?["


def is_library_word(word: str) -> bool:
    """Whether the word is `torchvision:NAME`, `timm:NAME`, `hf:NAME` or a transformers folder."""
    return word.partition(":")[0] in _MODULES or _is_folder(word)


def find(words: ModelWords, inputs: tuple[Port, ...] = ()) -> ModelSpec:
    """The spec of a library's model; `inputs` are those of a bundle made of it.

    Raises `ModelNotFoundError` with the nearest names, `InputsError`, and `MissingError` without
    the library.
    """
    if _is_folder(words.word):
        folder: ModelSpec = _module("hf", words.word).of_folder(Path(words.word), words, inputs)
        return folder
    library, colon, name = words.word.partition(":")
    if not colon or not name:
        raise ModelNotFoundError(
            "the word names no model", model=words.word, hint=f"as in {_EXAMPLES[library]}"
        )
    if any(sign in name for sign in _WILD):
        raise ModelNotFoundError(
            "it names several models: one word means one here", model=words.word
        )
    spec: ModelSpec = _module(library, words.word).find(name, words, inputs)
    return spec


_EXAMPLES = {"torchvision": "torchvision:resnet50", "timm": "timm:vit_tiny", "hf": "hf:gpt2"}


def expand(words: ModelWords) -> Iterator[ModelWords]:
    """A word for each model that a pattern means (`timm:test_*`); any other word as it is.

    Of torchvision a pattern means classifiers of images. A size of images that a model cannot take
    is replaced by the least above it that it can. Raises `ModelNotFoundError` where nothing fits.
    """
    library, _, pattern = words.word.partition(":")
    if library not in _MODULES or not any(sign in pattern for sign in _WILD):
        yield words
        return
    if library == "hf":
        raise UsageError("models of the hub are named one by one", model=words.word)
    module = _module(library, words.word)
    known: list[str] = module.names()
    found = [name for name in known if fnmatchcase(name, pattern)]
    if not found:
        near = nearest_words(pattern.strip("*"), known)
        raise ModelNotFoundError(
            f"no model of {library} fits this pattern",
            model=words.word,
            hint=f"did you mean {', '.join(near)}?" if near else None,
        )
    for name in found:
        yield replace(words.named(f"{library}:{name}"), inputs=module.fitted(name, words.inputs))


def _is_folder(word: str) -> bool:
    """A folder with transformers' configuration; a timm model saved for the hub has one too."""
    return (Path(word) / CONFIGURATION).is_file()


def _module(library: str, word: str) -> ModuleType:
    """This package's module for a library; raises `MissingError` where that is not installed."""
    needed = _MODULES[library]
    try:
        import_module(needed)
    except ImportError as error:
        raise MissingError(
            f"{needed} is not installed" if error.name == needed else f"{needed}: {error}",
            model=word,
            hint=f"pip install 'torch-export-toolkit[{needed}]'",
        ) from error
    return import_module(f"{__name__}.{needed}")

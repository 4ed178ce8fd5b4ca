"""Which of the words about models apply to either model of a comparison.

`--input` is for what does not say its own inputs, and for the reference first: a candidate then
takes the reference's. `--arg` and `--weights` are for what is built from code, `--import` for what
runs code; sizes, ranges, arrays and preparation are the reference's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from toolkit import libraries, operators, registry, user_code
from toolkit.bundle import is_bundle
from toolkit.errors import ToolkitError
from toolkit.spec import ModelSpec
from toolkit.stages.files import file_of
from toolkit.words import ModelWords

BUNDLE, ENTRY, LIBRARY, CODE, MODULE = "bundle", "entry", "library", "code", "module"
_TAKEN: dict[str, frozenset[str]] = {
    BUNDLE: frozenset(),
    ".onnx": frozenset(),
    ".pt2": frozenset({"imports"}),
    ".pt": frozenset({"inputs", "imports"}),
    ENTRY: frozenset({"weights", "training", "imports"}),
    LIBRARY: frozenset({"inputs", "arguments", "weights", "imports"}),
    CODE: frozenset({"inputs", "arguments", "weights", "imports"}),
    MODULE: frozenset({"inputs", "weights", "imports"}),
}
"""What a model of each kind takes of what may be said about it."""
_OF_EITHER = frozenset[str]().union(*_TAKEN.values())
_OF_THE_REFERENCE = ("dims", "ranges", "inputs_file", "dynamic", "with_preprocess", "entry")
_SILENT = ModelWords("")


def applied(
    words: ModelWords, reference: str, candidate: str, word: str
) -> tuple[ModelWords, ModelWords]:
    """The words about the reference and about the candidate, by their kinds, as far as they apply.

    `words` name the reference, `word` is the candidate's. What neither takes stays with the
    reference, whose preparation refuses it.
    """
    mine, theirs = _TAKEN[reference], _TAKEN[candidate]
    other = _without(replace(words, word=word), _OF_THE_REFERENCE)
    left = theirs - (mine & {"inputs"})
    return _without(words, theirs - mine), _without(other, _OF_EITHER - left)


def _without(words: ModelWords, names: Iterable[str]) -> ModelWords:
    return replace(words, **{name: getattr(_SILENT, name) for name in names})


def kind_of(words: ModelWords) -> str:
    """What a word means; a user's code is imported for it.

    Raises `ModelNotFoundError` for a word that means nothing, and what a user's code raises.
    """
    try:
        return _kind_of(words)
    except ToolkitError as error:
        error.model = words.shown
        raise


def _kind_of(words: ModelWords) -> str:
    if words.word in registry.catalogue():
        return ENTRY
    if is_bundle(Path(words.word)):
        return BUNDLE
    path = file_of(words)
    if path is not None:
        return path.suffix
    if libraries.is_library_word(words.word):
        return LIBRARY
    if not user_code.is_code_word(words.word):
        registry.find(words)  # raises, with the nearest names
    operators.use(words.imports)
    found = user_code.find_object(words.word, words.seed)
    return ENTRY if isinstance(found, ModelSpec) else CODE

"""Model words to specs: the catalogue by name, and the user's own code.

The catalogue is found with importlib and never imported by name, so that a user's own package
called `models` is no trouble.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO
from zipfile import BadZipFile, is_zipfile

import numpy as np
from numpy.lib.format import MAGIC_PREFIX
from torch import nn

from toolkit import libraries, user_code
from toolkit.errors import InputsError, ModelNotFoundError
from toolkit.inputs import Array
from toolkit.spec import DTYPES, PART_FAMILIES, ModelSpec, Port
from toolkit.words import ModelWords, display_name, nearest_words

CATALOGUE = "toolkit.models"
FILE_FORMATS: Mapping[str, str] = {".onnx": "onnx", ".pt2": "pt2", ".pt": "script"}
"""Files that are model words, and the format that they are trusted as."""


@functools.cache
def catalogue() -> Mapping[str, ModelSpec]:
    """Every entry by name: networks, then layers, then losses; else as the files have them."""
    package = importlib.import_module(CATALOGUE)
    found: dict[str, ModelSpec] = {}
    for module in pkgutil.iter_modules(package.__path__):
        specs = getattr(importlib.import_module(f"{CATALOGUE}.{module.name}"), "SPECS", ())
        for spec in specs:
            if spec.name in found:
                raise ModelNotFoundError("two entries go by this name", model=spec.name)
            found[spec.name] = spec
    ordered = sorted(found.values(), key=lambda spec: _KINDS.index(_kind(spec)))
    return MappingProxyType({spec.name: spec for spec in ordered})


_KINDS = ("network", *PART_FAMILIES)


def _kind(spec: ModelSpec) -> str:
    return spec.family if spec.family in PART_FAMILIES else "network"


def find(words: ModelWords) -> ModelSpec:
    """The spec that a word means; raises `ModelNotFoundError` with the nearest names."""
    known = catalogue()
    if words.word in known:
        return require_own_inputs(known[words.word], words)
    if libraries.is_library_word(words.word):
        return libraries.find(words)
    if user_code.is_code_word(words.word):
        return _from_code(words)
    raise _unknown(words.word, known)


def builder(words: ModelWords, inputs: tuple[Port, ...] = ()) -> Callable[[], nn.Module]:
    """What builds the module of a word whose inputs are known already (a bundle's)."""
    known = catalogue()
    if words.word in known:
        return known[words.word].build
    if libraries.is_library_word(words.word):
        return libraries.find(words, inputs).build
    if not user_code.is_code_word(words.word):
        raise _unknown(words.word, known)
    found = user_code.find_object(words.word, words.seed)
    built = user_code.builder(words.word, found, words.constructor_arguments())
    return built.build if isinstance(built, ModelSpec) else built


def _unknown(word: str, known: Mapping[str, ModelSpec]) -> ModelNotFoundError:
    path = Path(word)
    if path.suffix == ".py":
        hint = f"name the class or function in it, as in {word}:Net"
    elif path.suffix in FILE_FORMATS:
        hint = f"there is no file {path}"
    elif path.is_dir():
        hint = "the folder is no bundle: it has no manifest.json"
    else:
        near = nearest_words(word, list(known))
        listed = "`toolkit list` shows the catalogue; file.py:name takes a model of your own"
        hint = f"did you mean {', '.join(near)}?" if near else listed
    return ModelNotFoundError("no model goes by this name", model=word, hint=hint)


def require_own_inputs(spec: ModelSpec, words: ModelWords) -> ModelSpec:
    """The spec; raises `InputsError` where words about inputs would be passed over."""
    if words.inputs or words.dims or words.ranges or words.arguments:
        names = ", ".join(port.name for port in spec.inputs)
        raise InputsError(
            f"it has inputs of its own ({names}); --input, --dim, --range and --arg are for "
            "models that have none",
            model=words.word,
        )
    return spec


def _from_code(words: ModelWords) -> ModelSpec:
    found = user_code.find_object(words.word, words.seed)
    built = user_code.builder(words.word, found, words.constructor_arguments())
    if isinstance(built, ModelSpec):
        return require_own_inputs(built, words)
    ports = said_ports(words)
    if not ports:
        raise user_code.missing_inputs(words.word, built)
    return ModelSpec(
        display_name(words.word),
        built,
        ports,
        dimensions=words.dimensions(),
        constants=words.constants(),
    )


def said_ports(words: ModelWords) -> tuple[Port, ...]:
    """The inputs by `--input`, else as the arrays of `--inputs` are; none where neither is said."""
    return words.ports() or _ports_of_file(words)


def _ports_of_file(words: ModelWords) -> tuple[Port, ...]:
    """Ports of the arrays of `--inputs`, every size as it stands in the file."""
    if words.inputs_file is None:
        return ()
    arrays = read_arrays(Path(words.inputs_file))
    unknown = [name for name, array in arrays.items() if str(array.dtype) not in DTYPES]
    if unknown:
        raise InputsError(f"--inputs: {unknown[0]} has dtype {arrays[unknown[0]].dtype}")
    ranges = dict(words.parsed_ranges())
    return tuple(
        Port(name, array.shape, str(array.dtype), *ranges.get(name, (None, None)))
        for name, array in arrays.items()
    )


def read_arrays(path: Path) -> dict[str, Array]:
    """The arrays of an `.npz` file, never unpickled."""
    try:
        with path.open("rb") as stream:
            return _arrays_in(stream)
    except (OSError, ValueError, EOFError, KeyError, BadZipFile, zlib.error) as error:
        raise InputsError(
            f"cannot read {path}: {error}", hint="--inputs takes an .npz file of plain arrays"
        ) from error


def _arrays_in(stream: BinaryIO) -> dict[str, Array]:
    if stream.read(len(MAGIC_PREFIX)) == MAGIC_PREFIX:
        raise ValueError("it holds a single array without a name")
    if not is_zipfile(stream):
        raise ValueError("it is no archive of arrays")
    stream.seek(0)
    archive = np.load(stream, allow_pickle=False)
    return {name: _plain(name, archive) for name in archive.files}


def _plain(name: str, archive: Mapping[str, Array]) -> Array:
    try:
        array: object = archive[name]
    except ValueError as error:
        of_objects = str(error).startswith("Object arrays")
        told = "holds Python objects, not numbers" if of_objects else f"cannot be read: {error}"
        raise ValueError(f"{name} {told}") from error
    if not isinstance(array, np.ndarray):  # any other file in the archive comes out as its bytes
        raise ValueError(f"{name} is no array")
    return array

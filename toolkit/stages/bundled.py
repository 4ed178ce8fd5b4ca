"""Bundles as models: the module that one came from, found again and given the bundle's weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from torch import nn

from toolkit import libraries, operators, registry, weights
from toolkit.bundle import WEIGHTS_NAME, Bundle, code_key, is_bundle, is_ours
from toolkit.bundle import read as read_bundle
from toolkit.bundle.manifest import LIBRARY_WORDS
from toolkit.errors import BundleError, InputsError, RefusedError, UsageError
from toolkit.hashing import state_dict_sha256
from toolkit.images import sample_shape
from toolkit.operators import Library
from toolkit.preprocessing import prepared
from toolkit.registry import FILE_FORMATS
from toolkit.runtimes import RUNTIME_OF
from toolkit.spec import ModelSpec
from toolkit.stages.files import file_of, spec_of_file
from toolkit.weights import Built, Origin, WeightsRecord
from toolkit.words import ModelWords


def bundle_of(words: ModelWords) -> Bundle | None:
    """The bundle that a word means; None where it is no bundle's folder, or a catalogue name."""
    folder = Path(words.word)
    if words.word in registry.catalogue() or not is_bundle(folder):
        return None
    return read_bundle(folder)


def source_of(found: Bundle, words: ModelWords, trust: bool) -> ModelWords:
    """The word that a bundle's model is found by; the modules that it needs are imported.

    Raises where words about a model would be passed over, where the manifest does not say how the
    module is built, or where code is named that this user's toolkit did not write down, unless with
    `trust`.
    """
    _require_plain(words)
    _require_arguments(found)
    _require_known_code(found, trust)
    operators.require_same(operators.described(words.ort_libraries), recorded_libraries(found))
    operators.use(found.manifest.imports)
    return ModelWords(found.manifest.word, arguments=tuple(found.manifest.arguments))


def libraries_for(found: Bundle, format_name: str, given: Sequence[str]) -> tuple[str, ...]:
    """The files of operators that a form is loaded with.

    Raises `MissingError` for one that the bundle was exported with and that is not `given`,
    `RefusedError` for another one of its name.
    """
    if RUNTIME_OF[format_name] != "onnxruntime":
        return ()
    recorded = recorded_libraries(found)
    operators.require_given(given, recorded)
    operators.require_same(operators.described(given), recorded)
    return tuple(given)


def _require_plain(words: ModelWords) -> None:
    """A bundle has its inputs, weights and arguments; words about them would be passed over."""
    if words.with_preprocess:
        raise UsageError(
            "what a bundle's graphs hold was decided when it was exported",
            hint="`toolkit export MODEL --with-preprocess` writes one that takes raw images",
        )
    if words.imports:
        raise UsageError("a bundle names the modules that it needs: --import is for models")
    said = words.inputs or words.dims or words.ranges or words.arguments or words.dynamic
    if said or words.weights != weights.DEFAULT or words.training.said:
        raise InputsError(
            "a bundle has inputs and weights of its own: --input, --dim, --range, --dynamic, "
            "--arg, --weights and what is said about training are for models"
        )


def _require_arguments(found: Bundle) -> None:
    """Without its arguments a constructor builds another model, and a right export looks wrong."""
    if found.manifest.arguments_left_out:
        raise RefusedError(
            "the model was built with arguments that name a path, and a bundle holds no paths: it "
            "cannot be built again from the bundle",
            hint=f"check the model by its own word: toolkit check {found.manifest.word} --arg …",
        )


def _require_known_code(found: Bundle, trust: bool) -> None:
    """Anyone can write a manifest: code that it names runs only when we wrote it down."""
    held = found.manifest
    known = held.word in registry.catalogue() or held.word.startswith(LIBRARY_WORDS)
    if trust or (known and not held.arguments and not held.imports):
        return
    if not is_ours(code_key(held.word, held.arguments, held.weights.sha256, held.imports)):
        code = ", ".join([held.word, *held.imports])
        raise RefusedError(
            f"the bundle names code to run ({code}), and this user's toolkit did not write it, or "
            "not from the code of that name in this folder",
            hint="check it from the folder that it was exported from, check the model by its own "
            "word, or pass --trust if you know the bundle and the code",
        )


def recorded_libraries(found: Bundle) -> list[Library]:
    """The libraries of operators that a bundle was exported with."""
    return [Library(one.name, one.sha256) for one in found.manifest.ort_libraries]


def built_from(found: Bundle, source: ModelWords, *, trust: bool = False) -> Built:
    """The model that a bundle came from, its code found by `source`, with the bundle's weights.

    Weights that are not those of the manifest are refused, and a program that this user's toolkit
    did not write, unless with `trust`.
    """
    origin = found.manifest.weights
    limits = {
        entry.format: entry.message for entry in found.manifest.refused if entry.status == "limit"
    }
    spec = replace(found.spec, build=_builder(found.spec, source, trust), limits=limits)
    path = found.folder / WEIGHTS_NAME
    module = weights.construct(spec, origin.seed or 0)
    weights.load_state(module, path)
    if state_dict_sha256(module.state_dict()) != origin.sha256:
        raise BundleError(f"{WEIGHTS_NAME} does not hold the weights that the manifest names")
    record = WeightsRecord(
        cast(Origin, origin.origin),
        origin.sha256,
        origin.seed,
        origin.data,
        origin.note,
        origin.substituted,
    )
    return Built(spec, module, record)


def _builder(held: ModelSpec, source: ModelWords, trust: bool) -> Callable[[], nn.Module]:
    """What builds the module of a bundle: prepared as it was when the bundle was written."""
    path = file_of(source)
    if path is not None:
        return spec_of_file(_with_inputs(source, path, held), path, trust=trust).build
    if not held.preprocess_in_graph:
        return registry.builder(source, held.inputs)
    return prepared(replace(_of_prepared_size(held, source), preprocess=held.preprocess)).build


def _with_inputs(source: ModelWords, path: Path, held: ModelSpec) -> ModelWords:
    """The words of a file with the manifest's inputs, where the file does not say its own."""
    if FILE_FORMATS[path.suffix] != "script":
        return source
    said = (f"{port.dotted}={','.join(map(str, port.shape))}:{port.dtype}" for port in held.inputs)
    return replace(source, inputs=tuple(said))


def _of_prepared_size(held: ModelSpec, source: ModelWords) -> ModelSpec:
    """The model behind a preparation; one of a library for the samples that the preparation makes.

    The manifest's inputs are raw images, and libraries build networks for a size.
    """
    spec = registry.find(source)
    if held.preprocess is None or not libraries.is_library_word(source.word):
        return spec
    port, *_ = spec.inputs
    sample = replace(port, shape=(port.shape[0], *sample_shape(held.preprocess)))
    return libraries.find(source, (sample,))

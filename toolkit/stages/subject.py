"""One model on its way through the pipeline: the spec, the built module, and its reference."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from torch import nn

from toolkit import probing, registry, user_code, weights
from toolkit.bundle import WEIGHTS_NAME, Bundle, is_bundle
from toolkit.bundle import read as read_bundle
from toolkit.errors import BundleError, InputsError, ToolkitError
from toolkit.events import Observe, Progress, ignore
from toolkit.hashing import state_dict_sha256
from toolkit.inputs import Array
from toolkit.parity.plan import plan
from toolkit.parity.reference import Reference, refer
from toolkit.spec import ModelSpec
from toolkit.weights import Built, Origin, WeightsRecord
from toolkit.words import ModelWords, display_name


@dataclass(frozen=True)
class Subject:
    """A model ready for every stage; `given` are the user's own input arrays."""

    words: ModelWords
    built: Built
    given: tuple[Mapping[str, Array], ...] = ()

    @property
    def spec(self) -> ModelSpec:
        """The completed spec."""
        return self.built.spec

    @property
    def shown(self) -> str:
        """The model's word as results and files may carry it."""
        return display_name(self.words.word)


def prepare(words: ModelWords, observe: Observe = ignore, bundle: Path | None = None) -> Subject:
    """Find, build and complete the model; errors name it as it was typed.

    With a `bundle` that was made of it, its weights are those of the bundle.
    """
    try:
        if bundle is not None:
            return _from_bundle(words, read_bundle(bundle), words)
        return _prepare(words, observe)
    except ToolkitError as error:
        error.model = display_name(words.word)
        raise


def _prepare(words: ModelWords, observe: Observe) -> Subject:
    observe(Progress(words.word, "build"))
    found = bundle_of(words)
    if found is not None:
        source = ModelWords(found.manifest.word, arguments=tuple(found.manifest.arguments))
        return _from_bundle(words, found, source)
    spec = registry.find(words)
    built = weights.materialize(spec, seed=words.seed, choice=words.weights, observe=observe)
    return complete(words, built)


def bundle_of(words: ModelWords) -> Bundle | None:
    """The bundle that a word means; None where it is no bundle's folder."""
    folder = Path(words.word)
    return read_bundle(folder) if is_bundle(folder) else None


def _from_bundle(words: ModelWords, found: Bundle, source: ModelWords) -> Subject:
    """The model that a bundle came from, its code found by `source`, with the bundle's weights.

    Weights that are not those of the manifest are refused.
    """
    origin = found.manifest.weights
    limits = {
        entry.format: entry.message for entry in found.manifest.refused if entry.status == "limit"
    }
    spec = replace(found.spec, build=registry.builder(source), limits=limits)
    path = found.folder / WEIGHTS_NAME
    module = weights.construct(spec, origin.seed or 0)
    weights.load_state(module, path)
    if state_dict_sha256(module.state_dict()) != origin.sha256:
        raise BundleError(f"{WEIGHTS_NAME} does not hold the weights that the manifest names")
    record = WeightsRecord(cast(Origin, origin.origin), origin.sha256, origin.seed, origin.data)
    return complete(words, Built(spec, module, record))


def train_plan(words: ModelWords) -> ModelSpec | None:
    """The spec of a model that is to be trained; None for one with other weights or no plan."""
    if is_bundle(Path(words.word)):
        return None
    spec = registry.find(words)
    return spec if spec.training is not None and words.weights == weights.DEFAULT else None


def complete(words: ModelWords, built: Built) -> Subject:
    """The subject of a built module: outputs read off its first run, given inputs checked."""
    spec = probing.complete(built.spec, built.module)
    return Subject(words, replace(built, spec=spec), _given(words, spec))


def of_module(module: nn.Module, words: ModelWords, spec: ModelSpec | None = None) -> Subject:
    """The subject of a module at hand (the Python API): copied, in eval mode.

    Its weights are its own, unless `words` name others; a training plan of `spec` is left alone.
    """
    own = copy.deepcopy(module)
    ports = words.ports()
    if spec is None and not ports:
        raise user_code.missing_inputs(words.word, lambda: own)
    found = spec or ModelSpec(words.word, lambda: own, ports, dimensions=words.dimensions())
    found = replace(found, build=lambda: own, training=None, document=None)
    built = weights.materialize(found, seed=words.seed, choice=words.weights)
    return complete(words, built)


def of_spec(spec: ModelSpec, words: ModelWords, observe: Observe = ignore) -> Subject:
    """The subject of a spec at hand (the Python API): trained by its plan, as by its name."""
    built = weights.materialize(spec, seed=words.seed, choice=words.weights, observe=observe)
    return complete(words, built)


def _given(words: ModelWords, spec: ModelSpec) -> tuple[Mapping[str, Array], ...]:
    if words.inputs_file is None:
        return ()
    arrays = registry.read_arrays(Path(words.inputs_file))
    for place, port in enumerate(spec.inputs):
        if port.name not in arrays and f"arg{place}" in arrays:
            arrays[port.name] = arrays[f"arg{place}"]
        if port.name not in arrays:
            raise InputsError(
                f"{words.inputs_file} has no array {port.name}",
                hint=f"it has: {', '.join(arrays) or 'none'}",
            )
        _check_array(words.inputs_file, spec, port.name, arrays[port.name])
    return ({port.name: arrays[port.name] for port in spec.inputs},)


def _check_array(place: str, spec: ModelSpec, name: str, array: Array) -> None:
    port = next(port for port in spec.inputs if port.name == name)
    fits = len(port.shape) == array.ndim and all(
        isinstance(size, str) or size == extent
        for size, extent in zip(port.shape, array.shape, strict=False)
    )
    if not fits:
        raise InputsError(f"{place}: {name} has shape {array.shape}, the model takes {port.shape}")


def reference(subject: Subject, device: str = "cpu", observe: Observe = ignore) -> Reference:
    """Eager and the oracle over the case plan, with the module on `device`."""
    module = subject.built.module
    if device != "cpu":
        module = copy.deepcopy(module).to(device)
    cases = plan(subject.spec, seed=subject.words.seed, given=subject.given)
    return refer(module, subject.spec, cases, device=device, observe=observe)

"""One model on its way through the pipeline: the spec, the built module, and its reference."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
from torch import nn

from toolkit import probing, registry, user_code, weights
from toolkit.bundle import WEIGHTS_NAME, Bundle, code_key, is_bundle, is_ours
from toolkit.bundle import read as read_bundle
from toolkit.errors import BundleError, InputsError, RefusedError, ToolkitError, UsageError
from toolkit.events import Observe, Progress, ignore
from toolkit.hashing import state_dict_sha256
from toolkit.inputs import Array
from toolkit.options import BUDGET_S
from toolkit.parity.budget import Budget
from toolkit.parity.plan import plan
from toolkit.parity.reference import Reference, refer
from toolkit.spec import ModelSpec, Port
from toolkit.weights import Built, Origin, WeightsRecord
from toolkit.words import ModelWords, display_name


@dataclass(frozen=True)
class Subject:
    """A model ready for every stage; `given` are the user's own input arrays.

    `bundle` is the one that the word means; None for a model.
    """

    words: ModelWords
    built: Built
    given: tuple[Mapping[str, Array], ...] = ()
    bundle: Bundle | None = None

    @property
    def spec(self) -> ModelSpec:
        """The completed spec."""
        return self.built.spec

    @property
    def shown(self) -> str:
        """The model's word as results and files may carry it."""
        return display_name(self.words.word)


def prepare(
    words: ModelWords,
    observe: Observe = ignore,
    bundle: Path | None = None,
    *,
    trust: bool = False,
    fallback: bool = False,
) -> Subject:
    """Find, build and complete the model; errors name it as it was typed.

    With a `bundle` that was just made of it, its weights are those of the bundle. `trust` runs
    code that a bundle names and that this user's toolkit did not write down. `fallback` takes
    random weights, and says so, where published ones cannot be had.
    """
    try:
        observe(Progress(words.word, "build"))
        if bundle is not None:
            return _from_bundle(words, read_bundle(bundle), words)
        found = bundle_of(words)
        if found is None:
            return _from_word(words, observe, fallback)
        _require_plain(words)
        _require_known_code(found, trust)
        source = ModelWords(found.manifest.word, arguments=tuple(found.manifest.arguments))
        return replace(_from_bundle(words, found, source), bundle=found)
    except ToolkitError as error:
        error.model = display_name(words.word)
        raise


def _from_word(words: ModelWords, observe: Observe, fallback: bool) -> Subject:
    spec = registry.find(words)
    if words.training.said and not (spec.training or spec.recipe or spec.part_of):
        raise UsageError(
            f"it is not trained: {' '.join(words.training.options())} would be passed over",
            hint="`toolkit list --json` says what each entry trains on",
        )
    return complete(words, _materialized(spec, words, observe, fallback))


def _materialized(spec: ModelSpec, words: ModelWords, observe: Observe, fallback: bool) -> Built:
    return weights.materialize(
        spec,
        seed=words.seed,
        choice=words.weights,
        training=words.training,
        fallback=fallback,
        observe=observe,
    )


def bundle_of(words: ModelWords) -> Bundle | None:
    """The bundle that a word means; None where it is no bundle's folder, or a catalogue name."""
    folder = Path(words.word)
    if words.word in registry.catalogue() or not is_bundle(folder):
        return None
    return read_bundle(folder)


def _require_plain(words: ModelWords) -> None:
    """A bundle has its inputs, weights and arguments; words about them would be passed over."""
    said = words.inputs or words.dims or words.ranges or words.arguments
    if said or words.weights != weights.DEFAULT or words.training.said:
        raise InputsError(
            "a bundle has inputs and weights of its own: --input, --dim, --range, --arg, "
            "--weights and what is said about training are for models"
        )


def _require_known_code(found: Bundle, trust: bool) -> None:
    """Anyone can write a manifest: code that it names runs only when we wrote it down."""
    held = found.manifest
    if trust or (held.word in registry.catalogue() and not held.arguments):
        return
    if not is_ours(code_key(held.word, held.arguments, held.weights.sha256)):
        raise RefusedError(
            f"the bundle names code to run ({held.word}), and this user's toolkit did not write it",
            hint="check the model by its own word, or pass --trust if you know the bundle",
        )


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
    record = WeightsRecord(
        cast(Origin, origin.origin),
        origin.sha256,
        origin.seed,
        origin.data,
        origin.note,
        origin.substituted,
    )
    return complete(words, Built(spec, module, record))


def train_plan(words: ModelWords, *, required: bool = False) -> ModelSpec | None:
    """The spec of a model that is to be trained; None for one with other weights or no plan.

    Unless training is `required`, its data must be at hand or asked for.
    """
    if bundle_of(words) is not None:
        return None
    spec = registry.find(words)
    if required:  # a part's training is refused with the name of the whole
        plan = weights.plan_of(spec, words.training)
        return None if plan is None and spec.part_of is None else spec
    wanted = words.weights == weights.DEFAULT and weights.trains(spec, words.training)
    return spec if wanted else None


def complete(words: ModelWords, built: Built) -> Subject:
    """The subject of a built module: outputs read off its first run, given inputs checked."""
    # On a copy: a module may change its buffers when it runs, and these are the weights.
    spec = probing.complete(built.spec, copy.deepcopy(built.module))
    return Subject(words, replace(built, spec=spec), _given(words, spec))


def of_module(module: nn.Module, words: ModelWords) -> Subject:
    """The subject of a module at hand (the Python API): copied, in eval mode.

    Its weights are its own, unless `words` name others.
    """
    own = copy.deepcopy(module)
    ports = words.ports()
    if not ports:
        raise user_code.missing_inputs(words.word, lambda: own)
    spec = ModelSpec(words.word, lambda: own, ports, dimensions=words.dimensions())
    built = weights.materialize(spec, seed=words.seed, choice=words.weights)
    return complete(words, built)


def of_spec(
    spec: ModelSpec, words: ModelWords, observe: Observe = ignore, *, fallback: bool = False
) -> Subject:
    """The subject of a spec at hand (the Python API): with its weights as by its name."""
    return complete(words, _materialized(spec, words, observe, fallback))


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
        arrays[port.name] = _fitted(words.inputs_file, port, arrays[port.name])
    return ({port.name: arrays[port.name] for port in spec.inputs},)


def _fitted(place: str, port: Port, array: Array) -> Array:
    """The array in the port's dtype: cast once, so that every runtime is given the same."""
    fits = len(port.shape) == array.ndim and all(
        isinstance(size, str) or size == extent
        for size, extent in zip(port.shape, array.shape, strict=False)
    )
    if not fits:
        raise InputsError(
            f"{place}: {port.name} has shape {array.shape}, the model takes {port.shape}"
        )
    dtype = "float32" if port.dtype == "bfloat16" else port.dtype
    if not np.can_cast(array.dtype, dtype, "same_kind"):
        raise InputsError(f"{place}: {port.name} is {array.dtype}, the model takes {port.dtype}")
    return array.astype(dtype)


def reference(
    subject: Subject,
    device: str = "cpu",
    observe: Observe = ignore,
    *,
    budget_s: float | None = BUDGET_S,
) -> Reference:
    """Eager and the oracle over the case plan, as far as the time goes, with `device`'s module."""
    module = copy.deepcopy(subject.built.module).to(device)
    cases = plan(subject.spec, seed=subject.words.seed, given=subject.given)
    budget = Budget(budget_s)
    return refer(module, subject.spec, cases, device=device, budget=budget, observe=observe)

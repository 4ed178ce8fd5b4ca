"""One model on its way through the pipeline: the spec, the built module, and its reference."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from toolkit import operators, probing, registry, user_code, weights
from toolkit.bundle import Bundle
from toolkit.bundle import read as read_bundle
from toolkit.errors import ToolkitError, UsageError
from toolkit.events import Observe, Progress, ignore
from toolkit.hashing import state_dict_sha256
from toolkit.inputs import Array
from toolkit.options import BUDGET_S
from toolkit.parity.budget import Budget
from toolkit.parity.findings import Finding
from toolkit.parity.reference import Reference
from toolkit.parity.referring import refer
from toolkit.preprocessing import behind_preparation, prepared
from toolkit.runtimes import RUNTIME_OF
from toolkit.spec import ModelSpec
from toolkit.stages import bundled
from toolkit.stages.bundled import built_from, bundle_of
from toolkit.stages.case_plan import cases_of
from toolkit.stages.files import ONNX, file_of, spec_of_file
from toolkit.stages.real_inputs import real_inputs
from toolkit.stages.sizes import tried
from toolkit.weights import Built
from toolkit.words import ModelWords


@dataclass(frozen=True)
class Subject:
    """A model ready for every stage; `given` are the user's own input arrays.

    `bundle` is the one that the word means, `file` an ONNX file that it means; None for a model.
    """

    words: ModelWords
    built: Built
    given: tuple[Mapping[str, Array], ...] = ()
    bundle: Bundle | None = None
    file: Path | None = None
    findings: tuple[Finding, ...] = ()
    """What was found of the sizes of its inputs, where they were tried."""

    @property
    def is_exported(self) -> bool:
        """Whether its forms are those that are there already: none is exported from it."""
        return self.bundle is not None or self.file is not None

    @property
    def spec(self) -> ModelSpec:
        """The completed spec."""
        return self.built.spec

    def libraries_for(self, format_name: str) -> tuple[str, ...]:
        """The files of operators that a form is loaded with.

        Raises `MissingError` where a bundle was exported with one that is not named.
        """
        given = self.words.ort_libraries
        if self.bundle is not None:
            return bundled.libraries_for(self.bundle, format_name, given)
        return given if RUNTIME_OF[format_name] == "onnxruntime" else ()

    @property
    def shown(self) -> str:
        """The model's word as results and files may carry it."""
        return self.words.shown


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
        operators.described(words.ort_libraries)  # refused before any work
        operators.use(words.imports)
        if bundle is not None:
            return complete(words, built_from(read_bundle(bundle), words, trust=trust))
        found = bundle_of(words)
        path = file_of(words)
        if found is None and path is not None:
            return _from_file(words, path, trust)
        if found is None:
            return _from_word(words, observe, fallback)
        built = built_from(found, bundled.source_of(found, words, trust), trust=trust)
        return replace(complete(words, built), bundle=found)
    except ToolkitError as error:
        error.model = words.shown
        unregistered = operators.unregistered(error)
        if unregistered is not None:
            raise unregistered from error
        raise


def _from_file(words: ModelWords, path: Path, trust: bool) -> Subject:
    if words.with_preprocess:
        raise UsageError("what a file computes was decided when it was exported")
    built = _materialized(spec_of_file(words, path, trust=trust), words, ignore, False)
    record = replace(built.weights, origin="file", seed=None)
    subject = _with_sizes(complete(words, replace(built, weights=record)))
    return replace(subject, file=path) if path.suffix == ONNX else subject


def _from_word(words: ModelWords, observe: Observe, fallback: bool) -> Subject:
    spec = registry.find(words)
    if words.training.said and not (spec.training or spec.recipe or spec.part_of):
        raise UsageError(
            f"it is not trained: {' '.join(words.training.options())} would be passed over",
            hint="`toolkit list --json` says what each entry trains on",
        )
    if words.with_preprocess:
        prepared(spec)  # refused before any training
    return _with_sizes(complete(words, _materialized(spec, words, observe, fallback)), observe)


def _materialized(spec: ModelSpec, words: ModelWords, observe: Observe, fallback: bool) -> Built:
    return weights.materialize(
        spec,
        seed=words.seed,
        choice=words.weights,
        training=words.training,
        fallback=fallback,
        observe=observe,
    )


def train_plan(words: ModelWords, *, required: bool = False) -> ModelSpec | None:
    """The spec of a model that is to be trained; None for one with other weights or no plan.

    Unless training is `required`, its data must be at hand or asked for.
    """
    if bundle_of(words) is not None or file_of(words) is not None:
        return None
    operators.use(words.imports)
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
    ready = replace(built, spec=spec)
    if words.with_preprocess and not spec.preprocess_in_graph:
        ready = _behind_preparation(ready)
    return Subject(words, ready, real_inputs(words, ready.spec))


def _with_sizes(subject: Subject, observe: Observe = ignore) -> Subject:
    """The subject with each size dynamic that can be, where `--dynamic auto` asked for it."""
    if subject.words.dynamic is None:
        return subject
    found = tried(subject.words, subject.built, observe)
    return replace(subject, words=found.words, built=found.built, findings=found.findings)


def _behind_preparation(built: Built) -> Built:
    """The model with the preparation of its images before it; its weights have longer names."""
    module = behind_preparation(built.module, built.spec)
    record = replace(built.weights, sha256=state_dict_sha256(module.state_dict()))
    return Built(prepared(built.spec), module, record)


def of_module(module: nn.Module, words: ModelWords) -> Subject:
    """The subject of a module at hand (the Python API): copied, in eval mode.

    Its weights are its own, unless `words` name others.
    """
    operators.use(words.imports)
    own = copy.deepcopy(module)
    ports = registry.said_ports(words)
    if not ports:
        raise user_code.missing_inputs(words.word, lambda: own)
    spec = ModelSpec(
        words.word,
        lambda: own,
        ports,
        dimensions=words.dimensions(),
        constants=words.constants(),
    )
    built = weights.materialize(spec, seed=words.seed, choice=words.weights)
    return _with_sizes(complete(words, built))


def of_spec(
    spec: ModelSpec, words: ModelWords, observe: Observe = ignore, *, fallback: bool = False
) -> Subject:
    """The subject of a spec at hand (the Python API): with its weights as by its name."""
    operators.use(words.imports)
    registry.require_own_inputs(spec, words)
    return _with_sizes(complete(words, _materialized(spec, words, observe, fallback)), observe)


def reference(
    subject: Subject,
    device: str = "cpu",
    observe: Observe = ignore,
    *,
    budget_s: float | None = BUDGET_S,
) -> Reference:
    """Eager and the oracle over the case plan, as far as the time goes, with `device`'s module."""
    module = copy.deepcopy(subject.built.module).to(device)
    cases = cases_of(subject.words, subject.spec, subject.given, subject.bundle)
    budget = Budget(budget_s)
    return refer(module, subject.spec, cases, device=device, budget=budget, observe=observe)

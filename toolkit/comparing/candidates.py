"""What is compared with a reference: a file, the forms of a bundle, or another module."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from toolkit import operators, probing, registry, runtimes, weights
from toolkit.bundle import Bundle, require_trusted
from toolkit.bundle import read as read_bundle
from toolkit.comparing import applied
from toolkit.comparing.taking import with_inputs_of
from toolkit.errors import ToolkitError
from toolkit.events import Observe, Progress, ignore
from toolkit.grammar import told_input
from toolkit.options import EAGER
from toolkit.parity.findings import Finding, note
from toolkit.parity.matching import PortsError, match_inputs
from toolkit.registry import FILE_FORMATS
from toolkit.runtimes import eager
from toolkit.runtimes.base import DeclaredPort, Runner, RunOptions
from toolkit.runtimes.external_data import require_sound_external_data
from toolkit.runtimes.torch_modules import ModuleRunner
from toolkit.spec import ModelSpec, Port
from toolkit.stages import bundled
from toolkit.stages.checking import FormAtHand
from toolkit.stages.exporting import forms_of
from toolkit.stages.files import ONNX, spec_of_file
from toolkit.stages.rows import about_weights
from toolkit.weights import Built
from toolkit.words import ModelWords

Load = Callable[[RunOptions], Runner]
Make = Callable[[ModelSpec, Observe], "Candidate"]
"""The candidate for the reference of that spec; raises `ToolkitError` where there is none."""


@dataclass(frozen=True)
class Form:
    """One form of a candidate: what loads it, and the file that it lies in, if it is one."""

    name: str
    runtime: str
    load: Load
    path: Path | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """What is compared: its forms, a row each, and where its weights came from."""

    words: ModelWords
    forms: tuple[Form, ...]
    weights: str | None = None

    @property
    def shown(self) -> str:
        """The candidate's word as results and files may carry it."""
        return self.words.shown


def of_words(words: ModelWords, kind: str, *, trust: bool = False) -> Make:
    """The candidate that a word of this kind means; errors name it as it was typed."""

    def make(reference: ModelSpec, observe: Observe = ignore) -> Candidate:
        try:
            observe(Progress(words.word, "build"))
            operators.described(words.ort_libraries)  # refused before any work
            operators.use(words.imports)
            return _found(words, kind, reference, trust, observe)
        except ToolkitError as error:
            error.model = words.shown
            raise

    return make


def of_module(module: nn.Module, words: ModelWords) -> Make:
    """A module at hand (the Python API): copied, in eval mode, with its own weights."""
    own = copy.deepcopy(module)

    def make(reference: ModelSpec, observe: Observe = ignore) -> Candidate:
        operators.use(words.imports)
        inputs, constants = words.ports() or reference.inputs, words.constants()
        spec = ModelSpec(words.word, lambda: own, inputs, constants=constants)
        return _of_built(words, _materialized(spec, words, observe), reference)

    return make


def of_spec(spec: ModelSpec, words: ModelWords) -> Make:
    """A spec at hand (the Python API), with its weights as by its name."""

    def make(reference: ModelSpec, observe: Observe = ignore) -> Candidate:
        operators.use(words.imports)
        return _of_built(words, _materialized(spec, words, observe), reference, own_inputs=True)

    return make


def _found(
    words: ModelWords, kind: str, reference: ModelSpec, trust: bool, observe: Observe
) -> Candidate:
    path = Path(words.word)
    if kind == applied.BUNDLE:
        return _of_bundle(words, read_bundle(path), trust)
    if kind == ONNX:
        return _of_onnx(words, path, reference)
    if kind in FILE_FORMATS:
        said = _said(words, reference) if kind == ".pt" else words
        return _of_file(words, spec_of_file(said, path, trust=trust), path, reference, observe)
    spec = _spec(words, kind, reference)
    own_inputs = kind in (applied.ENTRY, applied.LIBRARY)
    built = _materialized(spec, words, observe)
    return _of_built(words, built, reference, own_inputs=own_inputs)


def _spec(words: ModelWords, kind: str, reference: ModelSpec) -> ModelSpec:
    if kind == applied.CODE:
        return registry.find(_said(words, reference))
    found = registry.find(words)
    if kind != applied.LIBRARY or words.inputs:
        return found
    # Some networks of libraries are built for a size: for the reference's, where they take it.
    try:
        matching = match_inputs(reference.inputs, declared(found.inputs))
    except PortsError:
        return found
    shapes = {own: name for name, own in matching.own.items()}
    ports = {port.name: port for port in reference.inputs}
    like = [replace(port, shape=ports[shapes[port.name]].shape) for port in found.inputs]
    if like == list(found.inputs):
        return found
    return registry.find(replace(words, inputs=tuple(map(told_input, like))))


def _said(words: ModelWords, reference: ModelSpec) -> ModelWords:
    """The words with the reference's inputs, where nothing was said of the candidate's own."""
    if words.ports():
        return words
    return replace(words, inputs=(*map(told_input, reference.inputs), *words.inputs))


def _materialized(spec: ModelSpec, words: ModelWords, observe: Observe) -> Built:
    return weights.materialize(
        spec,
        seed=words.seed,
        choice=words.weights,
        training=words.training,
        fallback=True,
        observe=observe,
    )


def _of_onnx(words: ModelWords, path: Path, reference: ModelSpec) -> Candidate:
    require_sound_external_data(path)  # and that it is an ONNX file at all

    def load(options: RunOptions) -> Runner:
        own = replace(options, libraries=words.ort_libraries)
        return runtimes.runtime_for("onnx").load(path, reference, own)

    return Candidate(words, (Form("onnx", runtimes.RUNTIME_OF["onnx"], load, path),), "file")


def _of_bundle(words: ModelWords, held: Bundle, trust: bool) -> Candidate:
    origin = held.manifest.weights
    said = () if origin.note is None else (note("weights", f"of the candidate: {origin.note}"),)
    forms = [
        replace(form, findings=(*form.findings, *said))
        for name, at_hand in forms_of(held).items()
        for form in [_held_form(words, held, name, at_hand, trust)]
    ]
    return Candidate(words, tuple(forms), origin.origin)


def _held_form(
    words: ModelWords, held: Bundle, name: str, at_hand: FormAtHand, trust: bool
) -> Form:
    path, spec = at_hand.exported.path, held.spec

    def load(options: RunOptions) -> Runner:
        require_trusted(path, name, trust)
        libraries = bundled.libraries_for(held, name, words.ort_libraries)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch.jit's deprecation is known
            runner = runtimes.runtime_for(name).load(
                path, spec, replace(options, libraries=libraries)
            )
        if isinstance(runner, ModuleRunner):  # it goes by the names of the manifest
            runner.inputs = _by_spec(spec.inputs, runner.inputs)
        return runner

    told = (note("warning", text) for text in at_hand.exported.warnings)
    return Form(name, runtimes.RUNTIME_OF[name], load, path, (*at_hand.findings, *told))


def _of_file(
    words: ModelWords, spec: ModelSpec, path: Path, reference: ModelSpec, observe: Observe
) -> Candidate:
    """A program, taken as the module that it is."""
    built = _materialized(spec, words, observe)
    built = replace(built, weights=replace(built.weights, origin="file", seed=None))
    name = FILE_FORMATS[path.suffix]
    found = _of_built(words, built, reference, own_inputs=path.suffix == ".pt2")
    runtime = runtimes.RUNTIME_OF[name]
    forms = tuple(replace(form, name=name, runtime=runtime, path=path) for form in found.forms)
    return replace(found, forms=forms)


def _of_built(
    words: ModelWords, built: Built, reference: ModelSpec, *, own_inputs: bool = False
) -> Candidate:
    """A module run as it stands; without inputs of its own it takes the reference's."""
    own_inputs = own_inputs or bool(words.ports())
    if own_inputs:
        built = replace(built, spec=probing.placed(built.spec, built.module))

    def load(options: RunOptions) -> Runner:
        ready = built if own_inputs else with_inputs_of(reference, built)
        runner = eager.load(ready, options)
        spec = ready.spec
        runner.inputs = declared(spec.inputs) if own_inputs else _undeclared(spec.inputs)
        runner.outputs = declared(spec.outputs) if spec.outputs else None
        return runner

    told = [note("weights", f"of the candidate: {text}") for text in about_weights(built)]
    form = Form(EAGER, EAGER, load, findings=tuple(told))
    return Candidate(words, (form,), built.weights.origin)


def declared(ports: Sequence[Port]) -> tuple[DeclaredPort, ...]:
    """Ports of a spec as a file would declare them."""
    return tuple(DeclaredPort(port.name, port.shape, port.dtype) for port in ports)


def _undeclared(ports: Sequence[Port]) -> tuple[DeclaredPort, ...]:
    """Names alone: a module says nothing of shapes and dtypes."""
    return tuple(DeclaredPort(port.name, None, None) for port in ports)


def _by_spec(
    ports: Sequence[Port], found: Sequence[DeclaredPort] | None
) -> tuple[DeclaredPort, ...]:
    """A form's inputs by the names of its spec; as the file declares them where it does."""
    if found is None or len(found) != len(ports):
        return declared(ports)
    return tuple(replace(entry, name=port.name) for port, entry in zip(ports, found, strict=True))

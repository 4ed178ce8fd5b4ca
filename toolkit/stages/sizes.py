"""What `--dynamic auto` makes of a model: its sizes tried, those that can vary made dimensions."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

from toolkit import probing
from toolkit.dynamics import find_dynamic
from toolkit.events import Observe, Progress
from toolkit.grammar import told_dim, told_input
from toolkit.parity.findings import Finding, note
from toolkit.spec import Dimension, ModelSpec
from toolkit.weights import Built
from toolkit.words import ModelWords


@dataclass(frozen=True)
class Tried:
    """A model with the dimensions that were found, the words that say them, and what to tell."""

    words: ModelWords
    built: Built
    findings: tuple[Finding, ...]


def tried(words: ModelWords, built: Built, observe: Observe) -> Tried:
    """The model with every size dynamic that can be; raises what its own code raises."""
    observe(Progress(words.word, "build", "which sizes can vary"))
    found = find_dynamic(built)
    spec = found.spec
    if not spec.outputs:
        spec = _with_names(probing.complete(spec, copy.deepcopy(built.module)), built.spec)
    findings = tuple(note(told.name, " ".join(told.message.split())) for told in found.told)
    return Tried(_said(words, spec), replace(built, spec=spec), findings)


def _with_names(spec: ModelSpec, before: ModelSpec) -> ModelSpec:
    """The outputs under the names that they had: only their shapes are others."""
    if len(spec.outputs) != len(before.outputs):
        return spec
    pairs = zip(spec.outputs, before.outputs, strict=True)
    return replace(spec, outputs=tuple(replace(new, name=old.name) for new, old in pairs))


def _said(words: ModelWords, spec: ModelSpec) -> ModelWords:
    """Words that say what was found, so that a command to repeat a case need not look again."""
    if not words.inputs:
        return words
    constants = [f"{path}:={value!r}" for path, value in words.constants().items()]
    inputs = [told_input(port) for port in spec.inputs]
    known = {dimension.name for dimension in words.dimensions()}
    limited = (one for one in spec.dimensions if one != Dimension(one.name))
    dims = [told_dim(one) for one in limited if one.name not in known]
    return replace(words, inputs=(*inputs, *constants), dims=(*words.dims, *dims), dynamic=None)

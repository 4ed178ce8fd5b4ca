"""Weights that are had without training: published, a file's, or as the module is constructed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit import pretrained
from toolkit.checkpoints import load_state
from toolkit.errors import ToolkitError, UsageError
from toolkit.events import Observe, ignore
from toolkit.reasons import plain
from toolkit.spec import ModelSpec
from toolkit.weights.built import Built, Origin, WeightsRecord, construct, weights_sha256

if TYPE_CHECKING:
    from torch import nn

DEFAULT = "default"
PRETRAINED = "pretrained"
RANDOM = "random"


def untrained(spec: ModelSpec, choice: str, seed: int, observe: Observe) -> Built:
    """Published weights, a file's, or those that the module is constructed with."""
    if choice not in (DEFAULT, PRETRAINED, RANDOM):
        return _from_file(spec, choice, seed)
    module = construct(spec, seed)
    if choice != RANDOM and spec.pretrained is not None:
        return _published(spec, module, seed, observe)
    if choice == PRETRAINED:
        raise UsageError(
            "there are no published weights of this model",
            model=spec.name,
            hint="--weights FILE takes your own",
        )
    drawn = spec.document is not None or spec.pretrained is not None
    origin: Origin = "random" if drawn else "constructed"
    return Built(spec, module, WeightsRecord(origin, weights_sha256(module), seed=seed))


def _published(spec: ModelSpec, module: nn.Module, seed: int, observe: Observe) -> Built:
    assert spec.pretrained is not None
    with naming(spec):
        seeded = pretrained.load(module, spec.pretrained, spec.name, observe)
    record = WeightsRecord(
        "pretrained",
        weights_sha256(module),
        seed=seed if seeded else None,
        data=spec.pretrained.weights,
        note=f"seeded, not published: {', '.join(seeded)}" if seeded else None,
    )
    return Built(spec, module, record)


def substituted(spec: ModelSpec, seed: int) -> Built:
    """Random weights in place of published ones that could not be had.

    Their note names those and not the reason, which is another on every machine: it goes into
    manifests.
    """
    assert spec.pretrained is not None
    built = untrained(spec, RANDOM, seed, ignore)
    note = f"random: the published weights {spec.pretrained.weights} cannot be had"
    return replace(built, weights=replace(built.weights, note=note, substituted=True))


def _from_file(spec: ModelSpec, choice: str, seed: int) -> Built:
    path, key = _split_choice(choice)
    module = construct(spec, seed)
    with naming(spec):
        note = load_state(module, path, key)
    # It goes into manifests, and what a file calls its parts is anyone's choice.
    said = plain(note) if note else None
    return Built(spec, module, WeightsRecord("file", weights_sha256(module), note=said))


def _split_choice(choice: str) -> tuple[Path, str | None]:
    """`FILE` or `FILE:key`; a file whose name holds a colon is taken as it is."""
    drive, rest = os.path.splitdrive(choice)
    if Path(choice).exists() or ":" not in rest:
        return Path(choice), None
    name, key = rest.rsplit(":", 1)
    return Path(drive + name), key or None


@contextmanager
def naming(spec: ModelSpec) -> Iterator[None]:
    """Errors that are raised inside name the model."""
    try:
        yield
    except ToolkitError as error:
        error.model = error.model or spec.name
        raise

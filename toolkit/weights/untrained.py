"""Weights that are had without training: published, a file's, or as the module is constructed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit import pretrained
from toolkit.checkpoints import load_state
from toolkit.errors import ToolkitError, UsageError
from toolkit.events import Observe, ignore
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
    origin: Origin = "random" if spec.document is not None else "constructed"
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
        load_state(module, path, key)
    return Built(spec, module, WeightsRecord("file", weights_sha256(module)))


def _split_choice(choice: str) -> tuple[Path, str | None]:
    """`FILE` or `FILE:key`; a file whose name holds a colon is taken as it is."""
    if Path(choice).exists() or ":" not in choice:
        return Path(choice), None
    name, key = choice.rsplit(":", 1)
    return Path(name), key


@contextmanager
def naming(spec: ModelSpec) -> Iterator[None]:
    """Errors that are raised inside name the model."""
    try:
        yield
    except ToolkitError as error:
        error.model = error.model or spec.name
        raise

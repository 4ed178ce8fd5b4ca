"""Whether memory and disk are enough for a model, asked once it is built and before the work."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from torch import nn

from toolkit import capacity
from toolkit.capacity import Need, Weights
from toolkit.options import ExportOptions
from toolkit.registry import FILE_FORMATS
from toolkit.spec import ALL_FORMATS, FORMAT_NAMES
from toolkit.stages.subject import Subject

Estimate = Callable[[Weights, Sequence[str]], Need]


def require_to_export(subject: Subject, options: ExportOptions) -> None:
    """Raise `MissingError` where a bundle of the asked formats would not fit."""
    temporary = _temporary()

    def estimate(weights: Weights, names: Sequence[str]) -> Need:
        return capacity.to_export(weights, names, options.out, temporary)

    _require(subject, options.formats or FORMAT_NAMES, estimate)


def require_to_check(subject: Subject, names: Sequence[str], *, written: bool = False) -> None:
    """Raise `MissingError` where the forms in `names` could not be judged."""
    temporary = _temporary()
    held = written or subject.is_exported

    def estimate(weights: Weights, names: Sequence[str]) -> Need:
        return capacity.to_check(
            weights, names, temporary, written=held, elsewhere=subject.is_exported
        )

    _require(subject, _held(subject, names), estimate)


def require_to_bench(subject: Subject, names: Sequence[str], *, written: bool) -> None:
    """Raise `MissingError` where variants of these formats could not be timed side by side."""
    temporary = _temporary()
    held = written or subject.is_exported

    def estimate(weights: Weights, names: Sequence[str]) -> Need:
        return capacity.to_bench(weights, names, temporary, written=held)

    _require(subject, _held(subject, names), estimate)


def _held(subject: Subject, names: Sequence[str]) -> list[str]:
    """Those of the formats that will be at hand."""
    if subject.file is not None:
        return [name for name in names if name == FILE_FORMATS[subject.file.suffix]]
    if subject.bundle is not None:
        return [name for name in names if subject.bundle.manifest.form(name) is not None]
    return list(names)


def _require(subject: Subject, names: Sequence[str], estimate: Estimate) -> None:
    weights = capacity.weights_of(subject.built.module)
    known = [name for name in names if name in ALL_FORMATS and name not in subject.spec.limits]
    alone = {name: estimate(weights, [name]) for name in known}
    capacity.require(estimate(weights, known), subject.shown, _temporary(), alone)


def _temporary() -> Path:
    return Path(tempfile.gettempdir())


def collect_copies(module: nn.Module) -> None:
    """Free what a form held of large weights: captured graphs refer to themselves."""
    if capacity.weights_of(module).stored_bytes > capacity.SMALL_BYTES:
        gc.collect()

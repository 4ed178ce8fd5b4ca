"""The verbs for Python: the same values as the command line, in this process.

import toolkit
rows = toolkit.check(Net(), inputs={"x": "batch,3,32,32"})
assert all(row.status == "pass" for row in rows)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from toolkit import bundle as bundles
from toolkit import pipeline, registry, results, runtimes
from toolkit.errors import ToolkitError
from toolkit.events import Observe, ignore
from toolkit.options import (
    EXPORTED,
    OPSET,
    BenchOptions,
    CheckOptions,
    ExportOptions,
    PredictOptions,
)
from toolkit.runtimes.base import Runner, RunOptions
from toolkit.spec import FORMAT_NAMES, ModelSpec
from toolkit.stages import exporting, picturing, predicting
from toolkit.stages.subject import Subject, of_module, of_spec, prepare, reference
from toolkit.words import ModelWords, TrainingWords, parse_formats

Model = str | nn.Module | ModelSpec


@dataclass(frozen=True)
class Given:
    """What is said about a model besides itself; the grammar is that of the command line.

    `inputs`: name → `"batch,3,32,32"` or `"batch,time:int64"`; `dims` and `ranges`: name →
    `"1..64"`.
    """

    inputs: Mapping[str, str] | None = None
    dims: Mapping[str, str] | None = None
    ranges: Mapping[str, str] | None = None
    weights: str = "default"
    seed: int = 0

    def words(self, word: str) -> ModelWords:
        """The words that say the same on the command line."""
        return ModelWords(
            word,
            _pairs(self.inputs),
            _pairs(self.dims),
            _pairs(self.ranges),
            weights=self.weights,
            seed=self.seed,
        )


def _pairs(values: Mapping[str, str] | None) -> tuple[str, ...]:
    return tuple(f"{name}={value}" for name, value in (values or {}).items())


def _subject(model: Model, given: Given, observe: Observe, *, fallback: bool = False) -> Subject:
    if isinstance(model, str):
        return prepare(given.words(model), observe, fallback=fallback)
    if isinstance(model, ModelSpec):
        return of_spec(model, given.words(model.name), observe, fallback=fallback)
    return of_module(model, given.words(type(model).__name__))


def list_models() -> list[ModelSpec]:
    """Every entry of the catalogue."""
    return list(registry.catalogue().values())


def train(
    model: str, *, seed: int = 0, epochs: int | None = None, observe: Observe = ignore
) -> results.TrainedModel:
    """Train an entry briefly, or find its earlier weights."""
    words = ModelWords(model, seed=seed, training=TrainingWords(epochs=epochs))
    for row in pipeline.train(words, False, observe=observe):
        return row
    raise ToolkitError("it has no training plan", model=model)


def export(
    model: Model,
    *,
    inputs: Mapping[str, str] | None = None,
    dims: Mapping[str, str] | None = None,
    ranges: Mapping[str, str] | None = None,
    formats: Sequence[str] = (),
    out: Path | str = EXPORTED,
    opset: int = OPSET,
    weights: str = "default",
    seed: int = 0,
    observe: Observe = ignore,
) -> results.ExportedModel:
    """Write a bundle under `out`; a form that cannot be exported is a row with its reason."""
    subject = _subject(model, Given(inputs, dims, ranges, weights, seed), observe)
    options = ExportOptions(parse_formats(formats), Path(out), opset)
    return exporting.export_bundle(
        subject, options, {}, reference(subject, observe=observe), observe
    )


def check(
    model: Model,
    *,
    inputs: Mapping[str, str] | None = None,
    dims: Mapping[str, str] | None = None,
    ranges: Mapping[str, str] | None = None,
    formats: Sequence[str] = (),
    device: str = "cpu",
    failures: Path | str = EXPORTED,
    trust: bool = False,
    weights: str = "default",
    seed: int = 0,
    observe: Observe = ignore,
) -> list[results.CheckResult]:
    """One verdict a format: whether the exported form is as accurate as the model."""
    given = Given(inputs, dims, ranges, weights, seed)
    subject = _subject(model, given, observe, fallback=True)
    names = parse_formats(formats)
    options = CheckOptions(names, device, OPSET, Path(failures), trust)
    return list(pipeline.checked(subject, options, names or FORMAT_NAMES, observe=observe))


def bench(
    model: Model,
    *,
    inputs: Mapping[str, str] | None = None,
    dims: Mapping[str, str] | None = None,
    ranges: Mapping[str, str] | None = None,
    options: BenchOptions | None = None,
    weights: str = "default",
    seed: int = 0,
    observe: Observe = ignore,
) -> list[results.Comparison]:
    """A latency table for each batch size of `options`; forms that fail parity are not timed.

    Runs in this process: set the thread variables of your libraries before it imports them.
    """
    given = Given(inputs, dims, ranges, weights, seed)
    subject = _subject(model, given, observe, fallback=True)
    rows = pipeline.timed(subject, options or BenchOptions(), observe=observe)
    return [row for row in rows if isinstance(row, results.Comparison)]


def predict(
    bundle: Path | str,
    images: Sequence[Path | str],
    *,
    format_name: str | None = None,
    top: int = 5,
    device: str = "cpu",
    trust: bool = False,
    observe: Observe = ignore,
) -> list[results.Prediction]:
    """The `top` classes of each image file, the likeliest first, through a form of a bundle.

    Without `format_name` that is ONNX, else the first that the bundle holds. An image that cannot
    be read is a row whose `status` is not `ok`.
    """
    options = PredictOptions(format_name, top, device, trust)
    return list(
        predicting.predict(str(bundle), [Path(image) for image in images], options, observe)
    )


def draw(
    model: str,
    folder: Path | str,
    *,
    weights: str = "default",
    seed: int = 0,
    observe: Observe = ignore,
) -> list[results.Picture]:
    """Write what a generative entry of the catalogue draws as PNG files into `folder`."""
    words = ModelWords(model, weights=weights, seed=seed)
    return list(picturing.draw(words, Path(folder), observe))


def load(
    bundle: Path | str, format_name: str = "onnx", *, device: str = "cpu", trust: bool = False
) -> Runner:
    """A form of a bundle, ready to `run` named arrays; its hash is verified first."""
    found = bundles.read(Path(bundle))
    bundles.require_whole(found)
    path = found.path(format_name)
    bundles.require_trusted(path, format_name, trust)
    options = RunOptions(device=device)
    return runtimes.runtime_for(format_name).load(path, found.spec, options)

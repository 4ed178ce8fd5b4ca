"""The verbs for Python: the same values as the command line, in this process.

import toolkit
rows = toolkit.check(Net(), inputs={"x": "batch,3,32,32"})
assert all(row.status == "pass" for row in rows)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

from toolkit import bundle as bundles
from toolkit import pipeline, registry, results, runtimes
from toolkit.errors import ToolkitError, UsageError
from toolkit.events import Observe, ignore
from toolkit.options import (
    BUDGET_S,
    EXPORTED,
    OPSET,
    BenchOptions,
    CheckOptions,
    ExportOptions,
    PredictOptions,
)
from toolkit.runtimes.base import Runner, RunOptions
from toolkit.runtimes.devices import torch_device
from toolkit.spec import FORMAT_NAMES, ModelSpec
from toolkit.stages import exporting, picturing, predicting
from toolkit.stages.subject import Subject, of_module, of_spec, prepare, reference
from toolkit.words import RECIPES, ModelWords, TrainingWords, parse_formats

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
    training: TrainingWords = field(default_factory=TrainingWords)

    def words(self, word: str) -> ModelWords:
        """The words that say the same on the command line.

        Raises `UsageError` where other weights are named than those of the training.
        """
        if self.training.said and self.weights != "default":
            raise UsageError(
                f"weights={self.weights!r} takes the place of a training: what is said about one "
                "would be passed over",
                model=word,
            )
        return ModelWords(
            word,
            _pairs(self.inputs),
            _pairs(self.dims),
            _pairs(self.ranges),
            weights=self.weights,
            seed=self.seed,
            training=self.training,
        )


def _pairs(values: Mapping[str, str] | None) -> tuple[str, ...]:
    return tuple(f"{name}={value}" for name, value in (values or {}).items())


def _training(
    data: str | None,
    data_dir: Path | str | None,
    recipe: str,
    epochs: int | None,
    device: str = "cpu",
) -> TrainingWords:
    """What is said about training; raises `UsageError` for a recipe that there is not."""
    if recipe not in RECIPES:
        raise UsageError(f"unknown recipe {recipe}", hint=f"one of: {', '.join(RECIPES)}")
    return TrainingWords(recipe, data, None if data_dir is None else str(data_dir), epochs, device)


def _subject(model: Model, given: Given, observe: Observe, *, fallback: bool = False) -> Subject:
    if isinstance(model, str):
        return prepare(given.words(model), observe, fallback=fallback)
    trained = isinstance(model, ModelSpec) and (model.training or model.recipe or model.part_of)
    if given.training.said and not trained:
        raise UsageError(
            "it has no training plan: what is said about training would be passed over"
        )
    if isinstance(model, ModelSpec):
        return of_spec(model, given.words(model.name), observe, fallback=fallback)
    return of_module(model, given.words(type(model).__name__))


def list_models() -> list[ModelSpec]:
    """Every entry of the catalogue."""
    return list(registry.catalogue().values())


def train(
    model: str,
    *,
    data: str | None = None,
    data_dir: Path | str | None = None,
    recipe: str = RECIPES[0],
    epochs: int | None = None,
    device: str = "cpu",
    weights: str = "default",
    seed: int = 0,
    observe: Observe = ignore,
) -> results.TrainedModel:
    """Train an entry by its plan, or find what the same training gave before.

    `data` and `epochs` take the place of the plan's, `recipe="document"` follows the document's
    own; `data_dir` is where the data lie or are downloaded to. `weights` is what it starts from.
    """
    torch_device(device)
    training = _training(data, data_dir, recipe, epochs, device)
    words = ModelWords(model, weights=weights, seed=seed, training=training)
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
    data: str | None = None,
    data_dir: Path | str | None = None,
    recipe: str = RECIPES[0],
    epochs: int | None = None,
    seed: int = 0,
    observe: Observe = ignore,
) -> results.ExportedModel:
    """Write a bundle under `out`; a form that cannot be exported is a row with its reason.

    What is said about training is as for `train`.
    """
    training = _training(data, data_dir, recipe, epochs)
    subject = _subject(model, Given(inputs, dims, ranges, weights, seed, training), observe)
    options = ExportOptions(parse_formats(formats), Path(out), opset)
    return exporting.export_bundle(
        subject, options, {}, reference(subject, observe=observe, budget_s=0.0), observe
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
    budget_s: float | None = BUDGET_S,
    weights: str = "default",
    data: str | None = None,
    data_dir: Path | str | None = None,
    recipe: str = RECIPES[0],
    epochs: int | None = None,
    seed: int = 0,
    observe: Observe = ignore,
) -> list[results.CheckResult]:
    """One verdict a format: whether the exported form is as accurate as the model.

    `budget_s` is the time for the cases of one form; None has no end. What is said about training
    is as for `train`.
    """
    training = _training(data, data_dir, recipe, epochs)
    given = Given(inputs, dims, ranges, weights, seed, training)
    subject = _subject(model, given, observe, fallback=True)
    names = parse_formats(formats)
    options = CheckOptions(names, device, OPSET, Path(failures), trust, budget_s)
    return list(pipeline.checked(subject, options, names or FORMAT_NAMES, observe=observe))


def bench(
    model: Model,
    *,
    inputs: Mapping[str, str] | None = None,
    dims: Mapping[str, str] | None = None,
    ranges: Mapping[str, str] | None = None,
    options: BenchOptions | None = None,
    weights: str = "default",
    data: str | None = None,
    data_dir: Path | str | None = None,
    recipe: str = RECIPES[0],
    epochs: int | None = None,
    seed: int = 0,
    observe: Observe = ignore,
) -> list[results.Comparison]:
    """A latency table for each batch size of `options`; forms that fail parity are not timed.

    Runs in this process: set the thread variables of your libraries before it imports them.
    """
    training = _training(data, data_dir, recipe, epochs)
    given = Given(inputs, dims, ranges, weights, seed, training)
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

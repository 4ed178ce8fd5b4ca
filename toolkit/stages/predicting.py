"""Image files through an exported form: what it takes them for."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.special
from numpy.typing import NDArray

from toolkit import bundle as bundles
from toolkit import registry, results, runtimes
from toolkit.bundle import Bundle
from toolkit.bundle.entries import Activation, Manifest, WeightsEntry
from toolkit.bundle.manifest import ACTIVATION_OF
from toolkit.errors import BundleError, ImageError, RefusedError, RunError, ToolkitError
from toolkit.events import Observe, Progress
from toolkit.images import as_sample, input_shape, read_image
from toolkit.options import PredictOptions
from toolkit.runtimes.base import Runner, RunOptions
from toolkit.spec import ModelSpec, Preprocess
from toolkit.stages.bundled import libraries_for
from toolkit.words import display_name, told_origin

FIRST_CHOICE = "onnx"
Array = NDArray[Any]

_PROBABILITIES: Mapping[Activation, Callable[[Array], Array]] = {
    "softmax": scipy.special.softmax,
    "exp": np.exp,
    "sigmoid": scipy.special.expit,
    "identity": np.asarray,
}


@dataclass(frozen=True)
class Classifier:
    """A loaded form of an image classifier, with all that stands between a file and a name."""

    word: str
    spec: ModelSpec
    steps: Preprocess
    activation: Activation
    labels: tuple[str, ...]
    format: str
    runner: Runner
    weights: WeightsEntry
    options: PredictOptions


def predict(
    word: str, images: Sequence[Path], options: PredictOptions, observe: Observe
) -> Iterator[results.Prediction]:
    """The rows of each image, as they come; one that cannot be read is a row with the reason.

    `word` is a bundle's folder. Raises `BundleError`, `RefusedError` or `MissingError` where no
    image at all could be classified.
    """
    shown = display_name(word)
    try:
        observe(Progress(shown, "predict", "loading"))
        classifier = load(word, options)
    except ToolkitError as error:
        error.model = shown
        raise
    for place, image in enumerate(images):
        observe(Progress(shown, "predict", str(image), place, len(images)))
        yield from _rows(classifier, image)


def load(word: str, options: PredictOptions) -> Classifier:
    """The form that is asked for, else ONNX, else the first that the bundle holds."""
    found = _bundle(word)
    held = found.manifest
    steps, activation = _required(held)
    _require_weights(held.weights)
    name = options.format or _first_form(held)
    path = found.path(name)
    bundles.require_whole(found, name)
    bundles.require_trusted(path, name, options.trust)
    spec = found.spec
    libraries = libraries_for(found, name, options.libraries)
    running = RunOptions(device=options.device, libraries=libraries)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit's deprecation is known and not the user's
        runner = runtimes.runtime_for(name).load(path, spec, running)
    labels = tuple(held.labels or ())
    return Classifier(
        display_name(word), spec, steps, activation, labels, name, runner, held.weights, options
    )


def _bundle(word: str) -> Bundle:
    folder = Path(word)
    if not bundles.is_bundle(folder) and word in registry.catalogue():
        raise BundleError(
            "it is a model and no bundle",
            hint=f"`toolkit export {word}` writes one, to exported/{word}",
        )
    return bundles.read(folder)


def _required(held: Manifest) -> tuple[Preprocess, Activation]:
    """What the bundle says of images; raises `RefusedError` where it says nothing."""
    if held.preprocess is None:
        raise RefusedError(
            "the bundle does not say how an image file becomes an input of the model",
            hint="image classifiers of the catalogue do; one of your own does when its ModelSpec "
            "has `preprocess`, and is then exported again",
        )
    if held.activation is None or not held.outputs:
        known = ", ".join(ACTIVATION_OF)
        output = held.outputs[0].name if held.outputs else "nothing"
        raise RefusedError(
            f"the model's first output is {output}: nothing that tells classes apart",
            hint=f"a classifier's first output is called one of: {known}",
        )
    return Preprocess(**held.preprocess.model_dump()), held.activation


def _require_weights(weights: WeightsEntry) -> None:
    if weights.substituted:
        raise RefusedError(
            "its weights are random, in place of pretrained ones that could not be had",
            hint="export it with its weights at hand, or with `--weights random` to ask for these",
        )


def _first_form(held: Manifest) -> str:
    forms = [str(entry.format) for entry in held.files if entry.role == "form"]
    return FIRST_CHOICE if FIRST_CHOICE in forms or not forms else forms[0]


def _rows(classifier: Classifier, image: Path) -> list[results.Prediction]:
    try:
        sample = _sample(classifier, image)
        return _ranked(classifier, image, _probabilities(classifier, sample))
    except ImageError as error:
        return [_unanswered(classifier, image, "refused", error)]
    except ToolkitError as error:
        return [_unanswered(classifier, image, "error", error)]


def _sample(classifier: Classifier, image: Path) -> dict[str, Array]:
    """The image as the model's one input, a batch of one."""
    opened = read_image(image)
    first, *others = classifier.spec.inputs
    if classifier.spec.preprocess_in_graph:
        sample: Array = np.asarray(opened)
    else:
        sample = as_sample(opened, classifier.steps).numpy()
    shape = input_shape(first, sample.shape)
    batch = first.shape[0] if first.shape else 0
    if others or shape is None or batch not in (1, *first.symbols):
        raise RunError(f"an image of {sample.shape} does not fit the input {first.shape}")
    dtype = "float32" if first.dtype == "bfloat16" else first.dtype  # numpy has none
    return {first.name: sample.reshape(1, *shape).astype(dtype)}


def _probabilities(classifier: Classifier, sample: Mapping[str, Array]) -> Array:
    """One value a class; a single value is that of the second of two classes."""
    outputs = classifier.runner.run(sample)
    name = classifier.spec.outputs[0].name
    if name not in outputs:
        raise RunError(f"the form gives {', '.join(outputs)}, not {name}")
    scores = outputs[name].astype(np.float64).reshape(-1)
    with np.errstate(all="ignore"):  # what is not finite is told below
        values = _PROBABILITIES[classifier.activation](scores)
    if values.size == 1:
        values = np.concatenate([1 - values, values])
    if not np.isfinite(values).all():
        raise RunError("the model's output is not finite")
    if classifier.labels and len(classifier.labels) != values.size:
        raise RunError(f"the model tells {values.size} classes apart, not {len(classifier.labels)}")
    return values


def _ranked(classifier: Classifier, image: Path, values: Array) -> list[results.Prediction]:
    best = np.argsort(-values, kind="stable")[: classifier.options.top]
    return [
        _row(classifier, image).model_copy(
            update={
                "rank": rank,
                "index": int(index),
                "label": classifier.labels[index] if classifier.labels else str(index),
                "probability": float(values[index]),
            }
        )
        for rank, index in enumerate(best, start=1)
    ]


def _unanswered(
    classifier: Classifier, image: Path, status: results.PredictionStatus, error: ToolkitError
) -> results.Prediction:
    told = {"status": status, "message": error.message, "hint": error.hint}
    return _row(classifier, image).model_copy(update=told)


def _row(classifier: Classifier, image: Path) -> results.Prediction:
    return results.Prediction(
        model=classifier.word,
        image=str(image),
        format=classifier.format,
        runtime=runtimes.RUNTIME_OF[classifier.format],
        device=classifier.options.device,
        weights=told_origin(classifier.weights.origin, classifier.weights.seed),
        note=classifier.weights.note,
    )

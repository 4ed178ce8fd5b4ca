"""The verbs for Python: the same values as the command line, in this process.

import toolkit
rows = toolkit.check(Net(), inputs={"x": "batch,3,32,32"})
assert all(row.status == "pass" for row in rows)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Unpack

from torch import nn

from toolkit import bundle as bundles
from toolkit import pipeline, registry, results, runtimes
from toolkit.comparing import applied, candidates, judging
from toolkit.errors import ToolkitError, UsageError
from toolkit.events import Observe, ignore
from toolkit.given import (
    Given,
    Judged,
    check_options,
    require_known,
    training_of,
    words_of,
)
from toolkit.options import (
    EXPORTED,
    OPSET,
    BenchOptions,
    ExportOptions,
    PredictOptions,
)
from toolkit.runtimes.base import Runner, RunOptions
from toolkit.runtimes.devices import torch_device
from toolkit.spec import FORMAT_NAMES, ModelSpec
from toolkit.stages import (
    exporting,
    picturing,
    predicting,
    room,
)
from toolkit.stages.bundled import libraries_for
from toolkit.stages.subject import Subject, of_module, of_spec, prepare, reference
from toolkit.words import RECIPES, ModelWords, parse_formats

Model = str | nn.Module | ModelSpec


def subject_of(
    model: Model, given: Given, observe: Observe, *, fallback: bool = False, trust: bool = False
) -> Subject:
    """What the verbs work on: the model found or taken as it is, with its weights and inputs."""
    return _subject(model, words_of(_word(model), given), observe, fallback=fallback, trust=trust)


def _subject(
    model: Model,
    words: ModelWords,
    observe: Observe,
    *,
    fallback: bool = False,
    trust: bool = False,
) -> Subject:
    if isinstance(model, str):
        return prepare(words, observe, trust=trust, fallback=fallback)
    trained = isinstance(model, ModelSpec) and (model.training or model.recipe or model.part_of)
    if words.training.said and not trained:
        raise UsageError(
            "it has no training plan: what is said about training would be passed over"
        )
    if words.arguments:
        raise UsageError(
            "arguments are for a model that is named, and built with them: this one is built",
            model=words.word,
        )
    if isinstance(model, ModelSpec):
        return of_spec(model, words, observe, fallback=fallback)
    return of_module(model, words)


def _word(model: Model) -> str:
    """What results call it: the word itself, or the name of what is at hand."""
    if isinstance(model, str):
        return model
    return model.name if isinstance(model, ModelSpec) else type(model).__name__


def _kind(model: Model, words: ModelWords) -> str:
    if isinstance(model, str):
        return applied.kind_of(words)
    return applied.ENTRY if isinstance(model, ModelSpec) else applied.MODULE


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
    weights: Path | str = "default",
    seed: int = 0,
    observe: Observe = ignore,
) -> results.TrainedModel:
    """Train an entry by its plan, or find what the same training gave before.

    `data` and `epochs` take the place of the plan's, `recipe="document"` follows the document's
    own; `data_dir` is where the data lie or are downloaded to. `weights` is what it starts from.
    """
    torch_device(device)
    given = Given(data=data, data_dir=data_dir, recipe=recipe, epochs=epochs)
    training = training_of(given, device)
    words = ModelWords(model, weights=str(weights), seed=seed, training=training)
    for row in pipeline.train(words, False, observe=observe):
        return row
    raise ToolkitError("it has no training plan", model=model)


def export(
    model: Model,
    *,
    formats: Sequence[str] = (),
    out: Path | str = EXPORTED,
    opset: int = OPSET,
    trust: bool = False,
    observe: Observe = ignore,
    **given: Unpack[Given],
) -> results.ExportedModel:
    """Write a bundle under `out`; a form that cannot be exported is a row with its reason.

    What may be said about the model is `toolkit.given.Given`.
    """
    require_known(given, Given)
    subject = subject_of(model, given, observe, trust=trust)
    options = ExportOptions(parse_formats(formats), Path(out), opset, trust)
    room.require_to_export(subject, options)
    return exporting.export_bundle(
        subject, options, {}, reference(subject, observe=observe, budget_s=0.0), observe
    )


def check(
    model: Model, *, observe: Observe = ignore, **said: Unpack[Judged]
) -> list[results.CheckResult]:
    """One verdict a format: whether the exported form is as accurate as the model.

    `said` is how forms are judged, `toolkit.given.Judged` (`formats`, `device`, `budget_s`,
    `max_score`, `atol`, …), and what is said about the model, `toolkit.given.Given` (`inputs`, …).
    """
    options = check_options(said)
    torch_device(options.device)
    subject = subject_of(model, said, observe, fallback=True, trust=options.trust)
    names = options.formats or FORMAT_NAMES
    return list(pipeline.checked(subject, options, names, observe=observe))


def compare(
    reference: Model | Path,
    candidate: Model | Path,
    *,
    observe: Observe = ignore,
    **said: Unpack[Judged],
) -> list[results.CheckResult]:
    """One verdict a form of the candidate: whether it computes what the reference does.

    Either is a module, a spec, a model word, a file or a bundle. `said` is as for `check`:
    `formats` chooses among the forms of a bundle, and what is said about a model applies as on the
    command line, `inputs` to the one that does not say its own; where neither does, the candidate
    takes the reference's.
    """
    options = check_options(said)
    first, second = (str(one) if isinstance(one, Path) else one for one in (reference, candidate))
    torch_device(options.device)
    words = words_of(_word(first), said)
    other = replace(words, word=_word(second))
    kind = _kind(second, other)
    own, theirs = applied.applied(words, _kind(first, words), kind, other.word)
    subject = _subject(first, own, observe, fallback=True, trust=options.trust)
    make = candidates.of_words(theirs, kind, trust=options.trust)
    if isinstance(second, ModelSpec):
        make = candidates.of_spec(second, theirs)
    elif isinstance(second, nn.Module):
        make = candidates.of_module(second, theirs)
    return list(judging.compare(subject, make, options, words, observe=observe))


def bench(
    model: Model | Sequence[Model],
    *,
    options: BenchOptions | None = None,
    observe: Observe = ignore,
    **given: Unpack[Given],
) -> list[results.Comparison]:
    """A latency table for each batch size, thread count and device of `options`.

    Several models are compared with each other, the first one's eager module being the baseline;
    forms that fail parity are not timed. Runs in this process: set the thread variables of your
    libraries before it imports them. `toolkit bench` times in several fresh processes.
    """
    require_known(given, Given)
    options = options or BenchOptions()
    models = [model] if isinstance(model, str | ModelSpec | nn.Module) else list(model)
    subjects = [
        subject_of(one, given, observe, fallback=True, trust=options.trust) for one in models
    ]
    rows = pipeline.bench(subjects, options, observe=observe)
    return [row for row in rows if isinstance(row, results.Comparison)]


def predict(
    bundle: Path | str,
    images: Sequence[Path | str],
    *,
    format_name: str | None = None,
    top: int = 5,
    device: str = "cpu",
    trust: bool = False,
    ort_libraries: Sequence[Path | str] = (),
    observe: Observe = ignore,
) -> list[results.Prediction]:
    """The `top` classes of each image file, the likeliest first, through a form of a bundle.

    Without `format_name` that is ONNX, else the first that the bundle holds. An image that cannot
    be read is a row whose `status` is not `ok`.
    """
    options = PredictOptions(format_name, top, device, trust, tuple(map(str, ort_libraries)))
    return list(
        predicting.predict(str(bundle), [Path(image) for image in images], options, observe)
    )


def draw(
    model: str,
    folder: Path | str,
    *,
    weights: Path | str = "default",
    seed: int = 0,
    observe: Observe = ignore,
) -> list[results.Picture]:
    """Write what a generative entry of the catalogue draws as PNG files into `folder`."""
    words = ModelWords(model, weights=str(weights), seed=seed)
    return list(picturing.draw(words, Path(folder), observe))


def load(
    bundle: Path | str,
    format_name: str = "onnx",
    *,
    device: str = "cpu",
    trust: bool = False,
    ort_libraries: Sequence[Path | str] = (),
) -> Runner:
    """A form of a bundle, ready to `run` named arrays; its hash is verified first.

    `ort_libraries` are the libraries of operators that its manifest names.
    """
    found = bundles.read(Path(bundle))
    bundles.require_whole(found)
    path = found.path(format_name)
    bundles.require_trusted(path, format_name, trust)
    libraries = libraries_for(found, format_name, tuple(map(str, ort_libraries)))
    options = RunOptions(device=device, libraries=libraries)
    return runtimes.runtime_for(format_name).load(path, found.spec, options)

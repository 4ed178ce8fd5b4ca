"""The options about models, as the commands take them: made into model words."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from toolkit.cli import options as opt
from toolkit.errors import UsageError
from toolkit.words import RECIPES, ModelWords, TrainingWords, display_name, plain_word

FILES = "files"
"""The key of the hashes: of those in both runs each must be the same, the others are new."""
ENTRIES = "models"
"""The key of what the settings say of each model: as for the hashes."""


@dataclass(frozen=True)
class NameOptions:
    """Which models."""

    models: opt.Models = None
    everything: opt.Everything = False


@dataclass(frozen=True)
class InputOptions:
    """What is said about a model besides its word: inputs, arguments, what its code needs."""

    inputs: opt.Inputs = None
    dims: opt.Dims = None
    ranges: opt.Ranges = None
    inputs_file: opt.InputsFile = None
    dynamic: opt.Dynamic = None
    arguments: opt.Arguments = None
    imports: opt.Imports = None
    ort_libraries: opt.OrtLibraries = None
    with_preprocess: opt.WithPreprocess = False


@dataclass(frozen=True)
class WeightOptions:
    """Which weights, and the training that gives them."""

    weights: opt.Weights = "default"
    data: opt.Data = None
    data_dir: opt.DataDir = None
    recipe: opt.Recipe = "brief"
    epochs: opt.Epochs = None
    seed: opt.Seed = 0

    def training(self, device: str = "cpu") -> TrainingWords:
        """What was said about training; raises `UsageError` for an unknown recipe."""
        if self.recipe not in RECIPES:
            raise UsageError(f"unknown recipe {self.recipe}", hint=f"one of: {', '.join(RECIPES)}")
        return TrainingWords(self.recipe, self.data, self.data_dir, self.epochs, device)


OF_MODELS = frozenset(
    each.name for kind in (InputOptions, WeightOptions) for each in fields(kind)
) - {"inputs_file"}
"""Options that change a model, or what is asked of it; a file of inputs gives cases alone."""


@dataclass(frozen=True)
class ModelOptions:
    """The models of a command; `device` is where they are trained.

    With `starting`, weights are where a training starts, and not what takes its place.
    """

    names: NameOptions
    weights: WeightOptions = WeightOptions()
    about: InputOptions = InputOptions()
    device: str = "cpu"
    starting: bool = False

    @property
    def training(self) -> TrainingWords:
        """What was said about training."""
        return self.weights.training(self.device)

    @property
    def everything(self) -> bool:
        """Whether every model of the catalogue is meant."""
        return self.names.everything

    @property
    def names_any(self) -> bool:
        """Whether any model is meant."""
        return bool(self.names.models or self.names.everything)

    def words(self) -> list[ModelWords]:
        """The model words, their grammar checked; raises `UsageError`."""
        models = self.names.models
        if models and self.everything:
            raise UsageError("--all is every model: name none beside it")
        if not models and not self.everything:
            raise UsageError(
                "which model?",
                hint="name one, as in `toolkit check lenet5`; `toolkit list` shows them all, and "
                "`toolkit init` notes your own in pyproject.toml",
            )
        self._refuse_weights_beside_training()
        common = self._common()
        if not models:
            self._refuse_words_about_all()
            return [common]
        named = dict.fromkeys(map(plain_word, models))
        words = [replace(self._described(common), word=word) for word in named]
        for each in words:
            each.ports()
            each.constants()
            each.dimensions()
            each.constructor_arguments()
        return words

    def _refuse_words_about_all(self) -> None:
        said = [name for name, value in asdict(self.about).items() if value]
        if said:
            raise UsageError(
                "--all is the catalogue, whose models say all of themselves: --input, --dim, --arg "
                "and the like would be passed over",
                hint="name the models that they are for",
            )

    def _refuse_weights_beside_training(self) -> None:
        chosen = self.weights.weights
        if self.training.said and chosen != "default" and not self.starting:
            raise UsageError(
                f"--weights {chosen} takes the place of a training: "
                f"{' '.join(self.training.options())} would be passed over"
            )

    def _common(self) -> ModelWords:
        chosen = self.weights
        return ModelWords("", weights=chosen.weights, seed=chosen.seed, training=self.training)

    def _described(self, common: ModelWords) -> ModelWords:
        about = self.about
        return replace(
            common,
            inputs=tuple(about.inputs or ()),
            dims=tuple(about.dims or ()),
            ranges=tuple(about.ranges or ()),
            arguments=tuple(about.arguments or ()),
            inputs_file=about.inputs_file,
            dynamic=about.dynamic,
            imports=tuple(about.imports or ()),
            ort_libraries=tuple(about.ort_libraries or ()),
            with_preprocess=about.with_preprocess,
        )


def require_once(models: Sequence[str]) -> None:
    """Raise `UsageError` for a model that is named twice."""
    twice = [word for word in dict.fromkeys(models) if models.count(word) > 1]
    if twice:
        raise UsageError(
            f"{twice[0]} is named twice, and a table has one row for each of its variants",
            hint="every comparison times its baseline twice: the A/A row is a model against itself",
        )


def each_once(command: Callable[..., int]) -> Callable[..., int]:
    """The command, refused where a model is named twice: nothing that was typed is passed over."""

    @functools.wraps(command)
    def call(**values: Any) -> int:
        require_once(values["models"] or [])
        return command(**values)

    return call


def told(chosen: ModelOptions) -> dict[str, object]:
    """Everything that was said about models but their names, and the hashes of files named in it.

    A folder is told by its name alone: results leave this machine.
    """
    from toolkit.cli.sources import files_of_module, files_of_word

    training, about, weights = chosen.training, chosen.about, chosen.weights.weights
    folder = None if training.data_dir is None else Path(training.data_dir).name
    data = None if training.data is None else display_name(training.data)
    places = (weights, weights.rpartition(":")[0])  # FILE, or FILE:KEY
    libraries, imports = list(about.ort_libraries or ()), list(about.imports or ())
    files = [name for name in (*places, about.inputs_file, *libraries) if name]
    named = {name: [Path(name)] for name in files if Path(name).is_file()}
    named |= {module: files_of_module(module) for module in imports}
    models = map(plain_word, chosen.names.models or ())
    named |= {_place(word): files_of_word(word) for word in models}
    return {
        "inputs": list(about.inputs or ()),
        "dims": list(about.dims or ()),
        "ranges": list(about.ranges or ()),
        "arguments": list(about.arguments or ()),
        "inputs_file": display_name(about.inputs_file or ""),
        "dynamic": about.dynamic,
        "imports": list(map(display_name, imports)),
        "ort_libraries": list(map(display_name, libraries)),
        "with_preprocess": about.with_preprocess,
        "weights": display_name(weights),
        "seed": chosen.weights.seed,
        "training": asdict(replace(training, data=data, data_dir=folder)),
        FILES: _digests(named),
    }


def _place(word: str) -> str:
    """The file or module of a word; any other word as it is."""
    place, colon, name = word.rpartition(":")
    return place if colon and name.isidentifier() else word


def _digests(named: Mapping[str, Sequence[Path]]) -> dict[str, str]:
    """The hash of what each name is read from; of names that are shown alike theirs together."""
    from toolkit.cli.sources import digest

    held: dict[str, list[str]] = {}
    for name, files in named.items():
        if files:
            held.setdefault(display_name(name), []).append(digest(files))
    return {shown: " ".join(digests) for shown, digests in held.items()}

"""The options about models and their weights, as typed: made into model words."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.words import RECIPES, ModelWords, TrainingWords, display_name

FILES = "files"
"""The key of the hashes: of those in both runs each must be the same, the others are new."""


@dataclass
class ModelOptions:
    """The options about models as typed."""

    models: Sequence[str] | None
    everything: bool = False
    inputs: Sequence[str] | None = None
    dims: Sequence[str] | None = None
    ranges: Sequence[str] | None = None
    arguments: Sequence[str] | None = None
    inputs_file: str | None = None
    weights: str = "default"
    seed: int = 0
    training: TrainingWords | None = None
    starting: bool = False
    """Whether weights are where a training starts, and not what takes its place."""

    def words(self) -> list[ModelWords]:
        """The model words, their grammar checked; raises `UsageError`."""
        if self.models and self.everything:
            raise UsageError("--all is every model: name none beside it")
        if not self.models and not self.everything:
            raise UsageError(
                "which model?",
                hint="name one, as in `toolkit check lenet5`; `toolkit list` shows them all",
            )
        if self.training and self.training.said and self.weights != "default" and not self.starting:
            raise UsageError(
                f"--weights {self.weights} takes the place of a training: "
                f"{' '.join(self.training.options())} would be passed over"
            )
        words = [
            ModelWords(
                word,
                tuple(self.inputs or ()),
                tuple(self.dims or ()),
                tuple(self.ranges or ()),
                tuple(self.arguments or ()),
                self.inputs_file,
                self.weights,
                self.seed,
                self.training or TrainingWords(),
            )
            for word in dict.fromkeys(self.models or [])
        ]
        for each in words:
            each.ports()
            each.dimensions()
            each.constructor_arguments()
        common = ModelWords("", weights=self.weights, seed=self.seed)
        return words or [replace(common, training=self.training or TrainingWords())]


def told(chosen: ModelOptions) -> dict[str, object]:
    """Everything that was said about models but their names, and the hashes of files named in it.

    A folder is told by its name alone: results leave this machine.
    """
    training = chosen.training or TrainingWords()
    folder = None if training.data_dir is None else Path(training.data_dir).name
    weights = (chosen.weights, chosen.weights.rpartition(":")[0])  # FILE, or FILE:KEY
    files = [*weights, chosen.inputs_file, *map(_code, chosen.models or ())]
    return {
        "inputs": list(chosen.inputs or ()),
        "dims": list(chosen.dims or ()),
        "ranges": list(chosen.ranges or ()),
        "arguments": list(chosen.arguments or ()),
        "inputs_file": display_name(chosen.inputs_file or ""),
        "weights": display_name(chosen.weights),
        "seed": chosen.seed,
        "training": asdict(replace(training, data_dir=folder)),
        FILES: {Path(name).name: _digest(name) for name in files if name and Path(name).is_file()},
    }


def _code(word: str) -> str:
    """The file of `file.py:name`."""
    return word.rpartition(":")[0] if ".py:" in word else ""


def _digest(name: str) -> str:
    return hashlib.sha256(Path(name).read_bytes()).hexdigest()


def training_words(
    recipe: str,
    data: str | None,
    data_dir: str | None,
    epochs: int | None,
    device: str = "cpu",
) -> TrainingWords:
    """What was said about training; raises `UsageError` for an unknown recipe."""
    if recipe not in RECIPES:
        raise UsageError(f"unknown recipe {recipe}", hint=f"one of: {', '.join(RECIPES)}")
    return TrainingWords(recipe, data, data_dir, epochs, device)

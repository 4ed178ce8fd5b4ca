"""The options about models and their weights, as typed: made into model words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from toolkit.errors import UsageError
from toolkit.words import RECIPES, ModelWords, TrainingWords


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

    def words(self) -> list[ModelWords]:
        """The model words, their grammar checked; raises `UsageError`."""
        if self.models and self.everything:
            raise UsageError("--all is every model: name none beside it")
        if not self.models and not self.everything:
            raise UsageError(
                "which model?",
                hint="name one, as in `toolkit check lenet5`; `toolkit list` shows them all",
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

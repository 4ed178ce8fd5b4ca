"""Seeded training of a spec by its plan: data, objective, loop, held-out metric."""

from toolkit.training.accuracy import accuracy, decided, error_rate, per_class_accuracy
from toolkit.training.freezing import freeze, trainable
from toolkit.training.initialisers import INITIALISERS, initialise
from toolkit.training.loop import PROGRESS_EVENTS
from toolkit.training.optimisers import OPTIMISERS
from toolkit.training.session import OBJECTIVES, TrainingOutcome, chosen_plan, train

__all__ = [
    "INITIALISERS",
    "OBJECTIVES",
    "OPTIMISERS",
    "PROGRESS_EVENTS",
    "TrainingOutcome",
    "accuracy",
    "chosen_plan",
    "decided",
    "error_rate",
    "freeze",
    "initialise",
    "per_class_accuracy",
    "train",
    "trainable",
]

"""Brief, seeded training of a spec by its plan: data, objective, loop, held-out metric."""

from toolkit.training.loop import PROGRESS_EVENTS, TrainingOutcome, train

__all__ = ["PROGRESS_EVENTS", "TrainingOutcome", "train"]

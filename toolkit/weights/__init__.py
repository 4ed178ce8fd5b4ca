"""Weights for a spec: trained, published, a part's, from a file or seeded: from spec to `Built`."""

from toolkit.checkpoints import load_state
from toolkit.weights.built import Built, Origin, WeightsRecord, construct
from toolkit.weights.choosing import materialize
from toolkit.weights.trained import TrainedEntry, plan_of, train, trains
from toolkit.weights.untrained import DEFAULT, PRETRAINED, RANDOM

__all__ = [
    "DEFAULT",
    "PRETRAINED",
    "RANDOM",
    "Built",
    "Origin",
    "TrainedEntry",
    "WeightsRecord",
    "construct",
    "load_state",
    "materialize",
    "plan_of",
    "train",
    "trains",
]

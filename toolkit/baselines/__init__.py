"""Runs held against saved ones: kept under a name, compared like with like, case by case."""

from toolkit.baselines.alike import (
    Asked,
    UnlikeError,
    asked_differences,
    differences,
    environment_differences,
    require_alike,
)
from toolkit.baselines.artefacts import Remeasure, fingerprint, keep, prune, remeasures
from toolkit.baselines.cases import Case
from toolkit.baselines.limits import USUAL_LIMIT, parse_limit
from toolkit.baselines.store import (
    Baseline,
    BaselineNotFoundError,
    doubts,
    find,
    names,
    path_of,
    require_name,
    save,
)
from toolkit.baselines.verdicts import NoisyGateError, gate_error, judged

__all__ = [
    "USUAL_LIMIT",
    "Asked",
    "Baseline",
    "BaselineNotFoundError",
    "Case",
    "NoisyGateError",
    "Remeasure",
    "UnlikeError",
    "asked_differences",
    "differences",
    "doubts",
    "environment_differences",
    "find",
    "fingerprint",
    "gate_error",
    "judged",
    "keep",
    "names",
    "parse_limit",
    "path_of",
    "prune",
    "remeasures",
    "require_alike",
    "require_name",
    "save",
]

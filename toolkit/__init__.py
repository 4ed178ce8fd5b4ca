"""Takes a PyTorch model to a file that can be deployed, and proves it.

The verbs are imported on first use: `import toolkit` alone imports no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit._version import __version__

if TYPE_CHECKING:
    from toolkit.api import (
        bench,
        check,
        compare,
        draw,
        export,
        list_models,
        load,
        predict,
        train,
    )
    from toolkit.images import normalised, unnormalised
    from toolkit.options import BenchOptions
    from toolkit.parameter_list import parameter_count, parameters
    from toolkit.spec import Dimension, ModelSpec, Port, TrainingPlan
    from toolkit.training import freeze
    from toolkit.training.accuracy import accuracy, error_rate, per_class_accuracy
    from toolkit.transfer import features, replace_head

__all__ = [
    "BenchOptions",
    "Dimension",
    "ModelSpec",
    "Port",
    "TrainingPlan",
    "__version__",
    "accuracy",
    "bench",
    "check",
    "compare",
    "draw",
    "error_rate",
    "export",
    "features",
    "freeze",
    "list_models",
    "load",
    "normalised",
    "parameter_count",
    "parameters",
    "per_class_accuracy",
    "predict",
    "replace_head",
    "train",
    "unnormalised",
]

_PLACES = {
    "BenchOptions": "toolkit.options",
    "Dimension": "toolkit.spec",
    "ModelSpec": "toolkit.spec",
    "Port": "toolkit.spec",
    "TrainingPlan": "toolkit.spec",
    "accuracy": "toolkit.training.accuracy",
    "error_rate": "toolkit.training.accuracy",
    "features": "toolkit.transfer",
    "freeze": "toolkit.training",
    "normalised": "toolkit.images",
    "parameter_count": "toolkit.parameter_list",
    "parameters": "toolkit.parameter_list",
    "per_class_accuracy": "toolkit.training.accuracy",
    "replace_head": "toolkit.transfer",
    "unnormalised": "toolkit.images",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'toolkit' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PLACES.get(name, "toolkit.api")), name)

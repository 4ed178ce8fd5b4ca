"""Takes a PyTorch model to a file that can be deployed, and proves it.

The verbs are imported on first use: `import toolkit` alone imports no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit._version import __version__

if TYPE_CHECKING:
    from toolkit.api import bench, check, draw, export, list_models, load, predict, train
    from toolkit.options import BenchOptions
    from toolkit.spec import Dimension, ModelSpec, Port, TrainingPlan
    from toolkit.training import freeze
    from toolkit.transfer import features, replace_head

__all__ = [
    "BenchOptions",
    "Dimension",
    "ModelSpec",
    "Port",
    "TrainingPlan",
    "__version__",
    "bench",
    "check",
    "draw",
    "export",
    "features",
    "freeze",
    "list_models",
    "load",
    "predict",
    "replace_head",
    "train",
]

_PLACES = {
    "BenchOptions": "toolkit.options",
    "Dimension": "toolkit.spec",
    "ModelSpec": "toolkit.spec",
    "Port": "toolkit.spec",
    "TrainingPlan": "toolkit.spec",
    "features": "toolkit.transfer",
    "freeze": "toolkit.training",
    "replace_head": "toolkit.transfer",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'toolkit' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PLACES.get(name, "toolkit.api")), name)

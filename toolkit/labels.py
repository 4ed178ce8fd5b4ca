"""Names of classes: the sets that the catalogue's classifiers speak of, or a model's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from toolkit.errors import SpecError

Labels = str | tuple[str, ...]
"""The name of a set, or the names of the classes themselves."""

DIGITS = tuple("0123456789")

CIFAR10 = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
"""Krizhevsky, "Learning multiple layers of features from tiny images", 2009."""

FASHION_MNIST = (
    *("T-shirt/top", "trouser", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
)
"""Xiao, Rasul and Vollgraf, "Fashion-MNIST", 2017, table 1."""


def _imagenet() -> tuple[str, ...]:
    """The thousand classes of ILSVRC 2012, in torchvision's words."""
    from torchvision.models import ResNet50_Weights

    return tuple(ResNet50_Weights.DEFAULT.meta["categories"])


_SETS: Mapping[str, Callable[[], tuple[str, ...]]] = MappingProxyType(
    {
        "digits": lambda: DIGITS,
        "cifar10": lambda: CIFAR10,
        "fashion-mnist": lambda: FASHION_MNIST,
        "imagenet": _imagenet,
    }
)


def class_names(labels: Labels) -> tuple[str, ...]:
    """The names of the classes by index; raises `SpecError` for an unknown set."""
    if not isinstance(labels, str):
        return labels
    if labels not in _SETS:
        raise SpecError(
            f"no set of class names is called {labels}", hint=f"the sets are: {', '.join(_SETS)}"
        )
    return _SETS[labels]()

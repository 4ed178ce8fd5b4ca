"""How often a classifier is right: over all samples, a class, and as a binary task's error rate.

Pure numpy, so that what an exported form gives is judged by the same functions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_CLASS_AXIS_RANK = 2

Guesses = NDArray[np.int64]


def decided(outputs: ArrayLike, threshold: float = 0.5) -> Guesses:
    """The class that each sample's outputs (N, classes) speak for: the largest.

    One output a sample, (N,) or (N, 1), speaks for class 1 where it is over `threshold`: 0.5 for a
    probability, 0 for a logit.
    """
    array: NDArray[Any] = np.asarray(outputs)
    if array.ndim == _CLASS_AXIS_RANK and array.shape[1] > 1:
        return np.asarray(array.argmax(axis=1), dtype=np.int64)
    return np.asarray(array.reshape(len(array)) > threshold, dtype=np.int64)


def accuracy(guesses: ArrayLike, targets: ArrayLike) -> float:
    """The share of samples whose guess is their class; NaN for no samples."""
    right = _right(guesses, targets)
    return float(right.mean()) if right.size else float("nan")


def error_rate(guesses: ArrayLike, targets: ArrayLike) -> float:
    """The share of samples whose guess is not their class; NaN for no samples."""
    return 1.0 - accuracy(guesses, targets)


def per_class_accuracy(
    guesses: ArrayLike, targets: ArrayLike, classes: int
) -> tuple[float | None, ...]:
    """The accuracy over the samples of each class 0 … `classes` - 1; None without samples."""
    right, of = _right(guesses, targets), np.asarray(targets)
    return tuple(
        float(right[of == each].mean()) if (of == each).any() else None for each in range(classes)
    )


def _right(guesses: ArrayLike, targets: ArrayLike) -> NDArray[np.bool_]:
    found, expected = np.asarray(guesses), np.asarray(targets)
    if found.shape != expected.shape:  # numpy would broadcast, and compare others than meant
        raise ValueError(f"guesses of shape {found.shape} for targets of shape {expected.shape}")
    return np.asarray(found == expected)

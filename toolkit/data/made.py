"""Data made on the spot, by the same seed every time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from toolkit.data.samples import HELD_OUT_SHARE, SPLIT_SEED, Array, TensorSamples, Wanted

VOCABULARY = 1000
PADDING = 0
LENGTHS = (4, 40)
SET_SIZE = 100
"""Tokens 1 … 100 speak for class 1, 101 … 200 for class 0: a fifth of the vocabulary."""
SEQUENCES = 3000
_SPEAKING_SHARE = 0.5
_TRUE_SHARE = 0.8

POINTS = 2000
_MARGIN = 0.05
_PLANES = np.array([[1.0, 0.6, -0.4], [-0.5, 1.0, 0.7]])
_OFFSETS = np.array([0.45, 0.45])

Parts = tuple[TensorSamples, TensorSamples]


def token_sequences(wanted: Wanted) -> Parts:
    """Sequences of tokens (N, 40), 0 after their end, and their lengths (N,), in no order.

    The class is 1 where more tokens of the first set than of the second stand in the sequence; the
    two are never equally many. Half of the tokens belong to either set, the others say nothing.
    """
    import torch

    del wanted
    text, lengths, classes = _sequences(np.random.default_rng(SPLIT_SEED))
    return _split(
        lambda rows: (torch.from_numpy(text[rows]), torch.from_numpy(lengths[rows])), classes
    )


def _sequences(generator: np.random.Generator) -> tuple[Array, Array, Array]:
    shape = (2 * SEQUENCES, LENGTHS[1])  # those that are undecided are left out
    lengths = generator.integers(LENGTHS[0], LENGTHS[1] + 1, size=shape[0])
    leaning = generator.integers(2, size=shape[0])
    inside = np.arange(LENGTHS[1]) < lengths[:, None]
    speaks = generator.random(shape) < _SPEAKING_SHARE
    true = generator.random(shape) < _TRUE_SHARE
    first = np.where(true, leaning[:, None], 1 - leaning[:, None]) == 1
    ranks = generator.integers(1, SET_SIZE + 1, size=shape)
    others = generator.integers(2 * SET_SIZE + 1, VOCABULARY, size=shape)
    text = np.where(speaks, np.where(first, ranks, ranks + SET_SIZE), others)
    text = np.where(inside, text, PADDING)
    lead = _lead(text)
    decided = np.flatnonzero(lead)[:SEQUENCES]
    return text[decided], lengths[decided], (lead[decided] > 0).astype(np.int64)


def _lead(text: Array) -> Array:
    """How many more tokens of the first set than of the second stand in each row."""
    first = (text >= 1) & (text <= SET_SIZE)
    second = (text > SET_SIZE) & (text <= 2 * SET_SIZE)
    return np.asarray(first.sum(axis=1) - second.sum(axis=1))


def synthetic(wanted: Wanted) -> Parts:
    """Points of [-1, 1]³; class 1 in a wedge between two planes, none close to its border."""
    import torch

    del wanted
    generator = np.random.default_rng(SPLIT_SEED)
    points = generator.uniform(-1.0, 1.0, size=(2 * POINTS, 3))
    heights = points @ _PLANES.T + _OFFSETS
    inside = heights.min(axis=1)
    rows = np.flatnonzero(np.abs(inside) > _MARGIN)[:POINTS]
    features = points[rows].astype(np.float32)
    return _split(
        lambda chosen: (torch.from_numpy(features[chosen]),), (inside[rows] > 0).astype(np.int64)
    )


def _split(inputs: Callable[[slice], tuple[object, ...]], classes: Array) -> Parts:
    """Samples are drawn in random order already: the last ones are held out."""
    import torch

    border = len(classes) - round(len(classes) * HELD_OUT_SHARE)
    train, held_out = (
        TensorSamples(inputs(rows), torch.from_numpy(classes[rows]))  # type: ignore[arg-type]
        for rows in (slice(0, border), slice(border, None))
    )
    return train, held_out

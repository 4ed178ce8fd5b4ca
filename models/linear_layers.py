"""Layers that look no further than one sample's features: linear, embedding, shape and likeness."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from toolkit.spec import ModelSpec, Port

from . import documents

VOCABULARY = 10
EMBEDDED = 3
PADDING = 0


def embedding(*, padding_idx: int | None = None) -> nn.Embedding:
    """nn.Embedding(10, 3): integers 0 … 9 of any shape → one axis more, of 3."""
    return nn.Embedding(VOCABULARY, EMBEDDED, padding_idx=padding_idx)


class CosineSimilarity(nn.Module):
    """nn.CosineSimilarity(dim=1, eps=1e-6): two (B, 128) → (B,), each in [-1, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.similarity = nn.CosineSimilarity(dim=1, eps=1e-6)

    def forward(self, x1: torch.Tensor, x2: torch.Tensor) -> torch.Tensor:
        """The cosine of the angle between each pair of rows."""
        cosine: torch.Tensor = self.similarity(x1, x2)
        return cosine


_entry = partial(ModelSpec, family="layer", document=documents.C)
_TOKENS = (Port("input", ("batch", "length"), dtype="int64", low=0, high=VOCABULARY - 1),)
_EMBEDDED = (Port("output", ("batch", "length", EMBEDDED)),)

SPECS: tuple[ModelSpec, ...] = (
    _entry(
        name="linear",
        build=partial(nn.Linear, 5, 3),
        summary="nn.Linear(5, 3)",
        inputs=(Port("input", ("batch", 5)),),
        outputs=(Port("output", ("batch", 3)),),
        parameters=18,
    ),
    _entry(
        name="linear_1_3",
        build=partial(nn.Linear, 1, 3),
        summary="nn.Linear(1, 3) along the last of three axes",
        inputs=(Port("input", ("batch", "length", 1)),),
        outputs=(Port("output", ("batch", "length", 3)),),
        parameters=6,
    ),
    _entry(
        name="linear_20_30",
        build=partial(nn.Linear, 20, 30),
        summary="nn.Linear(20, 30)",
        inputs=(Port("input", ("batch", 20)),),
        outputs=(Port("output", ("batch", 30)),),
        parameters=630,
    ),
    _entry(
        name="embedding",
        build=embedding,
        summary="nn.Embedding(10, 3): a row of its table for each integer",
        inputs=_TOKENS,
        outputs=_EMBEDDED,
        parameters=30,
    ),
    _entry(
        name="embedding_padding_idx",
        build=partial(embedding, padding_idx=PADDING),
        summary="nn.Embedding(10, 3, padding_idx=0): row 0 is zero and stays so in training",
        inputs=_TOKENS,
        outputs=_EMBEDDED,
        parameters=30,
    ),
    _entry(
        name="cosine_similarity",
        build=CosineSimilarity,
        summary="nn.CosineSimilarity(dim=1, eps=1e-6) of two inputs, row by row",
        inputs=(Port("x1", ("batch", 128)), Port("x2", ("batch", 128))),
        outputs=(Port("similarity", ("batch",)),),
        parameters=0,
    ),
    _entry(
        name="flatten",
        build=nn.Flatten,
        summary="nn.Flatten: every axis but the first becomes one",
        inputs=(Port("input", ("batch", 1, 5, 5)),),
        outputs=(Port("output", ("batch", 25)),),
        parameters=0,
    ),
)

"""A fully connected network of any depth, its hidden layers in a `ModuleList`."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from toolkit.spec import ModelSpec, Port

from . import documents
from .digits import CLASSES, GREY, LABELS, PIXELS, PLAN


class FeedForward(nn.Module):
    """Linear → Dropout → ReLU, `num_hidden` times, and a linear output layer.

    (B, input_size) → (B, num_classes) log-probabilities. Raises `ValueError` without a hidden
    layer: the output layer takes `hidden_dim` features, which nothing would give.
    """

    def __init__(
        self,
        input_size: int = PIXELS,
        num_classes: int = CLASSES,
        num_hidden: int = 2,
        hidden_dim: int = 128,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if num_hidden < 1:
            raise ValueError(f"num_hidden must be 1 or more, it is {num_hidden}")
        sizes = [input_size, *[hidden_dim] * num_hidden]
        self.hidden = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(sizes))
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden_dim, num_classes)

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - the port's name
        """Log-probabilities of the classes."""
        features = input
        for layer in self.hidden:
            features = F.relu(self.dropout(layer(features)))
        return F.log_softmax(self.output(features), dim=-1)


SPECS: tuple[ModelSpec, ...] = (
    ModelSpec(
        name="feed_forward",
        build=FeedForward,
        family="mlp",
        document=documents.A,
        summary="Linear, Dropout .5 and ReLU twice (784-128-128), linear 10, log_softmax",
        inputs=(Port("input", ("batch", PIXELS)),),
        outputs=(Port("log_probabilities", ("batch", CLASSES)),),
        parameters=118_282,
        training=replace(PLAN, objective="nll"),
        preprocess=GREY,
        labels=LABELS,
    ),
)

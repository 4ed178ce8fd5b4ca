"""Activation functions as layers, and dropout, which does nothing at inference."""

from __future__ import annotations

from functools import partial

from torch import nn

from toolkit.spec import ModelSpec, Port

from . import documents

_entry = partial(
    ModelSpec,
    family="layer",
    document=documents.C,
    inputs=(Port("input", ("batch", "features")),),
    outputs=(Port("output", ("batch", "features")),),
    parameters=0,
)

SPECS: tuple[ModelSpec, ...] = (
    _entry(name="relu", build=nn.ReLU, summary="nn.ReLU: max(0, x)"),
    _entry(
        name="leaky_relu",
        build=partial(nn.LeakyReLU, 0.1),
        summary="nn.LeakyReLU(0.1): x where it is positive, else 0.1 x",
    ),
    _entry(
        name="leaky_relu_02",
        build=partial(nn.LeakyReLU, 0.2),
        summary="nn.LeakyReLU(0.2): x where it is positive, else 0.2 x",
    ),
    _entry(name="sigmoid", build=nn.Sigmoid, summary="nn.Sigmoid: 1 / (1 + exp(-x))"),
    _entry(name="tanh", build=nn.Tanh, summary="nn.Tanh: hyperbolic tangent"),
    _entry(name="softplus", build=nn.Softplus, summary="nn.Softplus: log(1 + exp(x))"),
    _entry(
        name="softmax",
        build=partial(nn.Softmax, dim=1),
        summary="nn.Softmax(dim=1): probabilities that add up to 1 in each row",
    ),
    _entry(
        name="log_softmax",
        build=partial(nn.LogSoftmax, dim=1),
        summary="nn.LogSoftmax(dim=1): the logarithm of softmax, without overflow",
    ),
    _entry(
        name="dropout",
        build=partial(nn.Dropout, 0.5),
        summary="nn.Dropout(0.5): the identity at inference",
    ),
    _entry(
        name="dropout_02",
        build=partial(nn.Dropout, 0.2),
        summary="nn.Dropout(0.2): the identity at inference",
    ),
)

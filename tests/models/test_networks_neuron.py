"""The gradient descent that is written by hand is the one that autograd gives."""

from __future__ import annotations

import importlib

import pytest
import torch
import torch.nn.functional as F

from toolkit import registry

neuron = importlib.import_module("toolkit.models.neuron")

ERRORS = {
    "squared_error": lambda answer, target: (answer - target).square() / 2,
    "cross_entropy": F.binary_cross_entropy,
}


@pytest.fixture
def samples() -> torch.Tensor:
    return torch.randn(20, 4, dtype=torch.float64)


@pytest.fixture
def targets(samples: torch.Tensor) -> torch.Tensor:
    return (samples[:, 0] > samples[:, 2]).double()


@pytest.fixture
def weights() -> torch.Tensor:
    return torch.randn(4, dtype=torch.float64)


@pytest.mark.parametrize("name", ERRORS)
def test_a_gradient_by_hand_is_autograds(
    name: str, weights: torch.Tensor, samples: torch.Tensor, targets: torch.Tensor
) -> None:
    by_hand = getattr(neuron, f"{name}_gradient")
    weights.requires_grad_()
    for sample, target in zip(samples, targets, strict=True):
        error = ERRORS[name](neuron.activation(weights, sample), target)
        (expected,) = torch.autograd.grad(error, weights)
        found = by_hand(weights.detach(), sample, target)
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ERRORS)
def test_a_pass_by_hand_moves_the_weights_as_plain_sgd_does(
    name: str, weights: torch.Tensor, samples: torch.Tensor, targets: torch.Tensor
) -> None:
    before = weights.clone()
    found = neuron.descend(weights, samples, targets, getattr(neuron, f"{name}_gradient"), 0.1)
    assert torch.equal(weights, before)
    learned = weights.clone().requires_grad_()
    optimiser = torch.optim.SGD([learned], lr=0.1)
    for sample, target in zip(samples, targets, strict=True):
        optimiser.zero_grad()
        ERRORS[name](neuron.activation(learned, sample), target).backward()
        optimiser.step()
    torch.testing.assert_close(found, learned.detach(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ERRORS)
def test_descent_by_hand_separates_what_can_be_separated(
    name: str, weights: torch.Tensor, samples: torch.Tensor, targets: torch.Tensor
) -> None:
    for _ in range(200):
        weights = neuron.descend(
            weights, samples, targets, getattr(neuron, f"{name}_gradient"), 1.0
        )
    assert torch.equal(neuron.activation(weights, samples) > 0.5, targets > 0.5)


def test_the_neuron_gives_one_number_a_sample_and_has_no_bias() -> None:
    module = registry.catalogue()["single_neuron"].build()
    assert torch.equal(module(torch.zeros(3, 4)), torch.full((3,), 0.5))
    assert [tuple(parameter.shape) for parameter in module.parameters()] == [(4,)]

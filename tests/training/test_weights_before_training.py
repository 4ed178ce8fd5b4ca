"""Initialisers draw what their names say, and freezing leaves parameters as they are."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tests.training.networks import classifier
from toolkit import training
from toolkit.errors import TrainingError
from toolkit.spec import ModelSpec, Port


def drawn(name: str, module: nn.Module | None = None) -> torch.Tensor:
    torch.manual_seed(0)
    network = module or nn.Linear(400, 300)
    training.initialise(network, name)
    return next(network.parameters()).detach()


@pytest.mark.parametrize(
    ("name", "deviation"),
    [
        # Of a matrix 300 x 400: Glorot and Bengio, 2010, equation 16 (times √2 for ReLU where it
        # is uniform); He et al., 2015, by the inputs where it is uniform, else by the outputs.
        ("uniform", 1 / math.sqrt(12)),
        ("normal", 1.0),
        ("xavier_uniform", math.sqrt(2) * math.sqrt(2 / 700)),
        ("xavier_normal", math.sqrt(2 / 700)),
        ("kaiming_uniform", math.sqrt(2 / 400)),
        ("kaiming_normal", math.sqrt(2 / 300)),
    ],
)
def test_a_random_initialiser_has_the_spread_of_its_formula(name: str, deviation: float) -> None:
    assert drawn(name).std().item() == pytest.approx(deviation, rel=0.02)


def test_the_constant_initialiser_gives_three_tenths() -> None:
    assert torch.all(drawn("constant") == 0.3)


def test_the_rows_of_an_orthogonal_matrix_are_orthogonal() -> None:
    rows = drawn("orthogonal")
    assert torch.allclose(rows @ rows.T, torch.eye(300), atol=1e-4)


def test_eye_gives_the_identity_and_dirac_a_convolution_that_changes_nothing() -> None:
    assert torch.equal(drawn("eye", nn.Linear(3, 3)), torch.eye(3))
    convolution = nn.Conv2d(2, 2, 3, padding=1, bias=False)
    drawn("dirac", convolution)
    image = torch.randn(1, 2, 5, 5)
    assert torch.allclose(convolution(image), image)


@pytest.mark.parametrize(
    ("name", "module", "words"),
    [
        ("eye", nn.Conv2d(2, 2, 3), r"eye does not fit weight \(2, 2, 3, 3\)"),
        ("dirac", nn.Linear(3, 3), r"dirac does not fit weight \(3, 3\)"),
        ("fate", nn.Linear(3, 3), "no initialiser 'fate'"),
    ],
)
def test_an_initialiser_that_does_not_fit_is_refused(
    name: str, module: nn.Module, words: str
) -> None:
    with pytest.raises(TrainingError, match=words):
        training.initialise(module, name)


def test_biases_norms_frozen_weights_and_the_vector_of_a_padding_stay() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Embedding(5, 4, padding_idx=0), nn.Linear(4, 4), nn.LayerNorm(4))
    module.append(nn.Linear(4, 2))
    training.freeze(module, ("3",))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    training.initialise(module, "constant")
    after = module.state_dict()
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert changed == {"0.weight", "1.weight"}
    assert torch.all(after["0.weight"][0] == 0.0)


def test_a_plan_draws_its_weights_before_the_training() -> None:
    """At a rate next to nothing the weights are still those that were drawn."""
    spec = classifier(initialiser="constant", optimiser="sgd", learning_rate=1e-12)
    outcome = training.train(spec.build(), spec)
    assert torch.allclose(outcome.module.weight, torch.tensor(0.3))  # type: ignore[arg-type]


class TwoParts(nn.Module):
    """A trunk with batch statistics and a head; (B, 784) → (B, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(784, 20), nn.BatchNorm1d(20), nn.ReLU())
        self.trunk_side = nn.Linear(784, 20)
        self.head = nn.Linear(20, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.trunk(image) + self.trunk_side(image))
        return logits


def test_what_is_frozen_stays_batch_statistics_included_and_the_rest_learns() -> None:
    plan = classifier(freeze=("trunk",)).training
    spec = ModelSpec("parts", TwoParts, (Port("image", ("batch", 784)),), training=plan)
    torch.manual_seed(0)
    module = TwoParts()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    training.train(module, spec)
    after = module.state_dict()
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert changed == {"head.weight", "head.bias", "trunk_side.weight", "trunk_side.bias"}
    assert all(parameter.requires_grad for parameter in module.parameters())


def test_parameters_that_the_caller_froze_stay_frozen() -> None:
    spec = classifier()
    module = nn.Linear(784, 10)
    module.bias.requires_grad_(False)
    bias, weight = module.bias.clone(), module.weight.clone()
    training.train(module, spec)
    assert torch.equal(module.bias, bias)
    assert not torch.equal(module.weight, weight)
    assert not module.bias.requires_grad


def test_freezing_names_what_it_froze_and_leaves_the_rest_trainable() -> None:
    module = TwoParts()
    assert training.freeze(module, ("trunk.0", "head.bias")) == (
        *("trunk.0.weight", "trunk.0.bias"),
        "head.bias",
    )
    assert len(training.trainable(module)) == 5
    assert not module.trunk[0].training
    assert module.trunk[1].training

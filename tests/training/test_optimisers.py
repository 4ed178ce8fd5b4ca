"""Optimisers, penalties and clipping do what their names say."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from tests.training.networks import classifier, trained
from toolkit import training
from toolkit.errors import TrainingError
from toolkit.spec import TrainingPlan
from toolkit.training.optimisers import Descent, optimiser, set_rate


def plan(**fields: Any) -> TrainingPlan:
    return TrainingPlan("digits", "cross_entropy", "accuracy", None, **fields)


def stepped(steps: int = 2, scale: float = 1.0, **fields: Any) -> torch.Tensor:
    """The weights 3 and 4 after steps down the slope of their sum (times `scale`)."""
    module = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[3.0, 4.0]]))
    descent = Descent(plan(learning_rate=0.1, **fields), module)
    for _ in range(steps):
        descent.step(scale * module.weight.sum())
    return module.weight.detach().flatten()


@pytest.mark.parametrize("name", training.OPTIMISERS)
def test_every_optimiser_learns_digits(name: str) -> None:
    # Adadelta's own step grows from nothing: its rate is a factor of 1 in the paper.
    rate = {"adadelta": 1.0, "adagrad": 0.05, "sgd": 0.1, "hand_written_sgd": 0.1}.get(name, 1e-2)
    outcome = trained(classifier(optimiser=name, learning_rate=rate, epochs=3))
    assert outcome.metric_value > 0.8


def test_the_hand_written_descent_is_plain_gradient_descent() -> None:
    assert torch.allclose(stepped(optimiser="hand_written_sgd"), torch.tensor([2.8, 3.8]))
    assert torch.equal(stepped(optimiser="hand_written_sgd"), stepped(optimiser="sgd"))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        # Two steps of rate 0.1 along a gradient of 1: 0.1, then 0.1 · (1 + 0.9).
        ({"momentum": 0.9}, 3.0 - 0.1 - 0.19),
        # Nesterov looks ahead: 0.1 · (1 + 0.9), then 0.1 · (1 + 0.9 · 1.9).
        ({"momentum": 0.9, "nesterov": True}, 3.0 - 0.19 - 0.271),
        # The gradient of half the square of 3, then of 2.6: weights decay by their own size.
        ({"weight_decay": 1.0}, 3.0 - 0.1 * 4.0 - 0.1 * 3.6),
        # The norm of (1, 1) is √2: clipped to 1, each part is 1/√2.
        ({"clip_norm": 1.0}, 3.0 - 0.2 / 2**0.5),
        # |w| has the slope 1, and so has the loss itself.
        ({"l1": 0.5}, 3.0 - 2 * 0.1 * 1.5),
    ],
)
def test_momentum_decay_clipping_and_penalties_move_a_weight_as_their_formulas_say(
    fields: dict[str, Any], expected: float
) -> None:
    assert stepped(optimiser="sgd", **fields)[0].item() == pytest.approx(expected, abs=1e-5)


def test_the_l2_penalty_is_the_norm_of_all_weights_and_not_its_square() -> None:
    # The slope of √(3² + 4²) is (3, 4) / 5.
    moved = stepped(1, scale=0.0, optimiser="sgd", l2=1.0)
    assert moved.tolist() == pytest.approx([3.0 - 0.06, 4.0 - 0.08])


def test_the_loss_that_is_told_has_the_penalties_in_it() -> None:
    module = nn.Linear(2, 1, bias=False)
    nn.init.constant_(module.weight, 2.0)
    descent = Descent(plan(optimiser="sgd", l1=0.5), module)
    assert descent.step(module.weight.sum()) == pytest.approx(4.0 + 0.5 * 4.0)


def test_frozen_weights_are_neither_given_to_the_optimiser_nor_penalised() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    module[0].requires_grad_(False)
    descent = Descent(plan(optimiser="sgd", l1=1.0), module)
    given = [weight for group in descent.optimiser.param_groups for weight in group["params"]]
    assert len(given) == len(descent.weights) == 2
    norm = sum(weight.abs().sum().item() for weight in module[1].parameters())
    assert descent.step(torch.tensor(0.0)) == pytest.approx(norm)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"optimiser": "adam", "momentum": 0.9}, "adam takes no momentum"),
        ({"optimiser": "rmsprop", "nesterov": True}, "rmsprop takes no nesterov"),
        ({"optimiser": "hand_written_sgd", "weight_decay": 0.1}, "takes no weight_decay"),
        ({"optimiser": "sgd", "nesterov": True}, "sgd refuses the plan"),
    ],
)
def test_what_an_optimiser_would_pass_over_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        optimiser(plan(**fields), nn.Linear(2, 1))


@pytest.mark.parametrize(
    ("schedule", "expected"), [("constant", [0.4, 0.4, 0.4]), ("linear", [0.4, 0.3, 0.1])]
)
def test_the_learning_rate_follows_the_schedule(schedule: Any, expected: list[float]) -> None:
    chosen = plan(learning_rate=0.4, schedule=schedule)
    used = optimiser(chosen, nn.Linear(2, 1))
    seen = []
    for done in (0.0, 0.25, 0.75):
        set_rate(chosen, [used], done)
        seen.append(used.param_groups[0]["lr"])
    assert seen == pytest.approx(expected)

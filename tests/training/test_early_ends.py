"""Early stopping and Ctrl-C: which weights are kept, and what is said of them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call

from tests.training.networks import autoencoder, classifier, generator, trained
from toolkit import data, training, weights
from toolkit.errors import TrainingError
from toolkit.events import Observe, Progress
from toolkit.hashing import state_dict_sha256
from toolkit.training.objectives import Judgement, Standing
from toolkit.training.stopping import Best, Patience, without_validation
from toolkit.training.supervised import Supervised


def interrupting(*, after_epochs: int) -> Observe:
    """An observer that presses Ctrl-C at the first progress of the epoch after these."""

    def observe(progress: Progress) -> None:
        if progress.done and progress.done > after_epochs * (1438 // 64):
            raise KeyboardInterrupt

    return observe


def test_ctrl_c_ends_the_training_with_the_best_weights_so_far_and_says_so() -> None:
    """At this rate the accuracy goes up and down: the last weights are not the best."""
    observe = interrupting(after_epochs=3)
    spec = classifier(optimiser="sgd", learning_rate=0.5, epochs=20)
    outcome = trained(spec, observe=observe)
    assert outcome.interrupted
    assert outcome.epochs == 3
    scores = [trained(spec, epochs=epochs).metric_value for epochs in (1, 2, 3)]
    assert outcome.metric_value == max(scores) > min(scores)


def test_the_weights_that_are_kept_are_those_that_the_metric_is_of() -> None:
    observe = interrupting(after_epochs=2)
    outcome = trained(classifier(epochs=20), observe=observe)
    held_out = data.load("digits", data.Wanted((784,))).held_out
    images = held_out.take(torch.arange(len(held_out.targets)))[0]
    guesses = training.decided(outcome.module(images).detach().numpy())
    assert training.accuracy(guesses, held_out.targets.numpy()) == outcome.metric_value


def test_ctrl_c_before_the_first_epoch_has_ended_keeps_the_weights_of_the_moment() -> None:
    observe = interrupting(after_epochs=0)
    torch.manual_seed(0)
    fresh = state_dict_sha256(classifier().build().state_dict())
    outcome = trained(classifier(epochs=20), observe=observe)
    assert (outcome.interrupted, outcome.epochs) == (True, 0)
    assert state_dict_sha256(outcome.module.state_dict()) != fresh
    assert 0.0 < outcome.metric_value < 1.0


def test_an_alternating_training_that_is_interrupted_is_judged_as_it_is() -> None:
    observe = interrupting(after_epochs=1)
    outcome = trained(generator(epochs=5), observe=observe)
    assert outcome.interrupted
    assert outcome.partner is not None
    assert 0.0 <= outcome.metric_value <= 1.0


def test_ctrl_c_while_the_metric_is_found_loses_no_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judge = Supervised.judge
    pressed: list[bool] = []

    def interrupted_once(self: Supervised) -> Judgement:
        if not pressed:
            pressed.append(True)
            raise KeyboardInterrupt
        return judge(self)

    monkeypatch.setattr(Supervised, "judge", interrupted_once)
    outcome = trained(classifier())
    assert outcome.interrupted
    assert outcome.metric_value > 0.8


def test_weights_that_are_left_half_trained_are_not_gone_on_with() -> None:
    observe = interrupting(after_epochs=1)
    with pytest.raises(KeyboardInterrupt):
        weights.materialize(classifier(epochs=20), observe=observe)


def test_a_training_that_nobody_interrupts_says_that_too() -> None:
    assert not trained(classifier()).interrupted


@pytest.mark.parametrize("spec", [classifier, autoencoder])
def test_patience_ends_a_training_that_grows_no_better(spec: object) -> None:
    plan = spec(epochs=40, patience=2, learning_rate=0.05)  # type: ignore[operator]
    outcome = trained(plan)
    assert 2 < outcome.epochs < 40
    assert not outcome.interrupted


def test_early_stopping_keeps_the_weights_of_the_least_validation_loss(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At this rate the loss goes up and down: the best epoch is neither the last nor the first."""
    after_epoch = Supervised.after_epoch
    states: list[dict[str, torch.Tensor]] = []

    def remembered(self: Supervised) -> Standing:
        states.append({name: kept.clone() for name, kept in self.module.state_dict().items()})
        return after_epoch(self)

    monkeypatch.setattr(Supervised, "after_epoch", remembered)
    spec = classifier(optimiser="sgd", learning_rate=0.5, epochs=8, patience=8)
    outcome = trained(spec)
    watched = without_validation(data.load("digits", data.Wanted((784,))).train)[1]
    (images,) = watched.take(torch.arange(len(watched.targets)))
    losses = [
        F.cross_entropy(functional_call(nn.Linear(784, 10), state, (images,)), watched.targets)
        for state in states
    ]
    best = int(torch.stack(losses).argmin())
    assert 0 < best < len(losses) - 1 == 7
    kept = [state_dict_sha256(state) for state in states]
    assert state_dict_sha256(outcome.module.state_dict()) == kept[best]
    assert kept.count(kept[best]) == 1


def test_patience_without_a_validation_loss_is_refused() -> None:
    with pytest.raises(TrainingError, match="no validation loss") as caught:
        trained(generator(epochs=3, patience=1))
    assert "patience" in (caught.value.hint or "")


def test_what_patience_watches_is_taken_from_the_training_part_and_never_held_out() -> None:
    digits = data.load("digits", data.Wanted((784,)))
    rest, watched = without_validation(digits.train)
    assert len(rest.targets) + len(watched.targets) == len(digits.train.targets)
    assert len(watched.targets) == 144
    every = torch.arange(len(digits.train.targets))
    images = watched.take(torch.arange(144))[0]
    known = {tuple(image.tolist()) for image in digits.train.take(every)[0]}
    assert all(tuple(image.tolist()) in known for image in images)
    again = without_validation(digits.train)[1].targets
    assert torch.equal(again, watched.targets)


def test_too_few_samples_to_watch_are_refused() -> None:
    few = data.TensorSamples((torch.zeros(3, 2),), torch.zeros(3, dtype=torch.int64))
    with pytest.raises(TrainingError, match="3 samples are too few"):
        without_validation(few)


def test_patience_counts_only_epochs_in_a_row() -> None:
    patience = Patience(2)
    assert [patience.ends(better=better) for better in (True, False, True, False, False)] == [
        *(False, False, False, False),
        True,
    ]


def test_the_best_weights_come_back_whatever_came_after() -> None:
    module = nn.Linear(2, 2)
    best = Best(module)
    kept = module.weight.detach().clone()
    assert best.offer(0.5)
    nn.init.zeros_(module.weight)
    assert not best.offer(0.4)
    assert not best.offer(float("nan"))
    best.restore()
    assert torch.equal(module.weight, kept)

"""Training is seeded, leaves the caller alone, tells its progress and says when it diverged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from toolkit import training
from toolkit.errors import DataError, MissingError, TrainingError
from toolkit.events import Progress
from toolkit.hashing import state_dict_sha256
from toolkit.spec import ModelSpec, Port, TrainingPlan
from toolkit.training.optimisers import optimiser, set_rate


class Reader(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(1024, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.fc(image.flatten(1))
        return scores


class Autoencoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(784, 4)
        self.decoder = nn.Linear(2, 784)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        mu, logvar = self.encoder(image).chunk(2, dim=1)
        code = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu) if self.training else mu
        return torch.sigmoid(self.decoder(code)), mu, logvar


class Generator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 784)
        self.fc = nn.Linear(4, 784)

    def forward(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.fc(z) + self.embedding(labels)).view(-1, 28, 28)


class Discriminator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(784, 10)

    def forward(self, image: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        scores = self.fc(image.flatten(1))
        return torch.sigmoid(scores.gather(1, labels.unsqueeze(1)).squeeze(1))


def classifier(**plan: Any) -> ModelSpec:
    return ModelSpec(
        "classifier",
        lambda: nn.Linear(784, 10),
        (Port("image", ("batch", 784)),),
        (Port("logits", ("batch", 10)),),
        training=replace(
            TrainingPlan("digits", "cross_entropy", "accuracy", 0.8, epochs=1), **plan
        ),
    )


def autoencoder() -> ModelSpec:
    return ModelSpec(
        "autoencoder",
        Autoencoder,
        (Port("image", ("batch", 784)),),
        training=TrainingPlan(
            "digits", "vae", "reconstruction_loss_ratio", 1.0, less_is_better=True, epochs=2
        ),
    )


def generator() -> ModelSpec:
    return ModelSpec(
        "generator",
        Generator,
        (Port("z", ("batch", 4)), Port("labels", ("batch",), "int64")),
        (Port("image", ("batch", 28, 28)),),
        training=TrainingPlan(
            "digits",
            "cgan",
            "read_accuracy",
            0.85,
            pixel_range=(-1.0, 1.0),
            epochs=1,
            partner=Discriminator,
            reader=Reader,
        ),
    )


def trained(spec: ModelSpec, seed: int = 0) -> training.TrainingOutcome:
    torch.manual_seed(0)
    return training.train(spec.build(), spec, seed=seed)


SPECS = [classifier, autoencoder, generator]


@pytest.mark.parametrize("spec", SPECS)
def test_the_same_seed_gives_the_same_weights_and_another_gives_others(
    spec: Callable[[], ModelSpec],
) -> None:
    first, again, other = (trained(spec(), seed) for seed in (1, 1, 2))
    hashes = [state_dict_sha256(outcome.module.state_dict()) for outcome in (first, again, other)]
    assert hashes[0] == hashes[1] != hashes[2]
    assert first.metric_value == again.metric_value


def test_the_number_of_threads_changes_nothing_and_is_given_back() -> None:
    before = torch.get_num_threads()
    hashes = set()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            hashes.add(state_dict_sha256(trained(autoencoder()).module.state_dict()))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert len(hashes) == 1


@pytest.mark.parametrize("spec", SPECS)
def test_training_changes_the_weights_and_leaves_the_module_in_eval_mode(
    spec: Callable[[], ModelSpec],
) -> None:
    torch.manual_seed(0)
    before = state_dict_sha256(spec().build().state_dict())
    outcome = trained(spec())
    assert state_dict_sha256(outcome.module.state_dict()) != before
    assert not outcome.module.training


@pytest.mark.parametrize("spec", SPECS)
def test_the_callers_random_state_is_untouched(spec: Callable[[], ModelSpec]) -> None:
    module = spec().build()
    before = torch.get_rng_state()
    training.train(module, spec(), seed=5)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_linear_classifier_learns_digits_it_has_not_seen() -> None:
    outcome = trained(classifier(learning_rate=1e-2, epochs=3))
    assert outcome.metric == "accuracy"
    assert outcome.metric_value > 0.85
    assert (outcome.data, outcome.epochs) == ("digits", 3)


def test_an_autoencoder_reconstructs_better_than_in_its_first_epoch() -> None:
    assert 0.0 < trained(autoencoder()).metric_value < 1.0


def test_a_reader_finds_the_asked_for_digit_in_images_that_show_it() -> None:
    """The generator's label embedding is set to real digits' means: a reader knows most of them."""
    from toolkit import data
    from toolkit.training.adversarial import Adversarial

    plan = generator().training
    assert plan is not None
    digits = data.load("digits", (28, 28), pixel_range=(-1.0, 1.0))
    module = Generator()
    with torch.no_grad():
        module.fc.weight.zero_()
        module.fc.bias.zero_()
        for digit in range(10):
            mean = digits.train_inputs[digits.train_targets == digit].mean(0).flatten()
            module.embedding.weight[digit] = torch.atanh(mean.clamp(-0.99, 0.99))
    asked_for = Adversarial(module, plan, digits, noise=4).metric()
    module.embedding.weight.data = module.embedding.weight.data.roll(1, dims=0)
    assert asked_for > 0.9
    assert Adversarial(module, plan, digits, noise=4).metric() < 0.1


def test_progress_counts_every_step_and_tells_loss_and_accuracy() -> None:
    seen: list[Progress] = []
    spec = classifier(epochs=2)
    training.train(spec.build(), spec, observe=seen.append)
    assert {(event.model, event.stage) for event in seen} == {("classifier", "train")}
    assert seen[-1].done == seen[-1].total == 2 * (1438 // 64)
    assert "loss" in seen[-1].detail
    assert "accuracy" in seen[-1].detail
    assert len(seen) <= training.PROGRESS_EVENTS + 1


def test_fewer_epochs_than_the_plan_has_are_taken_when_asked() -> None:
    spec = classifier(epochs=50)
    assert training.train(spec.build(), spec, epochs=1).epochs == 1


@pytest.mark.parametrize(
    ("schedule", "expected"), [("constant", [0.4, 0.4, 0.4]), ("linear", [0.4, 0.3, 0.1])]
)
def test_the_learning_rate_follows_the_schedule(schedule: str, expected: list[float]) -> None:
    spec = classifier(learning_rate=0.4, schedule=schedule)
    assert spec.training is not None
    used = optimiser(spec.training, spec.build())
    seen = []
    for done in (0.0, 0.25, 0.75):
        set_rate(spec.training, [used], done)
        seen.append(used.param_groups[0]["lr"])
    assert seen == pytest.approx(expected)


def test_a_loss_that_diverges_is_named() -> None:
    spec = classifier(optimiser="sgd", learning_rate=1e38)
    with pytest.raises(TrainingError, match=r"classifier: the loss became (nan|inf)"):
        training.train(spec.build(), spec)


@pytest.mark.parametrize(
    ("plan", "error", "words"),
    [
        ({"data": "nowhere"}, DataError, "nowhere"),
        ({"objective": "guess"}, TrainingError, "'guess'"),
        ({"optimiser": "luck"}, TrainingError, "'luck'"),
        ({"metric": "beauty"}, TrainingError, "not by beauty"),
    ],
)
def test_a_plan_that_cannot_be_followed_says_why(
    plan: dict[str, Any], error: type[Exception], words: str
) -> None:
    spec = classifier(**plan)
    with pytest.raises(error, match=words):
        training.train(spec.build(), spec)


def test_frozen_parameters_stay_as_they_are() -> None:
    spec = classifier()
    module = nn.Linear(784, 10)
    module.bias.requires_grad_(False)
    bias, weight = module.bias.clone(), module.weight.clone()
    training.train(module, spec)
    assert torch.equal(module.bias, bias)
    assert not torch.equal(module.weight, weight)


def test_a_cuda_device_that_is_not_there_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    spec = classifier()
    with pytest.raises(MissingError, match="cuda"):
        training.train(spec.build(), spec, device="cuda")

"""Training is seeded, leaves the caller alone, tells its progress and says when it diverged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.training.networks import (
    Generator,
    autoencoder,
    classifier,
    digit_features,
    generator,
    token_counter,
    trained,
)
from toolkit import data, training
from toolkit.errors import DataError, MissingError, TrainingError
from toolkit.events import Progress
from toolkit.hashing import state_dict_sha256
from toolkit.spec import ModelSpec, Port

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


def test_the_accuracy_of_each_class_is_told_with_its_name() -> None:
    outcome = trained(classifier())
    assert outcome.labels == tuple("0123456789")
    of_class = [value for value in outcome.per_class if value is not None]
    assert len(of_class) == 10
    assert min(of_class) <= outcome.metric_value <= max(of_class)


class Linear(nn.Module):
    """Four features to one number a sample, or two, through a last activation."""

    def __init__(self, outputs: int, activation: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.fc = nn.Linear(4, outputs)
        self.activation = activation

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.activation(self.fc(features))


def same(logits: torch.Tensor) -> torch.Tensor:
    return logits


def log_softmax(logits: torch.Tensor) -> torch.Tensor:
    return logits.log_softmax(dim=1)


def softmax(logits: torch.Tensor) -> torch.Tensor:
    return logits.softmax(dim=1)


def lone_probability(logits: torch.Tensor) -> torch.Tensor:
    return torch.sigmoid(logits).squeeze(1)


@pytest.mark.parametrize(
    ("objective", "outputs", "activation"),
    [
        ("cross_entropy", 2, same),
        ("nll", 2, log_softmax),
        ("nll_of_probabilities", 2, softmax),
        ("bce", 1, torch.sigmoid),
        ("bce", 1, lone_probability),
        ("bce_with_logits", 1, same),
        ("squared_error", 1, lone_probability),
        ("squared_error", 2, softmax),
    ],
)
def test_every_objective_learns_to_tell_zero_from_one(
    objective: str, outputs: int, activation: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    torch.manual_seed(0)
    spec = digit_features(Linear(outputs, activation), objective)
    outcome = training.train(spec.build(), spec)
    assert outcome.metric_value > 0.9
    assert len(outcome.per_class) == 2


def test_several_inputs_are_given_with_the_batch_where_their_ports_have_it() -> None:
    outcome = trained(token_counter())
    assert outcome.metric_value > 0.9
    assert outcome.data == "token-sequences"


def test_data_with_other_inputs_than_the_model_takes_are_refused() -> None:
    with pytest.raises(TrainingError, match="token-sequences gives 2 inputs, the model takes 1"):
        trained(classifier(data="token-sequences"))


def test_more_classes_than_the_outputs_tell_apart_are_refused() -> None:
    torch.manual_seed(0)
    spec = digit_features(Linear(2, same), "cross_entropy")
    assert spec.training is not None
    everything = replace(spec.training, classes=())
    with pytest.raises(TrainingError, match=r"10 classes, .* tell 2 apart"):
        training.train(spec.build(), spec, plan=everything)


def test_an_autoencoder_reconstructs_better_than_in_its_first_epoch() -> None:
    assert 0.0 < trained(autoencoder()).metric_value < 1.0


def test_alternating_training_gives_the_partner_too() -> None:
    torch.manual_seed(0)
    outcome = trained(generator())
    assert outcome.partner is not None
    assert not outcome.partner.training
    again = trained(generator()).partner
    assert again is not None
    assert state_dict_sha256(again.state_dict()) == state_dict_sha256(outcome.partner.state_dict())


def test_a_reader_finds_the_asked_for_digit_in_images_that_show_it() -> None:
    """The generator's label embedding is set to real digits' means: a reader knows most of them."""
    from toolkit.training.adversarial import Adversarial
    from toolkit.training.batches import Batches

    plan = generator().training
    assert plan is not None
    digits = data.load("digits", data.Wanted((28, 28), pixel_range=(-1.0, 1.0)))
    train, held_out = Batches(digits.train), Batches(digits.held_out)
    images = digits.train.take(torch.arange(len(digits.train.targets)))[0]
    module = Generator()
    with torch.no_grad():
        module.fc.weight.zero_()
        module.fc.bias.zero_()
        for digit in range(10):
            mean = images[digits.train.targets == digit].mean(0).flatten()
            module.embedding.weight[digit] = torch.atanh(mean.clamp(-0.99, 0.99))
    asked_for = Adversarial(module, plan, train, held_out, noise=4).judge()
    module.embedding.weight.data = module.embedding.weight.data.roll(1, dims=0)
    assert asked_for.value > 0.9
    assert len(asked_for.per_class) == 10
    assert Adversarial(module, plan, train, held_out, noise=4).judge().value < 0.1


def test_progress_counts_every_step_and_tells_loss_and_accuracy() -> None:
    seen: list[Progress] = []
    spec = classifier(epochs=2)
    training.train(spec.build(), spec, observe=seen.append)
    assert {(event.model, event.stage) for event in seen} == {("classifier", "train")}
    assert seen[-1].done == seen[-1].total == 2 * (1438 // 64)
    assert "loss" in seen[-1].detail
    assert "accuracy" in seen[-1].detail
    assert len(seen) <= training.PROGRESS_EVENTS + 2


def test_many_short_epochs_are_not_told_one_by_one() -> None:
    seen: list[Progress] = []
    spec = digit_features(Linear(2, same), "cross_entropy")
    training.train(spec.build(), spec, epochs=120, observe=seen.append)
    assert len(seen) <= training.PROGRESS_EVENTS + 2
    assert seen[-1].done == seen[-1].total


def test_epochs_and_data_that_were_asked_for_take_the_place_of_the_plans() -> None:
    outcome = trained(classifier(epochs=50, data="mnist"), epochs=1, data="digits")
    assert (outcome.epochs, outcome.data) == (1, "digits")


def test_another_plan_takes_the_place_of_the_models_own() -> None:
    spec = classifier()
    assert spec.training is not None
    plan = replace(spec.training, epochs=2, optimiser="sgd")
    assert trained(replace(spec, training=None), plan=plan).epochs == 2


def test_a_floor_is_promised_for_the_plans_own_data_alone() -> None:
    plan = classifier().training
    assert plan is not None
    assert training.chosen_plan(plan, data="digits", epochs=3) == replace(plan, epochs=3)
    assert training.chosen_plan(plan, data="mnist").floor is None


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
        ({"initialiser": "hope"}, TrainingError, "'hope'"),
        ({"freeze": ("head",)}, TrainingError, "'head'"),
        ({"freeze": ("weight", "bias")}, TrainingError, "nothing to train"),
        ({"data": "coloured-digits"}, DataError, "shape"),
    ],
)
def test_a_plan_that_cannot_be_followed_says_why(
    plan: dict[str, Any], error: type[Exception], words: str
) -> None:
    spec = classifier(**plan)
    with pytest.raises(error, match=words):
        training.train(spec.build(), spec)


def test_a_cuda_device_that_is_not_there_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    spec = classifier()
    with pytest.raises(MissingError, match="cuda"):
        training.train(spec.build(), spec, device="cuda")


@pytest.mark.cuda
@pytest.mark.parametrize("spec", SPECS)
def test_training_on_a_gpu_is_seeded_too_and_comes_back_to_the_cpu(
    spec: Callable[[], ModelSpec],
) -> None:
    first, again = (trained(spec(), 1, device="cuda") for _ in range(2))
    states = [outcome.module.state_dict() for outcome in (first, again)]
    assert {tensor.device.type for tensor in states[0].values()} == {"cpu"}
    assert state_dict_sha256(states[0]) == state_dict_sha256(states[1])


def test_a_folder_of_images_is_trained_on_under_its_own_name(tmp_path: Path) -> None:
    from PIL import Image

    for place, name in enumerate(("dark", "light")):
        (tmp_path / "shades" / name).mkdir(parents=True)
        for number in range(10):
            image = Image.new("L", (40, 30), 200 * place + number)
            image.save(tmp_path / "shades" / name / f"{number}.png")
    spec = replace(
        classifier(batch_size=4, epochs=5, data="image-folder", pixel_range=(-1.0, 1.0)),
        inputs=(Port("image", ("batch", 1, 28, 28)),),
        build=lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 2)),
    )
    outcome = trained(spec, data_dir=tmp_path / "shades")
    assert outcome.data == "image-folder:shades"
    assert outcome.labels == ("dark", "light")
    assert outcome.metric_value == 1.0

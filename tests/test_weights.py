"""Where weights come from: trained and kept, seeded, or constructed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import nn

from toolkit import checkpoints, weights
from toolkit.errors import BuildError, UsageError
from toolkit.events import Progress
from toolkit.folders import cache_folder
from toolkit.hashing import state_dict_sha256
from toolkit.spec import ModelSpec, Port, TrainingPlan
from toolkit.words import TrainingWords


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(784, 10)
        self.norm = nn.BatchNorm1d(10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.norm(self.fc(image))
        return scores


PLAN = TrainingPlan("digits", "cross_entropy", "accuracy", 0.5, epochs=1)
SPEC = ModelSpec("net", Net, (Port("image", ("batch", 784)),), (Port("logits", ("batch", 10)),))
TRAINED = replace(SPEC, training=PLAN)
SEEDED = replace(SPEC, document="A: a document")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOLKIT_HOME", str(tmp_path / "home"))


def other_weights(seed: int = 7) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return Net().state_dict()


# Seeded and constructed


def test_an_entry_without_a_plan_is_seeded_and_says_so() -> None:
    built = weights.materialize(SEEDED, seed=3)
    assert (built.weights.origin, built.weights.seed) == ("random", 3)
    assert built.weights.sha256 == weights.materialize(SEEDED, seed=3).weights.sha256
    assert built.weights.sha256 != weights.materialize(SEEDED, seed=4).weights.sha256


def test_a_users_model_is_taken_as_it_is_constructed_in_eval_mode() -> None:
    built = weights.materialize(SPEC)
    assert built.weights.origin == "constructed"
    assert not built.module.training
    assert built.weights.sha256 == state_dict_sha256(built.module.state_dict())


def test_a_users_instance_is_copied_and_left_as_it_was() -> None:
    own = Net()
    own.fc.weight.requires_grad_(False)
    built = weights.materialize(replace(SPEC, build=lambda: own))
    assert built.module is not own
    assert own.training
    asked = {name: each.requires_grad for name, each in built.module.named_parameters()}
    assert (asked["fc.weight"], asked["norm.weight"]) == (False, True)


def test_random_weights_are_taken_in_place_of_trained_ones_when_asked() -> None:
    built = weights.materialize(replace(TRAINED, document="A: a document"), choice="random")
    assert built.weights.origin == "random"
    assert not list(cache_folder().rglob("*.safetensors"))


def test_the_callers_random_state_is_untouched_by_building() -> None:
    before = torch.get_rng_state()
    weights.materialize(SPEC, seed=9)
    assert torch.equal(torch.get_rng_state(), before)


def test_what_a_constructor_raises_is_told_by_its_type_and_message() -> None:
    def build() -> nn.Module:
        raise KeyError("hidden_size")

    with pytest.raises(BuildError, match="KeyError: 'hidden_size'"):
        weights.materialize(replace(SPEC, build=build))


def test_something_that_is_no_module_is_named() -> None:
    with pytest.raises(BuildError, match="gave dict"):
        weights.materialize(replace(SPEC, build=dict))  # type: ignore[arg-type]


# Trained


def test_trained_weights_are_reused_when_nothing_changed() -> None:
    first, second = weights.train(TRAINED), weights.train(TRAINED)
    assert (first.reused, second.reused) == (False, True)
    assert second.built.weights == first.built.weights
    assert second.built.weights.origin == "trained"
    assert second.built.weights.data == "digits"
    assert second.metric_value == first.metric_value
    assert second.seconds == first.seconds
    assert state_dict_sha256(second.built.module.state_dict()) == first.built.weights.sha256
    assert not second.built.module.training


def test_materialize_trains_once_and_then_reuses() -> None:
    seen: list[Progress] = []
    first = weights.materialize(TRAINED, observe=seen.append)
    assert seen
    seen.clear()
    assert weights.materialize(TRAINED, observe=seen.append).weights == first.weights
    assert not seen


@pytest.mark.parametrize(
    ("spec", "options"),
    [
        (TRAINED, {"seed": 1}),
        (TRAINED, {"training": TrainingWords(epochs=2)}),
        (TRAINED, {"fresh": True}),
        (replace(TRAINED, training=replace(PLAN, learning_rate=1e-2)), {}),
        (replace(TRAINED, build=lambda: nn.Linear(784, 10)), {}),
    ],
    ids=["seed", "epochs", "fresh", "plan", "model"],
)
def test_weights_are_trained_again_when_something_changed(
    spec: ModelSpec, options: dict[str, Any]
) -> None:
    weights.train(TRAINED)
    assert not weights.train(spec, **options).reused


def test_the_floor_decides_whether_the_metric_is_met() -> None:
    entry = weights.train(TRAINED)
    strict = replace(TRAINED, training=replace(PLAN, floor=1.1))
    assert (entry.met, weights.train(strict).met) == (True, False)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-40] ^= 0xFF
    path.write_bytes(bytes(content))


def _forget(path: Path) -> None:
    safetensors.torch.save_file(other_weights(), path)


@pytest.mark.parametrize("damage", [_cut, _flip, _forget])
def test_a_damaged_cache_file_is_trained_again(damage: Callable[[Path], None]) -> None:
    first = weights.train(TRAINED)
    (kept,) = (cache_folder() / "weights").iterdir()
    damage(kept)
    second = weights.train(TRAINED)
    assert not second.reused
    assert second.built.weights.sha256 == first.built.weights.sha256
    assert weights.train(TRAINED).reused


def test_kept_weights_say_where_they_came_from() -> None:
    entry = weights.train(TRAINED, seed=4)
    (kept,) = (cache_folder() / "weights").iterdir()
    assert kept.name.startswith("net-")
    told = checkpoints.read_facts(kept)
    assert (told["origin"], told["seed"], told["data"]) == ("trained", 4, "digits")
    assert told["sha256"] == entry.built.weights.sha256


def test_a_model_without_a_plan_cannot_be_trained() -> None:
    with pytest.raises(UsageError, match="no training plan"):
        weights.train(SEEDED)

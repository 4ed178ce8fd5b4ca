"""Trained weights are found again only when nothing that made them has changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torchvision.datasets import MNIST

from tests.data.files import write_mnist
from tests.training.networks import Discriminator, Generator, classifier, generator, trained
from toolkit import trained_cache, user_code, weights
from toolkit.hashing import state_dict_sha256
from toolkit.spec import TrainingPlan
from toolkit.trained_cache import TrainedFacts
from toolkit.training import TrainingOutcome
from toolkit.words import TrainingWords


def place(**options: Any) -> Path:
    """Where the weights of the linear classifier's training are kept."""
    spec = classifier()
    torch.manual_seed(0)
    asked: dict[str, Any] = {"plan": spec.training, "seed": 0, "epochs": None, **options}
    return trained_cache.path(spec, module=nn.Linear(784, 10), **asked)


def plan(**fields: Any) -> TrainingPlan:
    own = classifier().training
    assert own is not None
    return replace(own, **fields)


@pytest.mark.parametrize(
    "options",
    [
        {"seed": 1},
        {"epochs": 7},
        {"data": "coloured-digits"},
        {"device": "cuda"},
        {"plan": plan(learning_rate=0.5)},
        {"plan": plan(l1=0.1)},
        {"plan": plan(freeze=("weight",))},
    ],
)
def test_whatever_shapes_the_weights_gives_them_a_place_of_their_own(
    options: dict[str, Any],
) -> None:
    assert place() == place()
    assert place(**options) != place()


def test_asking_for_what_the_plan_says_anyway_is_no_other_training() -> None:
    assert place(data="digits", epochs=1) == place()
    assert place(plan=plan(epochs=9), epochs=1) == place()


def test_other_files_of_the_same_set_are_another_training(tmp_path: Path) -> None:
    write_mnist(tmp_path / "a")
    write_mnist(tmp_path / "b", train=40)
    assert place(data="mnist", data_dir=tmp_path / "a") != place(
        data="mnist", data_dir=tmp_path / "b"
    )


def test_a_set_that_the_training_itself_downloads_is_known_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MNIST, "download", downloaded)
    spec = classifier(data="mnist", batch_size=10)
    words = TrainingWords(data_dir=str(tmp_path))
    first, second = (weights.train(spec, training=words) for _ in range(2))
    assert (first.reused, second.reused) == (False, True)
    assert first.file == second.file


def downloaded(self: MNIST) -> None:
    if not self._check_exists():
        write_mnist(Path(self.root))


BUILDING = """
from functools import partial
from torch import nn
from toolkit.spec import ModelSpec, Port, TrainingPlan

def build(inputs=784):
    module = nn.Sequential(nn.Linear(inputs, 10))
    {further}
    return module

SPEC = ModelSpec(
    "built", {build}, (Port("input", ("batch", 784)),),
    training=TrainingPlan("digits", "cross_entropy", "accuracy", None, epochs=1),
)
"""


@pytest.mark.parametrize("build", ["build", "partial(build, inputs=784)", "lambda: build()"])
@pytest.mark.parametrize(
    "further",
    [
        "module.append(nn.Tanh())",
        "module.register_forward_hook(lambda _, given, found: found.tanh())",  # not in its repr
    ],
)
def test_a_changed_build_function_is_trained_anew(tmp_path: Path, build: str, further: str) -> None:
    found = []
    for folder, line in (("a", ""), ("b", ""), ("c", further)):
        file = tmp_path / folder / "network.py"
        file.parent.mkdir()
        file.write_text(BUILDING.format(build=build, further=line))
        spec = user_code.find_object(f"{file}:SPEC")
        found.append(weights.train(replace(spec, name=f"built by {build} and {further[:13]}")))
    assert [entry.reused for entry in found] == [False, True, False]


def test_another_structure_with_the_same_parameters_is_another_training() -> None:
    layer = nn.Linear(784, 10)
    spec = classifier()
    assert spec.training is not None
    places = {
        trained_cache.path(spec, spec.training, nn.Sequential(layer, last), 0, None)
        for last in (nn.Tanh(), nn.ReLU(), nn.ReLU())
    }
    assert len(places) == 2


class Noted(nn.Linear):
    """Tells an object of its own, as users' modules do; another one every time."""

    def __init__(self) -> None:
        super().__init__(784, 10)
        self.told: list[object] = []

    def extra_repr(self) -> str:
        self.told.append(object())
        return repr(self.told[-1])


def test_where_an_object_lies_in_memory_makes_no_other_training() -> None:
    spec, module = classifier(), Noted()
    assert spec.training is not None
    assert len({repr(module) for _ in range(2)}) == 2
    one, other = (trained_cache.path(spec, spec.training, module, 0, None) for _ in range(2))
    assert one == other


def outcome(module: nn.Module, **fields: Any) -> TrainingOutcome:
    return TrainingOutcome(module, "accuracy", 0.5, 1, 2.0, "digits", **fields)


def test_what_is_told_of_weights_comes_back_with_them(tmp_path: Path) -> None:
    module = nn.Linear(2, 2)
    told = outcome(module, per_class=(0.25, None), labels=("a", "b"))
    facts = TrainedFacts.of("small", 3, module, told)
    file = trained_cache.keep(module, tmp_path / "small.safetensors", facts)
    assert file == tmp_path / "small.safetensors"
    other = nn.Linear(2, 2)
    assert trained_cache.restore(other, file) == facts
    assert torch.equal(other.weight, module.weight)


def test_weights_of_an_interrupted_training_are_never_taken_for_the_whole_trainings(
    tmp_path: Path,
) -> None:
    module = nn.Linear(2, 2)
    facts = TrainedFacts.of("small", 0, module, outcome(module, interrupted=True))
    whole = tmp_path / "small.safetensors"
    kept = trained_cache.keep(module, whole, facts)
    assert kept == tmp_path / "small.interrupted.safetensors"
    assert trained_cache.restore(nn.Linear(2, 2), whole) is None


def test_a_partner_is_kept_beside_and_comes_back(tmp_path: Path) -> None:
    ended = trained(generator())
    facts = TrainedFacts.of("generator", 0, ended.module, ended)
    file = trained_cache.keep(ended.module, tmp_path / "g.safetensors", facts, ended.partner)
    assert file is not None
    assert trained_cache.restore(Generator(), file) == facts
    partner = Discriminator()
    assert trained_cache.restore_partner(partner, file)
    assert state_dict_sha256(partner.state_dict()) == facts.partner_sha256


def test_a_partner_of_another_training_is_not_taken(tmp_path: Path) -> None:
    ended = trained(generator())
    facts = TrainedFacts.of("generator", 0, ended.module, ended)
    file = trained_cache.keep(ended.module, tmp_path / "g.safetensors", facts, Discriminator())
    assert file is not None
    before = state_dict_sha256((partner := Discriminator()).state_dict())
    assert not trained_cache.restore_partner(partner, file)
    trained_cache.partner_file(file).unlink()
    assert not trained_cache.restore_partner(partner, file)
    assert state_dict_sha256(partner.state_dict()) == before


def test_a_folder_that_cannot_be_written_costs_only_the_weights(tmp_path: Path) -> None:
    module = nn.Linear(2, 2)
    facts = TrainedFacts.of("small", 0, module, outcome(module))
    (tmp_path / "file").write_text("in the way")
    assert trained_cache.keep(module, tmp_path / "file" / "small.safetensors", facts) is None

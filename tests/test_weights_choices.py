"""Which weights a model gets by default, by its spec and by what was said about training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from torch import Tensor, nn

from toolkit import registry, weights
from toolkit.errors import REFUSED, DataError, MissingError, SpecError, UsageError
from toolkit.spec import ModelSpec, PartOf, Port, Pretrained, TrainingPlan
from toolkit.words import TrainingWords


class Part(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(784, 8)

    def forward(self, image: Tensor) -> Tensor:
        return self.fc(image)


class Whole(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = Part()
        self.head = nn.Linear(8, 10)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.body(image))


IMAGE = Port("image", ("batch", 784))
PLAN = TrainingPlan("digits", "cross_entropy", "accuracy", 0.1, epochs=1)
WHOLE = ModelSpec("whole", Whole, (IMAGE,), document="A: a document", training=PLAN)
PART = ModelSpec("part", Part, (IMAGE,), document="A: a document", part_of=PartOf("whole", "body"))


@pytest.fixture(autouse=True)
def _own_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOLKIT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(registry, "catalogue", lambda: {"whole": WHOLE, "part": PART})


def test_a_part_has_the_weights_that_it_has_in_the_trained_whole() -> None:
    whole, part = weights.materialize(WHOLE, seed=2), weights.materialize(PART, seed=2)
    assert torch.equal(part.module.get_parameter("fc.weight"), whole.module.body.fc.weight)  # type: ignore[union-attr, arg-type]
    assert (part.weights.origin, part.weights.data) == ("trained", "digits")
    assert part.weights.sha256 != whole.weights.sha256


def test_a_part_may_be_the_whole_and_may_be_random() -> None:
    same = replace(WHOLE, name="same", training=None, part_of=PartOf("whole"))
    assert weights.materialize(same).weights == weights.materialize(WHOLE).weights
    assert weights.materialize(PART, choice="random").weights.origin == "random"


def test_a_part_is_not_trained_by_itself_and_says_what_is() -> None:
    with pytest.raises(UsageError, match="a part of those of whole") as refused:
        weights.train(PART)
    assert refused.value.hint == "toolkit train whole"


@pytest.mark.parametrize("part_of", [PartOf("hole", "body"), PartOf("whole", "partner")])
def test_a_part_of_what_there_is_not_is_named(part_of: PartOf) -> None:
    with pytest.raises(SpecError, match="part"):
        weights.materialize(replace(PART, part_of=part_of))


# What was said about training


ON_REQUEST = replace(WHOLE, training=replace(PLAN, data="mnist"))


def test_a_plan_whose_data_are_not_at_hand_is_not_followed_unasked() -> None:
    assert weights.materialize(ON_REQUEST).weights.origin == "random"


def test_a_plan_whose_data_are_not_at_hand_is_followed_when_asked(tmp_path: Path) -> None:
    folder = TrainingPlan("image-folder", "cross_entropy", "accuracy", None)
    with pytest.raises(DataError, match="needs the folder"):
        weights.train(replace(WHOLE, training=folder))
    with pytest.raises(DataError, match="image-folder cannot be given"):
        weights.materialize(
            replace(WHOLE, training=folder), training=TrainingWords(data_dir=str(tmp_path))
        )


def test_a_training_that_was_asked_for_has_no_replacement_but_the_one_that_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", _no_network)
    spec = replace(WHOLE, pretrained=Pretrained("http://weights.invalid/whole-0123abcd.pth"))
    words = TrainingWords(data="digits")
    with pytest.raises(MissingError, match=r"whole-0123abcd\.pth cannot be had") as refused:
        weights.materialize(spec, training=words, fallback=True)
    assert (refused.value.exit_code, refused.value.model) == (REFUSED, "whole")
    assert "--weights random" in str(refused.value.hint)
    found = weights.materialize(spec, choice="random", training=words).weights
    assert (found.origin, found.substituted) == ("random", False)


def _no_network(*_: object, **__: object) -> None:
    raise URLError("no network here")


def test_other_data_take_the_place_of_the_plans_and_promise_no_floor() -> None:
    entry = weights.train(ON_REQUEST, training=TrainingWords(data="digits"))
    assert (entry.data, entry.floor) == ("digits", None)
    assert weights.train(WHOLE).floor == PLAN.floor


def test_the_documents_recipe_is_followed_when_asked() -> None:
    recipe = replace(PLAN, learning_rate=1e-2, epochs=2)
    words = TrainingWords(recipe="document")
    spec = replace(WHOLE, recipe=recipe)
    entry = weights.train(spec, training=words)
    assert entry.epochs == 2
    assert weights.train(spec, training=words).reused
    assert not weights.train(spec).reused


def test_a_recipe_that_the_document_does_not_have_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no training of its own"):
        weights.train(WHOLE, training=TrainingWords(recipe="document"))


def test_training_may_start_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "w.pth"
    torch.manual_seed(9)
    torch.save(Whole().state_dict(), file)
    entry = weights.train(WHOLE, choice=str(file))
    assert entry.built.weights.note == "trained from the weights of a file"
    assert entry.built.weights.sha256 != weights.train(WHOLE).built.weights.sha256


def test_per_class_accuracies_come_back_with_reused_weights() -> None:
    first, second = weights.train(WHOLE), weights.train(WHOLE)
    assert (first.reused, second.reused) == (False, True)
    assert len(second.per_class) == len(second.labels) == 10
    assert second.per_class == first.per_class
    assert second.file is not None
    assert second.file == first.file

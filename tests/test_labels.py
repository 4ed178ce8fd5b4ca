"""Names of classes by the name of a set, or a model's own."""

from __future__ import annotations

import pytest

from toolkit import labels
from toolkit.errors import SpecError


@pytest.mark.parametrize(
    ("name", "index", "expected", "count"),
    [
        ("digits", 7, "7", 10),
        ("cifar10", 5, "dog", 10),
        ("fashion-mnist", 9, "ankle boot", 10),
        ("imagenet", 281, "tabby", 1000),
    ],
)
def test_a_set_names_its_classes_in_order(name: str, index: int, expected: str, count: int) -> None:
    names = labels.class_names(name)
    assert names[index] == expected
    assert len(names) == count


def test_a_models_own_names_are_taken_as_they_are() -> None:
    assert labels.class_names(("ants", "bees")) == ("ants", "bees")


def test_an_unknown_set_is_told_which_there_are() -> None:
    with pytest.raises(SpecError) as caught:
        labels.class_names("flowers")
    assert "digits" in str(caught.value.hint)

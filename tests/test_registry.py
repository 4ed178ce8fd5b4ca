"""Model words to specs, or to the nearest names."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from toolkit import registry
from toolkit.errors import InputsError, ModelNotFoundError, SpecError
from toolkit.spec import Port
from toolkit.words import ModelWords

STRANGERS = Path(__file__).parent / "strangers" / "networks.py"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(STRANGERS, tmp_path / "networks.py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))


def find(word: str, *inputs: str, **rest: str) -> list[Port]:
    options = {name: (value,) for name, value in rest.items() if name != "inputs_file"}
    words = ModelWords(word, inputs, inputs_file=rest.get("inputs_file"), **options)  # type: ignore[arg-type]
    return list(registry.find(words).inputs)


def test_every_entry_is_found_by_its_name() -> None:
    assert {"lenet5", "lstm", "vae"} <= set(registry.catalogue())
    for name, spec in registry.catalogue().items():
        assert registry.find(ModelWords(name)) is spec


def test_an_unknown_name_answers_with_the_nearest() -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        registry.find(ModelWords("lenet55"))
    assert "lenet5" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("networks.py", "networks.py:Net"),
        ("empty", "no manifest.json"),
        ("lone.onnx", "there is no file lone.onnx"),
        ("zzzzzz", "toolkit list"),
        ("torchvision:", "torchvision:resnet50"),
    ],
)
def test_what_is_no_model_says_what_would_be(word: str, hint: str) -> None:
    Path("empty").mkdir()
    with pytest.raises(ModelNotFoundError) as caught:
        registry.find(ModelWords(word))
    assert hint in str(caught.value.hint)


def test_inputs_of_a_users_model_come_from_the_words() -> None:
    assert find("networks.py:Plain", "x=batch,8") == [Port("x", ("batch", 8))]


def test_inputs_for_a_model_that_has_its_own_are_refused() -> None:
    for word in ("lenet5", "networks.py:SPEC"):
        with pytest.raises(InputsError, match="inputs of its own"):
            find(word, "x=3")


def test_a_dimension_that_no_input_has_is_refused() -> None:
    with pytest.raises(SpecError, match="called bach"):
        find("networks.py:Plain", "x=batch,8", dims="bach=1..4")


def test_an_input_named_twice_is_refused() -> None:
    with pytest.raises(SpecError, match="named twice"):
        find("networks.py:Plain", "x=batch,8", "x=batch,9")


def test_inputs_can_be_those_of_a_file() -> None:
    np.savez("given.npz", x=np.zeros((3, 8), np.float32))
    assert find("networks.py:Plain", inputs_file="given.npz") == [Port("x", (3, 8))]


def test_a_file_with_pickles_or_strange_dtypes_is_refused() -> None:
    np.savez("pickled.npz", x=np.array([{"a": 1}], dtype=object))
    np.savez("complex.npz", x=np.zeros(3, np.complex64))
    Path("torn.npz").write_bytes(b"PK\x03\x04")
    np.save("lone.npy", np.zeros(3))
    for name in ("pickled.npz", "complex.npz", "torn.npz", "lone.npy", "nowhere.npz"):
        with pytest.raises(InputsError):
            find("networks.py:Plain", inputs_file=name)

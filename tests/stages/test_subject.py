"""A model on its way: named as typed, with its own weights and the user's own arrays."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from toolkit import pipeline
from toolkit.errors import BundleError, InputsError, ModelNotFoundError
from toolkit.folders import slug
from toolkit.options import CheckOptions, ExportOptions
from toolkit.stages.rows import explained, is_out_of_memory
from toolkit.stages.subject import prepare, train_plan
from toolkit.words import ModelWords

STRANGERS = Path(__file__).parents[1] / "strangers" / "networks.py"
PLAIN = ModelWords("networks.py:Plain", ("x=batch,8",))


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(STRANGERS, tmp_path / "networks.py")
    monkeypatch.chdir(tmp_path)


def test_the_same_seed_builds_the_same_weights_and_another_seed_others() -> None:
    hashes = [prepare(PLAIN).built.weights.sha256 for _ in range(2)]
    assert hashes[0] == hashes[1]
    other = ModelWords(PLAIN.word, PLAIN.inputs, seed=1)
    assert prepare(other).built.weights.sha256 != hashes[0]


def test_an_error_names_the_model_as_typed_without_its_folder(tmp_path: Path) -> None:
    word = f"{tmp_path / 'networks.py'}:Plain"
    with pytest.raises(InputsError) as caught:
        prepare(ModelWords(word, ("x=batch,7",)))
    assert caught.value.model == "networks.py:Plain"


def test_a_users_arrays_come_in_forwards_order_and_without_the_rest() -> None:
    np.savez("given.npz", other=np.zeros(1), x=np.ones((3, 8), np.float32))
    subject = prepare(ModelWords(PLAIN.word, PLAIN.inputs, inputs_file="given.npz"))
    assert [list(arrays) for arrays in subject.given] == [["x"]]


def test_a_model_of_a_bundle_has_the_bundles_weights_and_arguments() -> None:
    words = ModelWords(PLAIN.word, PLAIN.inputs, arguments=("width=3",), seed=5)
    (made,) = pipeline.export(words, ExportOptions(("trace",), Path("out")), {})
    again = prepare(ModelWords(str(made.bundle)))
    assert again.built.weights.sha256 == prepare(words).built.weights.sha256
    assert again.spec.outputs[0].shape == ("batch", 3)


def test_a_bundle_whose_code_is_gone_says_so() -> None:
    (made,) = pipeline.export(PLAIN, ExportOptions(("trace",), Path("out")), {})
    Path("networks.py").unlink()
    with pytest.raises(ModelNotFoundError, match=r"there is no file networks\.py"):
        prepare(ModelWords(str(made.bundle)))


def test_a_folder_that_is_no_bundle_is_not_replaced() -> None:
    folder = Path("out") / "networks-Plain"
    folder.mkdir(parents=True)
    (folder / "thesis.txt").write_text("three years of work")
    with pytest.raises(BundleError, match="no bundle"):
        list(pipeline.export(PLAIN, ExportOptions(("trace",), Path("out")), {}))
    assert (folder / "thesis.txt").read_text() == "three years of work"


def test_a_catalogue_entry_is_trained_only_where_no_other_weights_are_named() -> None:
    assert train_plan(ModelWords("lenet5")) is not None
    assert train_plan(ModelWords("lenet5", weights="random")) is None
    assert train_plan(PLAIN) is None


def test_script_is_a_limit_unless_it_was_named() -> None:
    words = ModelWords("networks.py:Chatty", PLAIN.inputs)  # prints through `os`, which is unknown
    (unasked,) = pipeline.check(words, CheckOptions(), ("script",), None)
    (asked,) = pipeline.check(words, CheckOptions(("script",)), ("script",), None)
    assert (unasked.status, asked.status) == ("limit", "error")
    assert unasked.findings[0].message


def test_memory_that_ran_out_is_known_by_every_name() -> None:
    for error in (
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
    ):
        assert is_out_of_memory(error)
    assert not is_out_of_memory(RuntimeError("shape mismatch"))


def test_a_failure_is_told_with_its_hint() -> None:
    assert explained(InputsError("no", hint="yes")) == "no (yes)"
    assert explained(ValueError("no")) == "ValueError: no"


def test_a_model_word_becomes_a_folders_name() -> None:
    assert slug("sub/net.py:Net") == "sub-net-Net"
    assert slug("lenet5") == "lenet5"

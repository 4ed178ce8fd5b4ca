"""Models of transformers, from folders alone: inputs, weights and forms of six tiny networks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import toolkit
from tests.libraries import tiny
from toolkit import libraries, registry, weights
from toolkit.cli.model_options import ModelOptions, NameOptions, told
from toolkit.errors import MissingError, ModelNotFoundError, UsageError, WeightsError
from toolkit.inputs import draw
from toolkit.libraries import hub
from toolkit.spec import ModelSpec
from toolkit.words import ModelWords

pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of each network."""
    root = tmp_path_factory.mktemp("saved")
    return {family: tiny.save(family, root) for family in tiny.FAMILIES}


def spec_of(folder: Path) -> ModelSpec:
    return registry.find(ModelWords(str(folder)))


def shapes(spec: ModelSpec) -> dict[str, tuple[int | str, ...]]:
    return {port.name: port.shape for port in spec.inputs}


@pytest.mark.parametrize("family", ["bert", "gpt2", "t5", "llama"])
def test_networks_for_text_take_tokens_of_their_vocabulary_and_a_mask(
    saved: dict[str, Path], family: str
) -> None:
    spec = spec_of(saved[family])
    text = ("batch", "sequence")
    kinds = {"token_type_ids": text} if family == "bert" else {}
    assert shapes(spec) == {"input_ids": text, "attention_mask": text, **kinds}
    assert (spec.inputs[0].low, spec.inputs[0].high) == (0, 98)


def test_a_sequence_is_at_most_as_long_as_there_are_positions(saved: dict[str, Path]) -> None:
    assert spec_of(saved["gpt2"]).dimension("sequence").high == tiny.CONTEXT
    assert spec_of(saved["t5"]).dimension("sequence").high is None


def test_a_text_is_timed_at_128_tokens_or_as_many_as_there_can_be(saved: dict[str, Path]) -> None:
    assert spec_of(saved["t5"]).dimension("sequence").timed == 128
    assert spec_of(saved["gpt2"]).dimension("sequence").timed == tiny.CONTEXT
    bounded = registry.find(ModelWords(str(saved["t5"]), dims=("sequence=2..16:3",)))
    assert bounded.dimension("sequence").timed == 14


def test_a_mask_covers_the_end_of_a_sample_and_never_all_of_it(saved: dict[str, Path]) -> None:
    spec = spec_of(saved["llama"])
    mask = draw(spec, {"batch": 50, "sequence": 6}, seed=0)["attention_mask"]
    assert set(mask.sum(axis=1)) == {1, 2, 3, 4, 5, 6}
    assert (mask[:, :-1] >= mask[:, 1:]).all()


def test_networks_for_images_and_sound_take_what_their_configuration_says(
    saved: dict[str, Path],
) -> None:
    assert shapes(spec_of(saved["vit"])) == {"pixel_values": ("batch", 3, 32, 32)}
    assert shapes(spec_of(saved["whisper"])) == {"input_features": ("batch", 8, 40)}


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_the_weights_are_those_of_the_folder(saved: dict[str, Path], family: str) -> None:
    import transformers as library

    spec = spec_of(saved[family])
    built = weights.materialize(spec)
    config = tiny.configuration(family)
    network = getattr(library, config.architectures[0]).from_pretrained(saved[family])
    whole = network.get_encoder() if config.is_encoder_decoder else network
    assert built.weights.origin == "pretrained"
    assert built.weights.note is None
    state = built.module.state_dict()
    assert all(torch.equal(state[name], value) for name, value in whole.state_dict().items())


@pytest.mark.slow
@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_the_forms_are_right_at_other_batches_and_lengths_than_the_traced(
    saved: dict[str, Path], tmp_path: Path, family: str
) -> None:
    formats = ("onnx", "pt2")
    rows = toolkit.check(str(saved[family]), formats=formats, budget_s=5.0, failures=tmp_path)
    faults = [one.message for row in rows for one in row.findings if one.severity == "error"]
    assert ([row.status for row in rows], faults) == (["pass", "pass"], [])


def test_a_configuration_without_weights_is_seeded(saved: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text((saved["bert"] / "config.json").read_text("utf-8"))
    spec = spec_of(tmp_path)
    first, again, other = (weights.materialize(spec, seed=seed) for seed in (0, 0, 1))
    assert first.weights.origin == "constructed"
    assert first.weights.sha256 == again.weights.sha256 != other.weights.sha256


def test_what_the_file_lacks_is_seeded_and_said(saved: dict[str, Path], tmp_path: Path) -> None:
    import transformers as library

    headless = library.BertModel(tiny.configuration("bert"))
    headless.save_pretrained(tmp_path)
    held = json.loads((tmp_path / "config.json").read_text("utf-8"))
    held["architectures"] = ["BertForSequenceClassification"]
    (tmp_path / "config.json").write_text(json.dumps(held))
    note = weights.materialize(spec_of(tmp_path)).weights.note
    assert note == "seeded, not published: classifier.weight, classifier.bias"


def test_weights_of_another_size_are_refused(saved: dict[str, Path], tmp_path: Path) -> None:
    held = json.loads((saved["bert"] / "config.json").read_text("utf-8"))
    (tmp_path / "config.json").write_text(json.dumps({**held, "vocab_size": 50}))
    (tmp_path / "model.safetensors").write_bytes((saved["bert"] / "model.safetensors").read_bytes())
    with pytest.raises(WeightsError, match="do not fit its configuration"):
        weights.materialize(spec_of(tmp_path))


def test_a_configuration_of_something_else_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"architecture": "resnet18"}')
    with pytest.raises(ModelNotFoundError, match="none of transformers"):
        spec_of(tmp_path)


def test_a_configuration_cannot_name_what_is_no_network(
    saved: dict[str, Path], tmp_path: Path
) -> None:
    held = json.loads((saved["bert"] / "config.json").read_text("utf-8"))
    (tmp_path / "config.json").write_text(json.dumps({**held, "architectures": ["Trainer"]}))
    assert type(spec_of(tmp_path).build()).__name__ == "BertModel"


def test_arguments_are_refused_for_what_a_configuration_describes(saved: dict[str, Path]) -> None:
    with pytest.raises(UsageError, match="no --arg"):
        registry.find(ModelWords(str(saved["bert"]), arguments=("hidden_size=4",)))


@pytest.mark.parametrize("way", ["hf:{}", "{}"])
def test_a_folder_may_stand_behind_the_librarys_name(saved: dict[str, Path], way: str) -> None:
    chosen = ModelOptions(NameOptions([way.format(saved["bert"])]))
    assert [words.word for words in chosen.words()] == [str(saved["bert"])]
    assert told(chosen)["files"].keys() == {"tiny_bert"}  # type: ignore[attr-defined]


def test_a_folder_without_a_configuration_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"has no config\.json"):
        registry.find(ModelWords(f"hf:{tmp_path}"))


def test_a_name_that_cannot_be_had_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_answers", lambda address: False)
    with pytest.raises(MissingError, match="its configuration cannot be had"):
        registry.find(ModelWords("hf:nobody/nothing"))


def test_models_of_the_hub_are_not_listed_by_a_pattern() -> None:
    with pytest.raises(UsageError, match="named one by one"):
        list(libraries.expand(ModelWords("hf:bert-*")))

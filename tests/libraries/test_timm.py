"""Models of timm by name; nothing is downloaded: the hub's place is taken by a loader in memory."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_images

import toolkit
from toolkit import libraries, registry, weights
from toolkit.errors import MissingError, ModelNotFoundError
from toolkit.images import as_sample
from toolkit.inputs import draw, run_module
from toolkit.libraries import hub
from toolkit.spec import ModelSpec
from toolkit.words import ModelWords

timm = pytest.importorskip("timm")


@pytest.fixture(autouse=True)
def _silent_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_answers", lambda address: False)


def spec_of(name: str, *inputs: str, arguments: tuple[str, ...] = ()) -> ModelSpec:
    return registry.find(ModelWords(f"timm:{name}", inputs, arguments=arguments))


def test_size_and_preparation_are_those_of_its_configuration() -> None:
    spec = spec_of("test_vit")
    assert spec.inputs[0].shape == ("batch", 3, 160, 160)
    assert (spec.inputs[0].low, spec.inputs[0].high) == (-1.0, 1.0)
    assert spec.preprocess is not None
    assert (spec.preprocess.resize, spec.preprocess.crop) == (168, 160)
    assert spec.preprocess.interpolation == "bicubic"


@pytest.mark.parametrize("name", ["test_vit", "test_resnet", "resnet18.tv_in1k"])
def test_photographs_are_prepared_as_timm_prepares_them(name: str) -> None:
    steps = spec_of(name).preprocess
    assert steps is not None
    config = timm.data.resolve_data_config(pretrained_cfg=timm.get_pretrained_cfg(name).to_dict())
    prepare = timm.data.create_transform(**config)
    for pixels in load_sample_images().images:
        image = Image.fromarray(pixels)
        torch.testing.assert_close(as_sample(image, steps), prepare(image))


@pytest.mark.parametrize(
    "change", [{"interpolation": "lanczos"}, {"crop_mode": "squash"}, {"crop_mode": "border"}]
)
def test_what_is_prepared_in_another_way_has_no_preparation(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, str]
) -> None:
    config = dataclasses.replace(timm.get_pretrained_cfg("test_vit"), **change)
    monkeypatch.setattr(timm, "get_pretrained_cfg", lambda name: config)
    assert spec_of("test_vit").preprocess is None


def test_a_network_of_fixed_size_is_built_for_the_size_that_is_asked_for() -> None:
    spec = spec_of("test_vit", "x=batch,3,64,64")
    built = weights.materialize(spec, choice="random")
    logits = run_module(built.module, spec, draw(spec, {"batch": 2}, seed=0))["logits"]
    assert logits.shape == (2, 1000)


@pytest.mark.parametrize("name", timm.list_models("test_*"))
def test_seeded_outputs_depend_on_the_image(name: str) -> None:
    spec = spec_of(name)
    built = weights.materialize(spec, choice="random")
    logits = run_module(built.module, spec, draw(spec, {"batch": 3}, seed=1))["logits"]
    assert np.isfinite(logits).all()
    assert logits.std(axis=0).max() > 1e-3 * np.abs(logits).max()


def test_a_bundle_of_another_size_than_the_native_is_checked_again(tmp_path: Path) -> None:
    made = toolkit.export(
        "timm:test_vit",
        inputs={"x": "batch,3,64,64"},
        weights="random",
        formats=["trace"],
        out=tmp_path / "out",
    )
    (row,) = toolkit.check(str(made.bundle), budget_s=3.0, failures=tmp_path)
    assert row.status == "pass"


def test_an_unknown_name_or_tag_answers_with_known_ones() -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        spec_of("resnet51")
    assert "resnet50" in str(caught.value.hint)
    with pytest.raises(ModelNotFoundError) as caught:
        spec_of("test_vit.nothing")
    assert "r160_in1k" in str(caught.value.hint)


def test_published_weights_are_those_that_timm_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_of("test_resnet")
    state = weights.construct(spec, seed=1).state_dict()
    builder = sys.modules["timm.models._builder"]
    monkeypatch.setattr(builder, "load_state_dict_from_hf", lambda *given, **named: dict(state))
    built = weights.materialize(spec, seed=0)
    assert (built.weights.origin, built.weights.data) == ("pretrained", "timm test_resnet")
    mine = built.module.state_dict()
    assert all(torch.equal(mine[key], value) for key, value in state.items())


def test_weights_that_cannot_be_had_are_missing_or_substituted() -> None:
    spec = spec_of("test_resnet", arguments=())
    with pytest.raises(MissingError, match="timm test_resnet cannot be had"):
        weights.materialize(spec)
    assert weights.materialize(spec, fallback=True).weights.substituted


def test_a_pattern_means_every_architecture_that_fits() -> None:
    found = [words.word for words in libraries.expand(ModelWords("timm:test_*"))]
    assert found == [f"timm:{name}" for name in timm.list_models("test_*")]


def test_without_timm_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "timm")
    with pytest.raises(MissingError) as caught:
        spec_of("test_vit")
    assert caught.value.hint == "pip install 'torch-export-toolkit[timm]'"


def test_without_transformers_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "transformers")
    with pytest.raises(MissingError) as caught:
        registry.find(ModelWords("hf:gpt2"))
    assert caught.value.hint == "pip install 'torch-export-toolkit[transformers]'"


def hide(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    """As if the library were not installed."""
    monkeypatch.setitem(sys.modules, library, None)


def test_no_library_is_imported_for_a_model_of_the_catalogue() -> None:
    script = (
        "import sys; from toolkit import registry; from toolkit.words import ModelWords; "
        "registry.find(ModelWords('lenet5')); "
        "sys.exit(', '.join({'timm', 'transformers', 'huggingface_hub'} & set(sys.modules)) or 0)"
    )
    child: Any = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert child.returncode == 0, child.stderr

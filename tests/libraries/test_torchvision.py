"""Models of torchvision by name: sizes, preparation, arguments, seeded and published weights."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from torchvision.transforms import InterpolationMode

import toolkit
from toolkit import libraries, pretrained, registry, weights
from toolkit.errors import InputsError, MissingError, ModelNotFoundError
from toolkit.inputs import draw, run_module
from toolkit.spec import ModelSpec, Preprocess
from toolkit.words import ModelWords


def spec_of(name: str, *inputs: str, arguments: tuple[str, ...] = ()) -> ModelSpec:
    return registry.find(ModelWords(f"torchvision:{name}", inputs, arguments=arguments))


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("resnet18", (3, 224, 224)),
        ("inception_v3", (3, 299, 299)),
        ("efficientnet_v2_s", (3, 384, 384)),
        ("fcn_resnet50", (3, 520, 520)),
        ("r3d_18", (3, 16, 112, 112)),
    ],
)
def test_the_input_has_the_native_size_and_any_batch(name: str, shape: tuple[int, ...]) -> None:
    (port,) = spec_of(name).inputs
    assert port.shape == ("batch", *shape)


def test_pixels_lie_between_what_black_and_white_become() -> None:
    (port,) = spec_of("resnet18").inputs
    assert (port.low, port.high) == (-2.12, 2.64)


def test_images_are_prepared_as_for_the_published_weights() -> None:
    steps = spec_of("efficientnet_v2_s").preprocess
    assert steps is not None
    assert (steps.resize, steps.crop) == (384, 384)
    small = spec_of("inception_v3", "x=batch,3,100,100").preprocess
    assert isinstance(small, Preprocess)
    assert (small.resize, small.crop) == (114, 100)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("efficientnet_b0", "bicubic"), ("efficientnet_b1", "bilinear"), ("swin_t", "bicubic")],
)
def test_images_are_resized_by_the_filter_of_the_published_weights(
    name: str, expected: str
) -> None:
    side = 224 if name.startswith("swin") else 100
    for steps in (spec_of(name).preprocess, spec_of(name, f"x=batch,3,{side},{side}").preprocess):
        assert steps is not None
        assert steps.interpolation == expected


def test_a_filter_that_is_neither_bilinear_nor_cubic_gives_no_preparation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = torchvision.models.get_model_weights("resnet18").DEFAULT
    steps = member.transforms()
    steps.interpolation = InterpolationMode.LANCZOS
    monkeypatch.setattr(type(member), "transforms", lambda self: steps, raising=False)
    assert spec_of("resnet18").preprocess is None


def test_a_transformer_is_built_for_the_size_that_is_asked_for() -> None:
    module = spec_of("vit_b_32", "x=batch,3,64,64").build()
    assert module.image_size == 64


@pytest.mark.parametrize(
    ("name", "asked", "said"),
    [
        ("inception_v3", 64, "--input x=batch,3,75,75"),
        ("vit_h_14", 64, "--input x=batch,3,70,70"),
        ("maxvit_t", 64, "--input x=batch,3,224,224"),
    ],
)
def test_a_size_that_it_does_not_take_is_refused_with_one_that_it_does(
    name: str, asked: int, said: str
) -> None:
    with pytest.raises(InputsError, match=f"not {asked}") as caught:
        spec_of(name, f"x=batch,3,{asked},{asked}")
    assert caught.value.hint == said


def test_an_input_of_another_name_is_refused_with_the_right_one() -> None:
    with pytest.raises(InputsError, match="x=batch,3,224,224"):
        spec_of("resnet18", "images=batch,3,64,64")


def test_an_unknown_name_answers_with_the_nearest() -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        spec_of("resnet51")
    assert "resnet50" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("name", "said"), [("fasterrcnn_resnet50_fpn", "examples/"), ("quantized_resnet18", "resnet18")]
)
def test_what_is_not_supported_is_told_with_a_way_out(name: str, said: str) -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        spec_of(name)
    assert said in str(caught.value.hint)


def test_arguments_go_to_the_builder() -> None:
    spec = spec_of("squeezenet1_1", arguments=("num_classes=7",))
    assert spec.outputs[0].shape == ("batch", 7)
    assert (spec.labels, spec.pretrained) == (None, None)
    with pytest.raises(InputsError, match="unexpected keyword"):
        spec_of("squeezenet1_1", arguments=("depth=7",)).build()


@pytest.mark.parametrize("name", ["vit_b_32", "mobilenet_v3_small", "squeezenet1_1"])
def test_seeded_outputs_depend_on_the_image_and_on_every_scale(name: str) -> None:
    spec = spec_of(name, "x=batch,3,64,64")
    built = weights.materialize(spec, choice="random")
    logits = run_module(built.module, spec, draw(spec, {"batch": 3}, seed=1))["logits"]
    assert np.isfinite(logits).all()
    assert logits.std(axis=0).max() > 1e-3 * np.abs(logits).max()
    constant = [key for key, value in built.module.named_parameters() if is_constant(value)]
    assert constant == []


def is_constant(value: torch.Tensor) -> bool:
    return value.numel() > 1 and bool((value == value.flatten()[0]).all())


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """State dicts by the names of torchvision's weights, in place of what a host would give."""
    states: dict[str, Any] = {}

    def file(name: str, model: str, observe: object) -> Path:
        if name not in states:
            raise MissingError("no host", model=model)
        torch.save(states[name], tmp_path / "state.pth")
        return tmp_path / "state.pth"

    monkeypatch.setattr(pretrained, "published_file", file)
    return states


def old_densenet(state: dict[str, Any]) -> dict[str, Any]:
    return {
        key.replace("norm1", "norm.1").replace("norm2", "norm.2").replace("conv1", "conv.1"): value
        for key, value in state.items()
    }


def with_auxiliary(state: dict[str, Any]) -> dict[str, Any]:
    return {**state, "aux1.fc1.weight": torch.zeros(3)}


@pytest.mark.parametrize(
    ("name", "weights_name", "as_published"),
    [
        ("squeezenet1_1", "SqueezeNet1_1_Weights.IMAGENET1K_V1", dict),
        ("mnasnet0_5", "MNASNet0_5_Weights.IMAGENET1K_V1", dict),
        ("densenet121", "DenseNet121_Weights.IMAGENET1K_V1", old_densenet),
        ("googlenet", "GoogLeNet_Weights.IMAGENET1K_V1", with_auxiliary),
    ],
)
def test_published_weights_are_the_default_by_the_names_of_their_files(
    published: dict[str, Any], name: str, weights_name: str, as_published: Any
) -> None:
    spec = spec_of(name)
    other = weights.construct(spec, seed=1).state_dict()
    published[weights_name] = as_published(other)
    built = weights.materialize(spec, seed=0)
    assert (built.weights.origin, built.weights.data) == ("pretrained", weights_name)
    assert built.weights.note is None
    state = built.module.state_dict()
    assert all(torch.equal(state[key], value) for key, value in other.items())


@pytest.mark.slow
def test_places_of_a_transformer_are_interpolated_to_another_size(
    published: dict[str, Any],
) -> None:
    native = spec_of("vit_b_32")
    published["ViT_B_32_Weights.IMAGENET1K_V1"] = weights.construct(native, seed=1).state_dict()
    built = weights.materialize(spec_of("vit_b_32", "x=batch,3,64,64"), seed=0)
    assert built.weights.origin == "pretrained"
    assert built.module.get_parameter("encoder.pos_embedding").shape == (1, 5, 768)


def test_without_its_published_weights_a_check_says_so_and_an_export_refuses(
    published: dict[str, Any],
) -> None:
    spec = spec_of("squeezenet1_1", "x=batch,3,64,64")
    built = weights.materialize(spec, fallback=True)
    assert built.weights.substituted
    with pytest.raises(MissingError):
        weights.materialize(spec)


@pytest.mark.slow
def test_maps_of_a_segmentation_network_go_by_their_names(
    published: dict[str, Any], tmp_path: Path
) -> None:
    (row,) = toolkit.check(
        "torchvision:lraspp_mobilenet_v3_large",
        inputs={"input": "batch,3,64,64"},
        formats=["pt2"],
        budget_s=3.0,
        failures=tmp_path,
    )
    assert row.status == "pass"


def test_a_pattern_means_every_classifier_that_fits() -> None:
    found = [words.word for words in libraries.expand(ModelWords("torchvision:vgg1[13]*"))]
    named = ["vgg11", "vgg11_bn", "vgg13", "vgg13_bn"]
    assert found == [f"torchvision:{name}" for name in named]
    everything = [words.word for words in libraries.expand(ModelWords("torchvision:*"))]
    assert len(everything) >= 80
    assert "torchvision:fcn_resnet50" not in everything


def test_each_model_of_a_pattern_gets_the_least_size_that_it_takes() -> None:
    words = ModelWords("torchvision:*_*", inputs=("x=batch,3,64,64",))
    sizes = {each.word.partition(":")[2]: each.inputs for each in libraries.expand(words)}
    assert sizes["inception_v3"] == ("x=batch,3,75,75",)
    assert sizes["vit_h_14"] == ("x=batch,3,70,70",)
    assert sizes["swin_t"] == sizes["convnext_tiny"] == ("x=batch,3,64,64",)


def test_a_pattern_that_nothing_fits_is_refused() -> None:
    with pytest.raises(ModelNotFoundError, match="no model of torchvision fits"):
        list(libraries.expand(ModelWords("torchvision:resnt*")))


def test_other_words_are_left_as_they_are() -> None:
    words = ModelWords("net.py:Net", inputs=("x=batch,3",))
    assert list(libraries.expand(words)) == [words]
    assert dataclasses.asdict(next(libraries.expand(words))) == dataclasses.asdict(words)

"""The documents' networks: each is there, written twice it is one, and their faults are mended."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import toolkit
from toolkit import registry
from toolkit.errors import BuildError
from toolkit.weights import construct

POSITIONS = {"fc1": "0", "fc2": "2", "fc3": "4"}


def built(name: str, seed: int = 0) -> nn.Module:
    return construct(registry.catalogue()[name], seed)


def with_weights_of(source: nn.Module, module: nn.Module, renamed: Mapping[str, str]) -> nn.Module:
    """`module` with the weights of `source`, whose layers go by other names."""
    state = {}
    for key, value in source.state_dict().items():
        layer, kind = key.rsplit(".", 1)
        state[f"{renamed.get(layer, layer)}.{kind}"] = value
    module.load_state_dict(state, strict=True)
    return module


@pytest.mark.parametrize(
    ("first", "second", "renamed"),
    [
        ("mlp_784_200_200_10", "mlp_784_200_200_10_sequential", {}),
        ("mlp_784_128_64_10", "mlp_784_128_64_10_sequential", POSITIONS),
        ("conv_relu_sequential", "conv_relu_sequential_named", {"0": "conv1", "2": "conv2"}),
    ],
)
def test_a_network_written_twice_is_the_same_under_a_mapped_state_dict(
    first: str, second: str, renamed: dict[str, str]
) -> None:
    shape = (3, 1, 12, 11) if first.startswith("conv") else (3, 784)
    one, other = built(first, seed=0), built(second, seed=1)
    inputs = torch.randn(shape)
    assert not torch.equal(one(inputs), other(inputs))
    assert torch.equal(one(inputs), with_weights_of(one, other, renamed)(inputs))


def test_the_log_softmax_form_gives_the_logarithm_of_the_softmax_form() -> None:
    probable = built("mlp_784_128_64_10")
    logarithmic = with_weights_of(probable, built("mlp_784_128_64_10_log_softmax", 1), POSITIONS)
    inputs = torch.randn(4, 784)
    torch.testing.assert_close(logarithmic(inputs).exp(), probable(inputs))


def test_no_activation_is_lost_in_the_sequential_form() -> None:
    layers = [type(layer) for layer in built("mlp_784_200_200_10_sequential").children()]
    assert layers == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear, nn.LogSoftmax]


def test_a_hand_written_bias_is_one_row_for_all_samples() -> None:
    module = built("mlp_784_256_10_manual")
    assert [tuple(module.get_parameter(name).shape) for name in ("b1", "b2")] == [(256,), (10,)]
    images = torch.rand(3, 1, 28, 28)
    alone = torch.cat([module(image.unsqueeze(0)) for image in images])
    torch.testing.assert_close(module(images), alone)


def test_the_hand_written_softmax_holds_at_logits_at_which_the_exponential_overflows() -> None:
    softmax = importlib.import_module("toolkit.models.handwritten").softmax
    logits = torch.tensor([[1000.0, 999.0, -1000.0], [-1e4, -1e4, -1e4], [0.0, 1.0, 2.0]])
    logits.requires_grad_()
    torch.testing.assert_close(softmax(logits), torch.softmax(logits, dim=1))
    (gradient,) = torch.autograd.grad(softmax(logits)[:, 0].sum(), logits)
    assert torch.isfinite(gradient).all()


def test_the_hand_written_perceptrons_compute_what_linear_layers_compute() -> None:
    small, large = built("mlp_3_2_1"), built("mlp_784_256_10_manual")
    given, image = torch.randn(4, 3), torch.rand(4, 1, 28, 28)
    hidden = torch.sigmoid(_linear(small, "1", given))
    torch.testing.assert_close(small(given), torch.sigmoid(_linear(small, "2", hidden)))
    hidden = torch.sigmoid(_linear(large, "1", image.flatten(1)))
    torch.testing.assert_close(large(image), _linear(large, "2", hidden).softmax(1))


def _linear(module: nn.Module, layer: str, given: torch.Tensor) -> torch.Tensor:
    """The layer by torch's own function, which stores weights (out, in)."""
    weight, bias = module.get_parameter(f"w{layer}"), module.get_parameter(f"b{layer}")
    return nn.functional.linear(given, weight.T, bias)


def test_dropout_never_sets_the_logit_of_the_binary_classifier_to_zero() -> None:
    module = built("ann_784_30_1").train()
    images = torch.rand(500, 1, 28, 28)
    assert (module(images) != 0).all()
    assert not torch.equal(module(images), module(images))


def test_the_binary_classifier_learns_which_digits_are_under_three() -> None:
    spec = registry.catalogue()["ann_784_30_1"]
    assert spec.training is not None
    assert spec.recipe is not None
    assert spec.training.positive == spec.recipe.positive == (0, 1, 2)


@pytest.mark.parametrize(("hidden", "count"), [(1, 101_770), (2, 118_282), (5, 167_818)])
def test_the_feed_forward_network_takes_any_number_of_hidden_layers(
    hidden: int, count: int
) -> None:
    build = type(built("feed_forward"))
    module = build(num_hidden=hidden).eval()
    assert sum(parameter.numel() for parameter in module.parameters()) == count
    torch.testing.assert_close(module(torch.randn(2, 784)).exp().sum(-1), torch.ones(2))


def test_a_feed_forward_network_without_a_hidden_layer_is_refused_clearly() -> None:
    spec = registry.catalogue()["feed_forward"]
    without = replace(spec, build=partial(type(built("feed_forward")), num_hidden=0))
    with pytest.raises(BuildError, match="num_hidden must be 1 or more, it is 0"):
        construct(without, seed=0)


def test_the_convolutions_take_images_of_nine_pixels_and_no_less() -> None:
    module = built("conv_relu_sequential")
    assert module(torch.randn(1, 1, 9, 14)).shape == (1, 64, 1, 6)
    with pytest.raises(RuntimeError, match="size"):
        module(torch.randn(1, 1, 8, 14))
    spec = registry.catalogue()["conv_relu_sequential"]
    assert [spec.dimension(name).low for name in ("height", "width")] == [9, 9]


def test_normalisation_stands_behind_the_activations() -> None:
    seen: dict[str, torch.Tensor] = {}
    module = built("mnist_classifier_bn_ln")
    for name in ("batch_norm", "layer_norm"):
        module.get_submodule(name).register_forward_hook(
            lambda _, given, __, name=name: seen.update({name: given[0]})
        )
    module(torch.randn(20, 1, 28, 28))
    assert {name: tuple(given.shape) for name, given in seen.items()} == {
        "batch_norm": (20, 50),
        "layer_norm": (20, 20),
    }
    for given in seen.values():
        assert given.min() == 0


def test_the_autoencoder_with_its_noise_as_an_input_is_the_one_that_samples() -> None:
    sampling, given = built("vae", seed=0), built("vae_with_noise", seed=1)
    given.load_state_dict(sampling.state_dict(), strict=True)
    image = torch.rand(3, 1, 28, 28)
    for found, expected in zip(given(image, torch.zeros(3, 2)), sampling(image), strict=True):
        assert torch.equal(found, expected)
    torch.manual_seed(3)
    noise = torch.randn(3, 2)
    torch.manual_seed(3)
    drawn = sampling.train()(image)[0]
    assert torch.equal(given(image, noise)[0], drawn)


def test_the_parts_of_the_autoencoder_are_entries_with_its_keys() -> None:
    whole = built("vae")
    for name, part in (("vae_encoder", "encoder"), ("vae_decoder", "decoder")):
        spec = registry.catalogue()[name]
        assert spec.part_of is not None
        assert (spec.part_of.whole, spec.part_of.part) == ("vae", part)
        built(name, seed=1).load_state_dict(whole.get_submodule(part).state_dict(), strict=True)


def test_the_discriminator_is_the_partner_that_the_generator_is_trained_with() -> None:
    plan = registry.catalogue()["cgan_generator"].training
    assert plan is not None
    assert plan.partner is registry.catalogue()["cgan_discriminator"].build
    judged = built("cgan_discriminator")(torch.zeros(1, 28, 28), torch.zeros(1, dtype=torch.int64))
    assert judged.shape == (1,)


def test_a_discriminator_that_is_sure_of_all_passes_and_the_check_is_told_to_say_little(
    tmp_path: Path,
) -> None:
    spec = registry.catalogue()["cgan_discriminator"]
    module = built("cgan_discriminator")
    with torch.no_grad():
        module.get_parameter("fc4.bias").sub_(25.0)  # as one that was trained and sees no digits
    save_file(module.state_dict(), tmp_path / "sceptic.safetensors")
    weights = str(tmp_path / "sceptic.safetensors")
    (row,) = toolkit.check(spec.name, formats=["onnx"], weights=weights, failures=tmp_path)
    assert row.status == "pass"
    assert "degenerate" in [found.name for found in row.findings]

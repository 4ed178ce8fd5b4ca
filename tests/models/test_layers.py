"""Layers of the catalogue compute what torch's functions and plain arithmetic say."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from toolkit import registry
from toolkit.weights import construct

DOCUMENTED_SHAPES: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "linear": ((2, 5), (2, 3)),
    "linear_1_3": ((2, 3, 1), (2, 3, 3)),
    "linear_20_30": ((128, 20), (128, 30)),
    "conv1d": ((20, 16, 50), (20, 33, 24)),
    "conv2d": ((20, 16, 50, 100), (20, 33, 26, 100)),
    "conv3d": ((1, 16, 10, 50, 100), (1, 33, 8, 50, 99)),
    "conv_transpose2d": ((1, 8, 7, 7), (1, 4, 14, 14)),
    "max_pool2d": ((20, 16, 50, 32), (20, 16, 24, 31)),
    "avg_pool2d": ((20, 16, 50, 32), (20, 16, 24, 31)),
    "replication_pad2d": ((1, 1, 3, 3), (1, 1, 9, 9)),
    "zero_pad2d": ((1, 1, 3, 3), (1, 1, 9, 9)),
    "pixel_shuffle": ((1, 9, 4, 4), (1, 1, 12, 12)),
    "upsample_bilinear": ((1, 1, 2, 2), (1, 1, 4, 4)),
    "upsampling_bilinear2d": ((1, 1, 2, 2), (1, 1, 4, 4)),
    "batch_norm1d": ((20, 100), (20, 100)),
    "batch_norm2d": ((20, 100, 35, 45), (20, 100, 35, 45)),
    "layer_norm": ((5, 128), (5, 128)),
    "layer_norm_20": ((5, 20), (5, 20)),
    "linear_batch_norm": ((5, 64), (5, 128)),
    "linear_layer_norm": ((5, 64), (5, 128)),
    "linear_dropout": ((5, 64), (5, 128)),
}


def layer(name: str, seed: int = 0) -> torch.nn.Module:
    return construct(registry.catalogue()[name], seed)


@pytest.mark.parametrize("name", DOCUMENTED_SHAPES)
def test_a_layer_gives_the_documented_shape(name: str) -> None:
    given, expected = DOCUMENTED_SHAPES[name]
    with torch.no_grad():
        assert layer(name)(torch.randn(given)).shape == expected


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("relu", lambda x: max(0.0, x)),
        ("leaky_relu", lambda x: x if x > 0 else 0.1 * x),
        ("leaky_relu_02", lambda x: x if x > 0 else 0.2 * x),
        ("sigmoid", lambda x: 1 / (1 + math.exp(-x))),
        ("tanh", math.tanh),
        ("softplus", lambda x: math.log1p(math.exp(x))),
    ],
)
def test_an_activation_is_its_formula(name: str, function: object) -> None:
    values = [-3.0, -0.5, 0.0, 0.25, 4.0]
    assert callable(function)
    expected = torch.tensor([[function(value) for value in values]], dtype=torch.float64)
    found = layer(name)(torch.tensor([values], dtype=torch.float64))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_softmax_and_its_logarithm_go_along_the_features_and_do_not_overflow() -> None:
    logits = torch.tensor([[1000.0, 1000.0, 1000.0, 1000.0], [0.0, 0.0, 0.0, math.log(5.0)]])
    expected = torch.tensor([[0.25] * 4, [0.125, 0.125, 0.125, 0.625]])
    torch.testing.assert_close(layer("softmax")(logits), expected)
    torch.testing.assert_close(layer("log_softmax")(logits), expected.log())


@pytest.mark.parametrize(("name", "share"), [("dropout", 0.5), ("dropout_02", 0.2)])
def test_dropout_is_the_identity_at_inference_and_drops_its_share_in_training(
    name: str, share: float
) -> None:
    torch.manual_seed(0)
    ones = torch.ones(100, 100)
    dropout = layer(name)
    assert torch.equal(dropout(ones), ones)
    dropped = dropout.train()(ones)
    assert (dropped == 0).float().mean().item() == pytest.approx(share, abs=0.02)
    kept = dropped[dropped != 0]
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - share)))


@pytest.mark.parametrize("suffix", ["", "_not_affine"])
@pytest.mark.parametrize(
    ("name", "shape"), [("batch_norm1d", (4, 100)), ("batch_norm2d", (4, 100, 3, 2))]
)
def test_a_batch_norm_uses_running_statistics_that_are_not_0_and_1(
    name: str, shape: tuple[int, ...], suffix: str
) -> None:
    norm = layer(name + suffix)
    state = dict(norm.state_dict())
    assert state["running_mean"].abs().min() > 0
    assert (state["running_var"] - 1).abs().min() > 0
    assert state["running_var"].min() > 0
    x = torch.randn(shape)
    along = (1, -1) + (1,) * (len(shape) - 2)
    mean, variance = state["running_mean"].reshape(along), state["running_var"].reshape(along)
    expected = (x - mean) / torch.sqrt(variance + 1e-5)
    if not suffix:
        assert (state["weight"] - 1).abs().max() > 0.1
        expected = expected * state["weight"].reshape(along) + state["bias"].reshape(along)
    torch.testing.assert_close(norm(x), expected)


@pytest.mark.parametrize(("name", "features"), [("layer_norm", 128), ("layer_norm_20", 20)])
def test_a_layer_norm_scales_by_the_statistics_of_each_row(name: str, features: int) -> None:
    norm = layer(name)
    state = norm.state_dict()
    assert state["bias"].abs().max() > 0.1
    x = torch.randn(3, features) * 5 + 2
    variance, mean = torch.var_mean(x, dim=1, correction=0, keepdim=True)
    expected = (x - mean) / torch.sqrt(variance + 1e-5) * state["weight"] + state["bias"]
    torch.testing.assert_close(norm(x), expected)


@pytest.mark.parametrize("name", ["batch_norm1d", "layer_norm", "linear_batch_norm"])
def test_drawn_statistics_are_those_of_the_seed(name: str) -> None:
    first, again, other = layer(name, 3), layer(name, 3), layer(name, 4)
    x = torch.randn(2, 64 if name.startswith("linear") else first.state_dict()["weight"].numel())
    assert torch.equal(first(x), again(x))
    assert not torch.equal(first(x), other(x))


@pytest.mark.parametrize("block", ["linear_batch_norm", "linear_layer_norm", "linear_dropout"])
def test_a_block_is_its_linear_layer_and_the_next(block: str) -> None:
    module = layer(block)
    linear, then = module.children()
    x = torch.randn(3, 64)
    assert torch.equal(module(x), then(linear(x)))


def test_linear_maps_the_last_of_any_axes() -> None:
    linear = layer("linear_1_3")
    state = linear.state_dict()
    x = torch.randn(2, 3, 1)
    torch.testing.assert_close(linear(x), x @ state["weight"].T + state["bias"])


def test_an_embedding_gives_the_rows_of_its_table() -> None:
    embedding = layer("embedding")
    tokens = torch.tensor([[1, 2, 4, 5], [4, 3, 2, 9]])
    assert torch.equal(embedding(tokens), embedding.state_dict()["weight"][tokens])


def test_the_padding_row_of_an_embedding_is_zero_and_stays_so() -> None:
    embedding = layer("embedding_padding_idx").train()
    assert torch.equal(embedding(torch.zeros(1, 2, dtype=torch.int64)), torch.zeros(1, 2, 3))
    embedding(torch.tensor([[0, 1, 0, 2]])).sum().backward()
    (table,) = embedding.parameters()
    assert table.grad is not None
    assert torch.equal(table.grad[0], torch.zeros(3))
    assert torch.equal(table.grad[1], torch.ones(3))


def test_cosine_similarity_is_the_cosine_of_each_pair_of_rows() -> None:
    similarity = layer("cosine_similarity")
    x1, x2 = torch.randn(100, 128), torch.randn(100, 128)
    expected = (x1 * x2).sum(1) / (x1.norm(dim=1) * x2.norm(dim=1))
    torch.testing.assert_close(similarity(x1, x2), expected)
    torch.testing.assert_close(similarity(x1, -3 * x1), -torch.ones(100))
    assert torch.equal(similarity(torch.zeros(1, 128), x2[:1]), torch.zeros(1))


def test_flatten_keeps_the_batch() -> None:
    x = torch.randn(32, 1, 5, 5)
    assert torch.equal(layer("flatten")(x), x.reshape(32, 25))


def test_padding_repeats_the_border_or_adds_zeros() -> None:
    image = torch.arange(4.0).reshape(1, 1, 2, 2) + 1
    repeated, zeros = layer("replication_pad2d")(image), layer("zero_pad2d")(image)
    row = torch.tensor([1.0, 1, 1, 1, 2, 2, 2, 2])
    assert torch.equal(repeated[0, 0, :4], row.expand(4, 8))
    assert torch.equal(zeros[..., 3:5, 3:5], image)
    assert zeros.sum() == image.sum()


def test_pixel_shuffle_makes_a_square_of_each_group_of_channels() -> None:
    channels = torch.arange(9.0).reshape(1, 9, 1, 1)
    assert torch.equal(layer("pixel_shuffle")(channels)[0, 0], torch.arange(9.0).reshape(3, 3))


def test_the_two_bilinear_upsamplings_differ_in_where_the_corners_lie() -> None:
    image = torch.randn(2, 1, 4, 3)
    found = {name: layer(name)(image) for name in ("upsample_bilinear", "upsampling_bilinear2d")}
    for name, aligned in (("upsample_bilinear", False), ("upsampling_bilinear2d", True)):
        expected = F.interpolate(image, scale_factor=2, mode="bilinear", align_corners=aligned)
        torch.testing.assert_close(found[name], expected)
    first, second = found.values()
    assert (first - second).abs().max() > 0.1


def test_pooling_takes_the_largest_or_the_mean_of_each_window() -> None:
    image = torch.randn(1, 16, 5, 4)
    windows = image.unfold(2, 3, 2).unfold(3, 2, 1).flatten(4)
    torch.testing.assert_close(layer("max_pool2d")(image), windows.amax(4))
    torch.testing.assert_close(layer("avg_pool2d")(image), windows.mean(4))


def test_max_unpool_puts_the_largest_of_each_window_back_among_zeros() -> None:
    plane = torch.arange(1.0, 17.0).reshape(1, 1, 4, 4)
    expected = torch.zeros(4, 4)
    expected[1, 1], expected[1, 3], expected[3, 1], expected[3, 3] = 6, 8, 14, 16
    assert torch.equal(layer("max_unpool2d")(plane)[0, 0], expected)

"""The catalogue holds every architecture, layer, cell, block and loss of the documents."""

from __future__ import annotations

import json

import pytest

from toolkit import registry
from toolkit.cli import main

NETWORKS = {
    "single_neuron": 4,
    "mlp_3_2_1": 11,
    "mlp_784_256_10_manual": 203_530,
    "mlp_784_200_200_10": 199_210,
    "mlp_784_200_200_10_sequential": 199_210,
    "mlp_784_128_64_10": 109_386,
    "mlp_784_128_64_10_log_softmax": 109_386,
    "feed_forward": 118_282,
    "ann_784_30_1": 23_581,
    "mnist_classifier_bn_ln": 40_620,
    "conv_relu_sequential": 32_584,
    "cnn_3_5_10": 10_002,
    "lenet5": 61_706,
    "convnet_32": 61_706,
    "cifar_net": 62_006,
    "bidirectional_lstm_classifier": 2_410_657,
    "vae_encoder": 157_380,
    "vae_decoder": 150_977,
    "vae": 157_380 + 150_977,
    "cgan_generator": 1_489_012,
    "cgan_discriminator": 1_470_565,
    "resnet18": 11_689_512,
    "resnet50": 25_557_032,
    "resnet152": 60_192_808,
    "inception_v3": 27_161_264,
    "alexnet": 61_100_840,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
    "resnet50_new_head": 23_528_522,
    "resnet50_features": 23_508_032,
    "alexnet_transfer": 4_831_818,
}
LAYERS = (
    *("linear", "conv1d", "conv2d", "conv3d", "conv_transpose2d", "max_pool2d", "avg_pool2d"),
    *("max_unpool2d", "replication_pad2d", "zero_pad2d", "relu", "leaky_relu", "sigmoid", "tanh"),
    *("softplus", "softmax", "log_softmax", "dropout", "batch_norm1d", "batch_norm2d"),
    *("layer_norm", "rnn", "lstm", "gru", "lstm_batch_first", "lstm_bidirectional"),
    *("rnn_cell", "lstm_cell", "gru_cell", "rnn_cell_loop", "lstm_cell_loop", "gru_cell_loop"),
    *("embedding", "cosine_similarity", "pixel_shuffle", "upsample_bilinear"),
    *("upsampling_bilinear2d", "flatten", "linear_batch_norm", "linear_layer_norm"),
    "linear_dropout",
)
LOSSES = (
    *("l1", "mse", "cross_entropy", "bce", "bce_with_logits", "nll", "kl_div", "vae_loss"),
    *("gan_loss", "l1_l2_regularised_cross_entropy", "binary_cross_entropy_manual"),
)


@pytest.fixture
def listed(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    assert main(["list", "--json"]) == 0
    models = json.loads(capsys.readouterr().out)["models"]
    return {model["name"]: model for model in models}


def test_every_entry_is_listed_with_its_document(listed: dict[str, dict[str, object]]) -> None:
    missing = [name for name in (*NETWORKS, *LAYERS, *LOSSES) if name not in listed]
    assert missing == []
    assert [name for name, model in listed.items() if not model["document"]] == []


def test_every_network_has_the_parameters_of_its_document(
    listed: dict[str, dict[str, object]],
) -> None:
    assert {name: listed[name]["parameters"] for name in NETWORKS} == NETWORKS


@pytest.mark.parametrize(("names", "family"), [(LAYERS, "layer"), (LOSSES, "loss")])
def test_parts_of_networks_are_told_from_networks(names: tuple[str, ...], family: str) -> None:
    found = registry.catalogue()
    assert {found[name].family for name in names} == {family}
    assert family not in {found[name].family for name in NETWORKS}

"""Features taken out of a network that has learned, and a new head put on it."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from toolkit import transfer
from toolkit.errors import BuildError


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.blocks = nn.Sequential(nn.Sequential(nn.Conv2d(4, 5, 3), nn.ReLU()), nn.ReLU())
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.hidden = nn.Linear(5, 6)
        self.fc = nn.Linear(6, 7, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pooled = self.pool(self.blocks(self.norm(self.conv(x))))
        return self.fc(self.hidden(torch.flatten(pooled, 1)))


IMAGE = torch.randn(2, 3, 9, 9, generator=torch.Generator().manual_seed(1))


def test_features_are_what_the_layer_gives_flattened() -> None:
    net = Net().eval()
    expected = net.blocks(net.norm(net.conv(IMAGE)))
    found = transfer.features(net, "blocks")(IMAGE)
    assert found.shape == (2, 5 * 5 * 5)
    assert torch.equal(found, torch.flatten(expected, 1))


def test_features_can_be_those_of_a_layer_inside_a_block() -> None:
    net = Net().eval()
    found = transfer.features(net, "blocks.0.0")(IMAGE)
    assert torch.equal(
        found, torch.flatten(net.get_submodule("blocks.0.0")(net.norm(net.conv(IMAGE))), 1)
    )


def test_features_leave_out_what_comes_after_and_share_the_rest() -> None:
    net = Net()
    taken = transfer.features(net, "pool")
    assert {name.removeprefix("extractor.").split(".")[0] for name in taken.state_dict()} == {
        *("conv", "norm", "blocks")
    }
    assert taken.extractor.get_submodule("conv").weight is net.conv.weight


@pytest.mark.parametrize("training", [True, False])
def test_features_are_in_the_networks_mode_and_follow_it_when_copied(training: bool) -> None:
    taken = transfer.features(Net().train(training), "pool")
    assert taken.training is training
    assert taken.extractor.get_submodule("norm").training is training
    other = copy.deepcopy(taken)
    assert [part.training for part in other.modules()] == [training] * len([*taken.modules()])
    assert torch.equal(other.eval()(IMAGE), taken.eval()(IMAGE))


def test_a_layer_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(BuildError, match="'pooled'") as refused:
        transfer.features(Net(), "pooled")
    assert "conv, norm, blocks, pool, hidden, fc" in str(refused.value.hint)


class Branching(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x if bool(x.sum() > 0) else -x)


def test_a_network_that_cannot_be_traced_is_refused_with_the_reason() -> None:
    with pytest.raises(BuildError, match="TraceError"):
        transfer.features(Branching(), "pool")


def test_the_last_linear_layer_is_replaced_and_the_others_stay() -> None:
    net = Net().double().eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    assert transfer.replace_head(net, 3) is net
    assert net(IMAGE.double()).shape == (2, 3)
    assert isinstance(net.fc, nn.Linear)
    assert {name: value.dtype for name, value in net.fc.named_parameters()} == {
        "weight": torch.float64
    }
    assert not net.fc.training
    for name, value in net.state_dict().items():
        assert name == "fc.weight" or torch.equal(value, before[name])


@pytest.mark.parametrize("net", [nn.Conv2d(1, 1, 1), nn.Linear(2, 2)])
def test_a_network_without_a_head_is_refused(net: nn.Module) -> None:
    with pytest.raises(BuildError, match="no linear layer"):
        transfer.replace_head(net, 3)

"""The parameters of a module by name, shape and number."""

from __future__ import annotations

from torch import nn

from toolkit.parameter_list import Parameter, parameter_count, parameters


def test_every_parameter_is_listed_with_its_shape_and_number() -> None:
    module = nn.Sequential(nn.Conv2d(1, 6, 5), nn.BatchNorm2d(6))
    module[1].requires_grad_(False)
    assert parameters(module) == (
        Parameter("0.weight", (6, 1, 5, 5), trained=True),
        Parameter("0.bias", (6,), trained=True),
        Parameter("1.weight", (6,), trained=False),
        Parameter("1.bias", (6,), trained=False),
    )
    assert [each.count for each in parameters(module)] == [150, 6, 6, 6]
    assert parameter_count(module) == 168
    assert parameter_count(module, trained_only=True) == 156


def test_a_shared_parameter_counts_once() -> None:
    module = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    module[1].weight = module[0].weight
    assert parameter_count(module) == 9

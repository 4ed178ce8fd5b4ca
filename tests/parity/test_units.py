"""A channel that the whole plan leaves off is turned on, so that what lies behind it is judged."""

from __future__ import annotations

import copy

import torch
from torch import nn

from tests.parity.models import Altered, reference_of, spec_of
from toolkit.parity.budget import Budget
from toolkit.parity.plan import plan
from toolkit.parity.reference import Reference
from toolkit.parity.referring import refer
from toolkit.parity.verdict import judge
from toolkit.spec import Port

WIDTH = 64
BOUNDED = Port("x", ("batch", WIDTH), low=0.0, high=1.0)


class RarelyOn(nn.Module):
    """Of two units one is off unless the first half of the values outweighs the other by far."""

    def __init__(self, threshold: float = 14.0) -> None:
        super().__init__()
        self.first = nn.Linear(WIDTH, 2)
        self.second = nn.Linear(2, 1)
        half = torch.ones(WIDTH // 2)
        with torch.no_grad():
            self.first.weight.copy_(torch.stack([torch.ones(WIDTH), torch.cat([half, -half])]))
            self.first.bias.copy_(torch.tensor([0.0, -threshold]))
            self.second.weight.fill_(1.0)
            self.second.bias.zero_()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = torch.relu(self.first(x))
        y: torch.Tensor = self.second(hidden)
        return y


class Undifferentiable(RarelyOn):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.detach())


def _of_units(reference: Reference) -> list[int]:
    return [judged.case.number for judged in reference.cases if judged.case.kind == "units"]


def _altered_behind(module: RarelyOn) -> nn.Module:
    altered = copy.deepcopy(module)
    with torch.no_grad():
        altered.second.weight[0, 1] = 4.0
    return altered


def test_a_fault_behind_a_channel_that_the_plan_leaves_off_is_found() -> None:
    module = RarelyOn()
    reference = reference_of(module, BOUNDED)
    altered = Altered(_altered_behind(module), reference.spec)
    assert judge(reference, altered).status == "fail"
    assert judge(reference, Altered(module, reference.spec)).status == "pass"
    blind = reference_of(Undifferentiable(), BOUNDED)
    assert judge(blind, altered).status == "pass"


def test_values_that_turn_a_channel_on_stay_in_the_range_of_the_input() -> None:
    reference = reference_of(RarelyOn(), BOUNDED)
    arrays = [one.inputs["x"] for one in reference.cases if one.case.kind == "units"]
    assert arrays
    assert all(array.min() >= 0 and array.max() <= 1 for array in arrays)


def test_they_come_before_the_cases_that_need_not_run() -> None:
    reference = reference_of(RarelyOn(), BOUNDED)
    order = [judged.case.number for judged in reference.cases]
    assert order.index(_of_units(reference)[0]) == reference.least


def test_a_channel_that_nothing_turns_on_adds_no_case() -> None:
    assert _of_units(reference_of(RarelyOn(threshold=1000.0), BOUNDED)) == []


def test_where_every_channel_is_on_nothing_is_added() -> None:
    assert _of_units(reference_of(RarelyOn(threshold=-1000.0), BOUNDED)) == []


def test_a_module_without_a_gradient_keeps_its_plan() -> None:
    module = Undifferentiable()
    reference = reference_of(module, BOUNDED)
    assert len(reference.cases) == len(plan(reference.spec))


def test_a_budget_that_is_used_up_leaves_no_time_for_units() -> None:
    module = RarelyOn()
    spec = spec_of(module, BOUNDED)
    clock = iter(range(10**6))
    budget = Budget(20.0, lambda: float(next(clock)))
    assert _of_units(refer(module, spec, plan(spec), budget=budget)) == []


def test_the_module_is_left_as_it_was() -> None:
    module = RarelyOn()
    reference_of(module, BOUNDED)
    assert [parameter.grad for parameter in module.parameters()] == [None] * 4
    assert all(parameter.requires_grad for parameter in module.parameters())

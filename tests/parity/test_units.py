"""A channel that the whole plan leaves off is turned on, so that what lies behind it is judged."""

from __future__ import annotations

import copy

import torch
from torch import nn

from tests.parity.models import Altered, spec_of
from toolkit.parity.budget import Budget
from toolkit.parity.plan import plan
from toolkit.parity.reference import Reference
from toolkit.parity.referring import refer
from toolkit.parity.standards import in_precision
from toolkit.parity.units import Lighting
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


def _reference(module: nn.Module, budget: Budget | None = None) -> Reference:
    """The whole plan and the search, for which time stands still."""
    spec = spec_of(module, BOUNDED)
    return refer(module, spec, plan(spec), budget=budget or Budget(None, lambda: 0.0))


def _of_units(reference: Reference) -> list[int]:
    return [judged.case.number for judged in reference.cases if judged.case.kind == "units"]


def _altered_behind(module: RarelyOn) -> nn.Module:
    altered = copy.deepcopy(module)
    with torch.no_grad():
        altered.second.weight[0, 1] = 4.0
    return altered


def test_a_fault_behind_a_channel_that_the_plan_leaves_off_is_found() -> None:
    module = RarelyOn()
    reference = _reference(module)
    altered = Altered(_altered_behind(module), reference.spec)
    assert judge(reference, altered).status == "fail"
    assert judge(reference, Altered(module, reference.spec)).status == "pass"
    blind = _reference(Undifferentiable())
    assert judge(blind, altered).status == "pass"


def test_values_that_turn_a_channel_on_stay_in_the_range_of_the_input() -> None:
    reference = _reference(RarelyOn())
    arrays = [one.inputs["x"] for one in reference.cases if one.case.kind == "units"]
    assert arrays
    assert all(array.min() >= 0 and array.max() <= 1 for array in arrays)


def test_they_come_before_the_cases_that_need_not_run() -> None:
    reference = _reference(RarelyOn())
    order = [judged.case.number for judged in reference.cases]
    assert order.index(_of_units(reference)[0]) == reference.least


def test_a_channel_that_nothing_turns_on_adds_no_case() -> None:
    assert _of_units(_reference(RarelyOn(threshold=1000.0))) == []


def test_where_every_channel_is_on_nothing_is_added() -> None:
    assert _of_units(_reference(RarelyOn(threshold=-1000.0))) == []


def test_a_module_without_a_gradient_keeps_its_plan() -> None:
    module = Undifferentiable()
    reference = _reference(module)
    assert len(reference.cases) == len(plan(reference.spec))


def test_a_budget_that_is_used_up_leaves_no_time_for_units() -> None:
    clock = iter(range(10**6))
    assert _of_units(_reference(RarelyOn(), Budget(20.0, lambda: float(next(clock))))) == []


def test_the_search_gets_a_tenth_of_the_budget_and_no_more_than_is_left() -> None:
    now = [0.0]
    ended, endless = Budget(60.0, lambda: now[0]), Budget(None, lambda: now[0])
    assert (ended.for_seeking_s, endless.for_seeking_s) == (6.0, 1.0)
    now[0] = 57.0
    assert (ended.for_seeking_s, endless.for_seeking_s) == (3.0, 5.7)


def test_a_search_whose_time_has_ended_adds_nothing() -> None:
    module, now = RarelyOn(), iter(range(10**6))
    spec = spec_of(module, BOUNDED)
    lighting = Lighting(module, spec, "cpu", 3.0, lambda: float(next(now)))
    lighting.look(plan(spec))
    assert lighting.off == 0
    assert list(lighting.cases(plan(spec))) == []


def test_in_a_lower_precision_the_cases_are_the_same() -> None:
    module = RarelyOn()
    spec = spec_of(module, BOUNDED)
    reference = refer(module, spec, plan(spec), add_units=False)
    lowered = in_precision(reference, "bfloat16")
    assert lowered is not None
    assert len(lowered.cases) == len(reference.cases)


def test_the_module_is_left_as_it_was() -> None:
    module = RarelyOn()
    _reference(module)
    assert [parameter.grad for parameter in module.parameters()] == [None] * 4
    assert all(parameter.requires_grad for parameter in module.parameters())

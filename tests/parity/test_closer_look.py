"""Numbers that a form changed are judged where they show, though no planned case shows them."""

from __future__ import annotations

import copy
from pathlib import Path

import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

import toolkit
from tests.parity.models import Altered, spec_of
from toolkit.inputs import Array
from toolkit.parity.budget import Budget
from toolkit.parity.plan import plan
from toolkit.parity.reference import Reference
from toolkit.parity.referring import refer
from toolkit.parity.verdict import Verdict, judge
from toolkit.results import CheckResult
from toolkit.spec import Port

WIDTH = 64
BOUNDED = Port("x", ("batch", WIDTH), low=0.0, high=1.0)
PLACE = "second.weight[0, 0]"


class SeldomTogether(nn.Module):
    """The first unit of the second layer is on where one sum outweighs another by far.

    So what it gets from the first unit of the first layer seldom shows.
    """

    def __init__(self, threshold: float = 13.0) -> None:
        super().__init__()
        self.first = nn.Linear(WIDTH, 2)
        self.second = nn.Linear(2, 2)
        half, pairs = torch.ones(WIDTH // 2), torch.tensor([1.0, -1.0]).repeat(WIDTH // 2)
        with torch.no_grad():
            self.first.weight.copy_(torch.stack([pairs, torch.cat([half, -half])]))
            self.first.bias.zero_()
            self.second.weight.copy_(torch.tensor([[0.01, 1.0], [1.0, 1.0]]))
            self.second.bias.copy_(torch.tensor([-threshold, 0.0]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = torch.relu(self.second(torch.relu(self.first(x))))
        return y


class Undifferentiable(SeldomTogether):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.detach())


def _changed(module: SeldomTogether) -> SeldomTogether:
    copied = copy.deepcopy(module)
    with torch.no_grad():
        copied.second.weight[0, 0] = 0.5
    return copied


def _reference(module: nn.Module, cases: int | None = None) -> Reference:
    spec = spec_of(module, BOUNDED)
    return refer(module, spec, plan(spec)[:cases], add_units=False)


def _numbers(module: nn.Module) -> list[tuple[str, Array]]:
    return [(name, tensor.detach().numpy()) for name, tensor in module.named_parameters()]


def _judged(reference: Reference, module: nn.Module) -> Verdict:
    """With the numbers of the form, while time stands still."""
    candidate = Altered(module, reference.spec)
    return judge(
        reference, candidate, held=lambda: _numbers(module), budget=Budget(None, lambda: 0.0)
    )


def _compared(module: nn.Module, path: Path) -> CheckResult:
    inputs, ranges = {"x": f"batch,{WIDTH}"}, {"x": "0..1"}
    (row,) = toolkit.compare(module, path, inputs=inputs, ranges=ranges, budget_s=0.0)
    return row


def test_a_changed_number_that_no_planned_case_shows_is_found() -> None:
    module = SeldomTogether()
    reference = _reference(module)
    changed = _changed(module)
    assert judge(reference, Altered(changed, reference.spec)).status == "pass"
    verdict = _judged(reference, changed)
    assert verdict.status == "fail"
    wrong = [found for found in verdict.findings if found.severity == "error"]
    shown = {judged.case.number: judged.case.kind for judged in reference.cases}
    assert [(found.name, shown[found.case or 0]) for found in wrong] == [("value", "weights")]


def test_a_form_with_the_numbers_of_the_module_is_judged_by_the_plan_alone() -> None:
    module = SeldomTogether()
    reference = _reference(module)
    verdict = _judged(reference, copy.deepcopy(module))
    assert (verdict.status, verdict.findings) == ("pass", tuple(reference.findings))
    assert all(judged.case.kind != "weights" for judged in reference.cases)


def test_changed_numbers_that_show_on_no_input_are_a_note_that_names_them() -> None:
    module = SeldomTogether(threshold=1000.0)
    verdict = _judged(_reference(module), _changed(module))
    assert verdict.status == "pass"
    told = [found for found in verdict.findings if found.name == "weights"]
    assert [found.severity for found in told] == ["note"]
    assert PLACE in told[0].message


def test_a_form_whose_numbers_cannot_be_read_is_judged_by_the_plan_alone() -> None:
    def unreadable() -> list[tuple[str, Array]]:
        raise OSError("gone")

    module = SeldomTogether()
    reference = _reference(module)
    candidate = Altered(_changed(module), reference.spec)
    assert judge(reference, candidate, held=unreadable) == judge(reference, candidate)


def test_a_module_without_a_gradient_is_looked_at_by_draws_alone() -> None:
    module = Undifferentiable(threshold=6.0)
    reference = _reference(module, cases=8)
    changed = _changed(module)
    assert judge(reference, Altered(changed, reference.spec)).status == "pass"
    assert _judged(reference, changed).status == "fail"


def test_a_search_that_the_module_ends_says_why() -> None:
    class Refusing(SeldomTogether):
        """Runs on the numbers that it was made with and on no others."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if float(self.second.weight[0, 0].detach()) != pytest.approx(0.01):
                raise ValueError("other numbers")
            return super().forward(x)

    module = Refusing()
    reference = _reference(module)
    candidate = Altered(_changed(SeldomTogether()), reference.spec)
    verdict = judge(reference, candidate, held=lambda: _numbers(_changed(SeldomTogether())))
    (told,) = [found for found in verdict.findings if found.name == "weights"]
    assert verdict.status == "pass"
    assert PLACE in told.message
    assert "other numbers" in told.message


def test_what_had_no_time_is_listed_without_the_case_that_was_sought() -> None:
    module = SeldomTogether()
    reference = _reference(module)
    changed = _changed(module)
    later = [judged.case.number for judged in reference.cases[reference.least :]]
    verdict = judge(
        reference,
        Altered(changed, reference.spec),
        held=lambda: _numbers(changed),
        budget=Budget(0.0, lambda: 0.0),
    )
    (told,) = [found for found in verdict.findings if found.name == "left-out"]
    assert verdict.status == "fail"
    assert verdict.cases == reference.least + 1
    assert told.message.startswith(f"{verdict.cases} of {verdict.cases + len(later)} cases ran")


def test_compare_finds_a_number_that_was_changed_in_a_file(tmp_path: Path) -> None:
    module = SeldomTogether().eval()
    path = tmp_path / "model.onnx"
    torch.onnx.export(
        module,
        (torch.rand(2, WIDTH),),
        path,
        input_names=["x"],
        dynamo=True,
        dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
        external_data=False,
        verbose=False,
    )
    right = _compared(module, path)
    model = onnx.load(path)
    tensor = next(one for one in model.graph.initializer if one.name == "second.weight")
    values = numpy_helper.to_array(tensor).copy()
    values[0, 0] = 0.5
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    onnx.save(model, path)
    wrong = _compared(module, path)
    assert (right.status, wrong.status) == ("pass", "fail")
    assert "weights, seed" in next(one.message for one in wrong.findings if one.name == "value")

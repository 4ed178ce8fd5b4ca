"""Cases that no float64 run can judge: eager stands in, and how far it moves is the noise."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tests.parity.models import Altered, Change, reference_of
from toolkit.parity.reference import Reference
from toolkit.parity.verdict import judge
from toolkit.spec import Port

X = Port("x", ("batch", 4))


def notes(reference: Reference) -> dict[str, str]:
    return {one.name: one.message for one in reference.findings if one.severity == "note"}


def by(factor: float) -> Change:
    return lambda inputs, outputs: {name: one * factor for name, one in outputs.items()}


class Named(nn.Module):
    """Casts down inside, below a module with a name of its own."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.head = nn.Sequential(nn.Linear(4, 4), inner)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.head(x)
        return found


class Narrow(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.float() * 3


class Refusing(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if x.dtype is torch.float64:
            raise TypeError("no doubles here")
        return x * 3


def test_the_module_that_casts_down_is_named_in_the_note() -> None:
    reference = reference_of(Named(Narrow()), X)
    (told,) = [one for one in reference.findings if one.name == "perturbation"]
    assert (told.severity, told.module) == ("note", "head.1")
    assert "perturbation" in told.message
    assert "casts down" in told.message


def test_the_module_that_does_not_run_in_float64_is_named_in_the_note() -> None:
    reference = reference_of(Named(Refusing()), X)
    (told,) = [one for one in reference.findings if one.name == "perturbation"]
    assert told.module == "head.1"
    assert "no doubles here" in told.message


class DoublesRefuseFive(nn.Module):
    """Runs in float64 at all sizes but one."""

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype is torch.float64 and x.shape[0] == 5:
            raise ValueError("five doubles are too many")
        return x * 3


def test_one_case_that_float64_cannot_judge_leaves_the_others_to_their_oracle() -> None:
    module = DoublesRefuseFive()
    reference = reference_of(module, X)
    assert (reference.unfit, reference.noise_source) == (None, "float64")
    assert "five doubles" in notes(reference)["perturbation"]
    alone = {one.case.sizes["batch"] for one in reference.cases if one.alone}
    assert alone == {5}
    assert judge(reference, Altered(module, reference.spec)).status == "pass"


def test_a_fault_in_the_case_that_float64_cannot_judge_is_found_all_the_same() -> None:
    module = DoublesRefuseFive()
    reference = reference_of(module, X)
    wrong: Change = lambda inputs, outputs: (  # noqa: E731
        by(1.001)(inputs, outputs) if inputs["x"].shape[0] == 5 else outputs
    )
    verdict = judge(reference, Altered(module, reference.spec, wrong))
    assert verdict.status == "fail"


class CountsOtherwise(nn.Module):
    """Keeps another number of values in float64, as a detector may."""

    def forward(self, x: Tensor) -> Tensor:
        kept = x.flatten()[: 6 if x.dtype is torch.float64 and x.abs().max() > 20 else 5]
        return kept * 2


def test_another_number_of_values_in_float64_is_a_matter_of_that_case_alone() -> None:
    module = CountsOtherwise()
    reference = reference_of(module, Port("x", (3, 4)))
    assert reference.unfit is None
    assert "other outputs" in notes(reference)["perturbation"]
    wrong = judge(reference, Altered(module, reference.spec, by(1.001)))
    assert (wrong.status, wrong.noise_source) == ("fail", "float64")


class OtherConstant(nn.Module):
    """A constant of the dtype: float64 computes something else, and that is no noise."""

    def forward(self, x: Tensor) -> Tensor:
        return x.abs() + (1.0 if x.dtype is torch.float64 else 1.5)


def test_an_oracle_that_computes_something_else_hides_no_fault() -> None:
    module = OtherConstant()
    reference = reference_of(module, X)
    assert "departs in float64 by more than that" in notes(reference)["perturbation"]
    assert judge(reference, Altered(module, reference.spec)).status == "pass"
    assert judge(reference, Altered(module, reference.spec, by(1.001))).status == "fail"


class Overflowing(nn.Module):
    """Not finite in float64 alone: its constants are those of float32."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.log(x.abs() + (1.0 if x.dtype is torch.float32 else -torch.inf)) + x


def test_values_that_are_not_finite_in_float64_alone_are_compared_with_eager() -> None:
    module = Overflowing()
    reference = reference_of(module, X)
    assert "not finite in float64" in notes(reference)["perturbation"]
    assert judge(reference, Altered(module, reference.spec, by(1.001))).status == "fail"


class Root(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.sqrt() + 1


def test_values_of_eager_itself_that_are_not_finite_are_told_and_pass() -> None:
    reference = reference_of(Root(), X)
    assert "in eager itself output_0 has" in notes(reference)["non-finite"]
    assert judge(reference, Altered(Root(), reference.spec)).status == "pass"


def test_where_eager_is_not_finite_another_value_is_a_note_and_no_error() -> None:
    reference = reference_of(Root(), X)
    zeros = Altered(Root(), reference.spec, lambda i, o: {"output_0": np.nan_to_num(o["output_0"])})
    verdict = judge(reference, zeros)
    assert verdict.status == "pass"
    assert sum(found.name == "non-finite" for found in verdict.findings) == 2


class Half(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x * 2, x / 0


def test_an_output_of_which_nothing_could_be_compared_is_told() -> None:
    reference = reference_of(Half(), X)
    verdict = judge(reference, Altered(Half(), reference.spec))
    told = [found.message for found in verdict.findings if found.name == "degenerate"]
    assert any("not a single value of output_1" in message for message in told)


def test_a_file_as_reference_is_judged_by_perturbation_and_says_so(tmp_path: Path) -> None:
    from toolkit.runtimes.onnx_module import OnnxModule

    path = tmp_path / "linear.onnx"
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older exporter is the quicker one
        network, example = nn.Linear(4, 3), (torch.zeros(2, 4),)
        torch.onnx.export(network, example, path, dynamo=False, input_names=["x"])
    module = OnnxModule(path)
    reference = reference_of(module, Port("x", (2, 4)))
    assert reference.noise_source == "perturbation"
    assert "is an ONNX file" in notes(reference)["perturbation"]
    assert judge(reference, Altered(module, reference.spec, by(1.001))).status == "fail"

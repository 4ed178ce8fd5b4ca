from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import toolkit
from tests.parity.models import Altered, reference_of, two_layers
from toolkit.events import Progress
from toolkit.parity.reference import Reference
from toolkit.parity.second_look import DRAWS
from toolkit.parity.verdict import judge
from toolkit.spec import Port

X = Port("x", ("batch", 4))
INPUT = Port("input", ("batch", 4))


def found(reference: Reference) -> list[tuple[str, str]]:
    return [(finding.name, finding.severity) for finding in reference.findings]


class AlwaysDropping(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.dropout(x)


class Head(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = AlwaysDropping()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x) + 1


def test_dropout_that_ignores_eval_is_found_in_the_module_that_calls_it() -> None:
    reference = reference_of(Head(), X)
    training = next(one for one in reference.findings if one.name == "training-mode")
    assert training.severity == "error"
    assert training.module == "inner"


def test_dropout_in_eval_mode_is_none() -> None:
    module = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.BatchNorm1d(4)).eval()
    assert found(reference_of(module, INPUT)) == []


def test_batch_statistics_after_eval_are_found() -> None:
    class BatchStatistics(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return F.batch_norm(x, None, None, training=True)

    assert ("training-mode", "error") in found(reference_of(BatchStatistics(), X))


def test_added_noise_is_nondeterministic_and_no_value_is_judged() -> None:
    class Noisy(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + torch.rand_like(x)

    reference = reference_of(Noisy(), X)
    assert found(reference) == [("nondeterministic", "error")]
    verdict = judge(reference, Altered(Noisy(), reference.spec))
    assert (verdict.status, verdict.score) == ("fail", None)


def test_the_callers_random_state_is_left_as_it_was() -> None:
    module = two_layers()
    torch.manual_seed(7)
    before = torch.get_rng_state()
    reference = reference_of(module)
    reference.spread(reference.cases[0])
    assert torch.equal(before, torch.get_rng_state())


def test_every_draw_of_a_second_look_is_a_sign_of_life() -> None:
    told: list[Progress] = []
    reference = reference_of(two_layers())
    reference.observe = told.append
    reference.form = "onnx"
    reference.spread(reference.cases[0])
    reference.spread(reference.cases[0])
    assert [(one.detail, one.form) for one in told] == [("second look", "onnx")] * DRAWS


def test_a_constant_output_is_degenerate() -> None:
    class Constant(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * 0 + 3

    assert found(reference_of(Constant(), X)) == [("degenerate", "error")]


def test_integers_that_are_always_the_same_are_a_note() -> None:
    class Counting(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.full((x.shape[0],), x.shape[1])

    class Largest(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.argmax(dim=1)

    assert found(reference_of(Counting(), X)) == [("degenerate", "note")]
    assert found(reference_of(Largest(), X)) == []


def test_one_constant_output_of_several_is_a_note() -> None:
    class Partly(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return x * 0, x * 2

    assert found(reference_of(Partly(), X)) == [("degenerate", "note")]


def test_a_module_that_casts_down_inside_makes_the_oracle_unfit_and_is_named() -> None:
    class Narrow(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.float() * 3

    module = nn.Sequential(nn.Linear(4, 4), Narrow()).eval()
    reference = reference_of(module, INPUT)
    assert reference.noise_source == "perturbation"
    assert reference.unfit is not None
    assert "1:" in reference.unfit
    assert judge(reference, Altered(module, reference.spec)).status == "pass"
    wrong = Altered(module, reference.spec, lambda i, o: {k: v * 1.001 for k, v in o.items()})
    assert judge(reference, wrong).status == "fail"


def test_a_module_that_cannot_run_in_float64_is_judged_by_perturbation() -> None:
    class Float32Only(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if x.dtype != torch.float32:
                raise TypeError("float32 only")
            return x * 2

    reference = reference_of(Float32Only(), X)
    assert reference.noise_source == "perturbation"
    assert "float32 only" in (reference.unfit or "")


def test_plain_tensor_attributes_follow_the_oracle_into_float64() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = torch.full((4,), 1.5)
            self.shifts = [torch.ones(4)]

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x @ torch.diag(self.scale) + self.shifts[0]

    module = Scaled()
    assert reference_of(module, X).noise_source == "float64"
    assert module.scale.dtype is torch.float32


def test_cases_that_eager_refuses_are_told_and_not_counted() -> None:
    class OddOnly(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if x.shape[0] == 5:
                raise ValueError("five is too many")
            return x * 2

    reference = reference_of(OddOnly(), X)
    assert found(reference) == [("outside-domain", "note")]
    assert "five is too many" in reference.findings[0].message
    assert reference.too_little() is None


def test_a_model_that_runs_at_one_size_alone_cannot_be_judged() -> None:
    class TwoOnly(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.reshape(2, 4) * 2

    reference = reference_of(TwoOnly(), X)
    assert reference.too_little() is not None
    assert judge(reference, Altered(TwoOnly(), reference.spec)).status == "error"


def test_parameters_are_put_back_to_the_bit_after_the_second_look() -> None:
    module = two_layers()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    reference = reference_of(module)
    spread = reference.spread(reference.cases[0]).changes
    assert spread["output_0"].max() > 0
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())


class Standardised(nn.Conv1d):
    """Its weights are standardised by the function that takes a batch's statistics."""

    def forward(self, x: Tensor) -> Tensor:
        flat = self.weight.reshape(1, self.out_channels, -1)
        weight = F.batch_norm(flat, None, None, training=True).reshape_as(self.weight)
        return F.conv1d(x, weight, self.bias)


class OfItsBatch(nn.Linear):
    """In eval mode too it takes the statistics of what comes in."""

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(super().forward(x), None, None, training=True)


class OfWhatIsMostlyDead(nn.Linear):
    """The tensor is all zeros for ordinary inputs, and has a row a sample all the same."""

    def forward(self, x: Tensor) -> Tensor:
        features = F.relu(super().forward(x) - 1000)
        return super().forward(x) + F.batch_norm(features, None, None, training=True)


@pytest.mark.parametrize(
    ("module", "shape", "named"),
    [
        (Standardised(3, 4, 2), "batch,3,6", False),
        (OfItsBatch(8, 4), "batch,8", True),
        (OfWhatIsMostlyDead(4, 4), "batch,4", True),
    ],
    ids=["of-weights", "of-a-batch", "of-zeros"],
)
def test_statistics_of_weights_are_no_training_and_those_of_a_batch_are(
    module: nn.Module, shape: str, named: bool, tmp_path: Path
) -> None:
    rows = toolkit.check(
        module,
        inputs={"x": shape},
        dims={"batch": "2..8"},
        formats=["onnx", "pt2", "trace"],
        budget_s=0.0,
        failures=tmp_path,
    )
    told = ["training-mode" in {found.name for found in row.findings} for row in rows]
    assert told == [named] * 3

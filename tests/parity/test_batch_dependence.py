"""A batch's samples are computed apart: eager that mixes them is noted, a form that does fails."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import nn

from toolkit.inputs import Array
from toolkit.parity.findings import Finding
from toolkit.parity.plan import plan
from toolkit.parity.reference import Reference
from toolkit.parity.referring import refer
from toolkit.parity.verdict import Verdict, judge
from toolkit.probing import complete
from toolkit.spec import Dimension, ModelSpec, Port

from .models import Altered, reference_of, spec_of, two_layers


class Centred(nn.Module):
    """Takes away the mean over the batch."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x - x.mean(dim=0, keepdim=True)


class Unbiased(nn.Module):
    """Divides by a deviation that a batch of one does not have."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x / x.std(dim=0, keepdim=True)


class MeanLoss(nn.Module):
    def forward(self, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return (x - target).square().mean()


class AllPairs(nn.Module):
    """A table of the products of every two samples."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ x.T


class BestOfBatch(nn.Module):
    """Scores, and for each sample the number of the feature that is largest in the batch."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return 2 * x, x.amax(dim=0).argmax().expand(x.shape[0])


class Weighted(nn.Module):
    """A matrix that every sample shares is an input beside them."""

    def forward(self, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        return x @ w


class TimeFirst(nn.Module):
    """(T, B, features): sums over time, as a recurrent layer might."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x.cumsum(dim=0), x.sum(dim=0)


class Rounded(nn.Module):
    """Casts down inside: no float64 run can be its oracle."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.fc = nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x.float().to(self.fc.weight.dtype))


def noted(reference: Reference) -> list[Finding]:
    return [found for found in reference.findings if found.name == "batch-dependence"]


def judged(module: nn.Module, reference: Reference) -> Verdict:
    return judge(reference, Altered(module, reference.spec))


X = Port("x", ("batch", 6))


def test_a_network_that_takes_away_the_batch_mean_is_noted_and_passes() -> None:
    module = Centred()
    reference = reference_of(module, X)
    (found,) = noted(reference)
    assert found.severity == "note"
    assert "a sample's values depend on the others of its batch: output_0" in found.message
    verdict = judged(module, reference)
    assert verdict.status == "pass"
    assert found in verdict.findings


def test_a_mean_over_the_batch_is_what_a_loss_does() -> None:
    module = MeanLoss()
    reference = reference_of(module, X, Port("target", ("batch", 6)))
    (found,) = noted(reference)
    assert found.severity == "note"
    assert "one value for the whole batch and none a sample: output_0" in found.message
    assert judged(module, reference).status == "pass"


@pytest.mark.parametrize("module", [Unbiased(), AllPairs()])
def test_mixing_is_seen_where_a_value_or_a_shape_exists_for_several_samples_alone(
    module: nn.Module,
) -> None:
    (found,) = noted(reference_of(module, X))
    assert "depend on the others" in found.message


def test_only_the_outputs_that_mix_are_named() -> None:
    (found,) = noted(reference_of(BestOfBatch(), X))
    assert found.message.endswith(": output_1")


@pytest.mark.parametrize(
    ("module", "ports"),
    [
        (two_layers(), ()),
        (nn.BatchNorm1d(6).eval(), (Port("input", ("batch", 6)),)),
        (Weighted(), (X, Port("w", (6, 3)))),
        (Weighted(), (X, Port("w", (6, "width")))),
        (TimeFirst(), (Port("x", ("time", "batch", 6)),)),
        (Rounded().eval(), (X,)),
        (Centred(), (Port("x", ("rows", 6)),)),
    ],
    ids=[
        "two layers",
        "batch norm in eval mode",
        "a shared input",
        "a shared input of any width",
        "time first",
        "no float64 oracle",
        "no axis called batch",
    ],
)
def test_a_network_that_computes_its_samples_apart_has_no_such_note(
    module: nn.Module, ports: tuple[Port, ...]
) -> None:
    reference = reference_of(module, *ports)
    assert noted(reference) == []
    verdict = judged(module, reference)
    assert "batch-dependence" not in {found.name for found in verdict.findings}


def test_batch_statistics_in_train_mode_are_noted_beside_their_own_finding() -> None:
    reference = reference_of(nn.BatchNorm1d(6, track_running_stats=False).eval())
    found = {finding.name: finding.severity for finding in reference.findings}
    assert (found["training-mode"], found["batch-dependence"]) == ("error", "note")


def test_a_form_that_mixes_where_eager_does_not_is_an_error() -> None:
    def centred(inputs: Mapping[str, Array], outputs: dict[str, Array]) -> dict[str, Array]:
        return {name: array - array.mean(axis=0) for name, array in outputs.items()}

    module = two_layers()
    reference = reference_of(module)
    verdict = judge(reference, Altered(module, reference.spec, centred))
    assert verdict.status == "fail"
    (found,) = [one for one in verdict.findings if one.name == "batch-dependence"]
    assert found.severity == "error"
    assert "output_0" in found.message
    assert found.case in {one.case.number for one in reference.cases}


def test_a_form_that_is_wrong_sample_by_sample_does_not_mix() -> None:
    def shifted(inputs: Mapping[str, Array], outputs: dict[str, Array]) -> dict[str, Array]:
        return {name: array + np.float32(1) for name, array in outputs.items()}

    module = two_layers()
    reference = reference_of(module)
    verdict = judge(reference, Altered(module, reference.spec, shifted))
    assert verdict.status == "fail"
    assert "batch-dependence" not in {found.name for found in verdict.findings}


def test_a_form_is_not_blamed_for_what_eager_mixes_too() -> None:
    def otherwise(inputs: Mapping[str, Array], outputs: dict[str, Array]) -> dict[str, Array]:
        return {name: 2 * array for name, array in outputs.items()}

    module = Centred()
    reference = reference_of(module, X)
    verdict = judge(reference, Altered(module, reference.spec, otherwise))
    found = [one.severity for one in verdict.findings if one.name == "batch-dependence"]
    assert (verdict.status, found) == ("fail", ["note"])


def test_a_batch_beyond_what_the_model_takes_is_never_run() -> None:
    seen: list[int] = []

    class Counting(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x.shape[0])
            return x - x.mean(dim=0, keepdim=True)

    module = Counting()
    at_most_two = Dimension("batch", low=2, high=3)
    spec = complete(ModelSpec("subject", lambda: module, (X,), dimensions=(at_most_two,)), module)
    assert noted(refer(module, spec, plan(spec))) == []
    assert set(seen) == {2, 3}


def test_the_smallest_batches_are_joined() -> None:
    spec = spec_of(two_layers())
    reference = refer(two_layers(), spec, plan(spec))
    assert reference.batch_trial is not None
    assert reference.batch_trial.both["input"].shape == (2, 6)

"""Outputs whose extent the values decide: one more or one fewer is right only on the threshold."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from tests.parity.models import Altered, reference_of
from toolkit.parity.reference import Reference
from toolkit.parity.verdict import Verdict, judge
from toolkit.spec import Port

INPUT = Port("values", (4, 8))


class Above(nn.Module):
    """The values of a layer that are over a threshold, as a detector keeps its boxes."""

    def __init__(self, threshold: float) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(8, 16)
        self.threshold = threshold

    def forward(self, values: Tensor) -> Tensor:
        found: Tensor = self.layer(values).flatten()
        return found[found > self.threshold]


def value_of_a_case() -> float:
    """The largest value of the layer in the first case: whether it is over itself is luck."""
    module = Above(0.0)
    first = reference_of(module, INPUT).cases[0]
    return float(module.layer(torch.from_numpy(first.inputs["values"])).detach().max())


def verdict_of(reference: Reference, candidate: nn.Module) -> Verdict:
    return judge(reference, Altered(candidate, reference.spec))


def errors(verdict: Verdict) -> list[str]:
    return [found.name for found in verdict.findings if found.severity == "error"]


def test_a_form_that_keeps_as_many_values_as_eager_passes() -> None:
    reference = reference_of(Above(0.1), INPUT)
    counts = {judged.eager["output_0"].shape for judged in reference.cases}
    assert len(counts) > 5
    assert verdict_of(reference, Above(0.1)).status == "pass"


def test_a_form_with_another_threshold_is_a_structure_finding() -> None:
    reference = reference_of(Above(0.1), INPUT)
    assert "structure" in errors(verdict_of(reference, Above(0.12)))


def test_a_value_on_the_threshold_may_be_kept_or_not() -> None:
    threshold = value_of_a_case()
    below = float(np.nextafter(np.float32(threshold), np.float32(0)))
    reference = reference_of(Above(threshold), INPUT)
    candidate = Altered(Above(below), reference.spec)
    first = reference.cases[0]
    assert candidate.run(first.inputs)["output_0"].size == first.eager["output_0"].size + 1
    verdict = judge(reference, candidate)
    assert verdict.status == "pass"
    assert "ill-conditioned" in [found.name for found in verdict.findings]


def test_where_a_value_lies_on_the_threshold_many_more_are_still_wrong() -> None:
    threshold = value_of_a_case()
    reference = reference_of(Above(threshold), INPUT)
    assert "structure" in errors(verdict_of(reference, Above(threshold * 0.8)))

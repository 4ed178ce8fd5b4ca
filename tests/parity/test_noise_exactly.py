"""The noise of a reference on its bounds: what is pooled, and which oracles are doubted."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from tests.parity.models import spec_of
from toolkit.inputs import Array, run_module
from toolkit.parity.compare import Slicing
from toolkit.parity.noise import doubted, measure_noise
from toolkit.parity.plan import Case, CaseKind
from toolkit.parity.reference import Judged, Reference
from toolkit.spec import Port

EPS = 2.0**-23
STEEP = np.array([[1.0, 1.0]], np.float32)
STEADY = np.array([[0.0, 1.0]], np.float32)
EXPLAINED = 30 * (4 + 512) * EPS
"""The limit times the four roundings of an output of 1 and the 512 by which `Steep` moves."""
BEYOND = float(np.nextafter(EXPLAINED, 1.0))


class Steep(nn.Module):
    """A feature that moves by 512 roundings at 1 and not at all at 0; the others move by one."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        steep = ((x[:, :1] - 1) * 512).clamp(-1.0, 1.0)
        return {"y": torch.cat([steep, x[:, 1:]], dim=1), "z": x.clone(), "n": (x > 0).sum(dim=1)}


MODULE = Steep()
SPEC = spec_of(MODULE, Port("x", ("batch", 2)))


def judged(
    number: int,
    apart: Mapping[str, float] | None = None,
    *,
    x: Array = STEEP,
    kind: CaseKind = "ordinary",
    alone: str | None = None,
) -> Judged:
    """A case whose oracle is so far from eager in the first feature of some outputs."""
    eager = run_module(MODULE, SPEC, {"x": x})
    oracle = dict(eager)
    for name, distance in (apart or {}).items():
        oracle[name] = eager[name] + np.array([[distance, 0.0]])
    return Judged(Case(number, {"batch": 1}, kind, 0), {"x": x}, eager, oracle, alone)


def reference(*cases: Judged) -> Reference:
    return Reference(SPEC, MODULE, "cpu", planned=len(cases), cases=list(cases))


def departing(*cases: Judged) -> list[int]:
    """The cases that eager judges alone; none of them is lost or leaves its place."""
    found = list(doubted(reference(*cases)))
    assert [one.case.number for one in found] == [one.case.number for one in cases]
    return [one.case.number for one in found if one.alone]


def measured(*cases: Judged) -> Reference:
    subject = reference(*cases)
    measure_noise(subject)
    return subject


def test_an_oracle_departs_beyond_the_limit_times_what_eager_is_unsure_of_and_not_at_it() -> None:
    assert departing(judged(0, {"y": EXPLAINED})) == []
    assert departing(judged(0, {"y": BEYOND})) == [0]


def test_one_output_that_departs_is_enough_beside_one_that_is_explained() -> None:
    assert departing(judged(0, {"y": EXPLAINED, "z": 0.5})) == [0]
    assert departing(judged(0, {"y": 0.5, "z": 0.5})) == [0]


def test_after_four_cases_that_rounding_explains_no_more_are_asked() -> None:
    explained = [judged(number, {"y": EXPLAINED}) for number in range(4)]
    assert departing(*explained[:3], judged(9, {"y": BEYOND})) == [9]
    assert departing(*explained, judged(9, {"y": BEYOND})) == []


def test_a_case_without_a_doubt_and_one_that_departs_explain_nothing() -> None:
    near = [judged(number) for number in range(5)]
    far = [judged(number, {"y": BEYOND}) for number in range(5, 10)]
    assert departing(*near, *far) == [5, 6, 7, 8, 9]


def test_an_output_without_a_value_is_no_doubt_and_explains_nothing() -> None:
    empty = [judged(number, x=np.zeros((0, 2), np.float32)) for number in range(5)]
    assert departing(*empty, judged(9, {"y": BEYOND})) == [9]


def test_an_output_that_a_case_does_not_have_raises_no_doubt_of_it() -> None:
    whole = judged(0)
    outputs = {"z": whole.eager["z"]}
    assert departing(Judged(whole.case, whole.inputs, outputs, outputs)) == []


def test_only_floating_outputs_are_cut_and_only_classes_with_cases_have_noise() -> None:
    subject = measured(judged(0), judged(1, kind="scaled"))
    assert subject.slices == {"y": Slicing(1), "z": Slicing(1)}
    assert set(subject.noise) == {
        (name, draw_class) for name in ("y", "z") for draw_class in ("ordinary", "scaled")
    }


def test_each_class_has_the_noise_of_its_own_cases() -> None:
    subject = measured(judged(0, {"y": 0.25}), judged(1, {"y": 0.5}, kind="scaled"))
    assert subject.noise["y", "ordinary"].tolist() == [0.25, 4 * EPS]
    assert subject.noise["y", "scaled"].tolist() == [0.5, 4 * EPS]


def test_noise_is_pooled_over_the_cases_that_have_the_output() -> None:
    whole, other = judged(0, {"y": 0.25}), judged(1)
    outputs = {"z": other.eager["z"]}
    subject = measured(whole, Judged(other.case, other.inputs, outputs, outputs))
    assert subject.noise["y", "ordinary"].tolist() == [0.25, 4 * EPS]


def test_where_eager_judges_all_of_a_class_what_it_moves_in_any_case_is_its_noise() -> None:
    why = "cannot run in float64"
    subject = measured(judged(0, x=STEADY, alone=why), judged(1, x=STEEP, alone=why))
    assert subject.noise["y", "ordinary"].tolist() == [512 * EPS, 4 * EPS]


def test_where_eager_judges_some_cases_alone_what_it_moves_is_not_the_noise_of_the_others() -> None:
    subject = measured(judged(0, x=STEADY), judged(1, x=STEEP, alone="cannot run in float64"))
    assert subject.noise["y", "ordinary"].tolist() == [4 * EPS, 4 * EPS]

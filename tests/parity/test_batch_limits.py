"""What counts as mixing the samples of a batch, on the bounds of the rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.parity.models import spec_of
from toolkit.errors import RunError
from toolkit.inputs import Array
from toolkit.parity.batching import BatchTrial, told, try_candidate, try_eager
from toolkit.parity.compare import Slicing
from toolkit.parity.limits import EVERY, MAX_SCORE, USUAL, Limits
from toolkit.parity.oracle import Oracle
from toolkit.parity.plan import Case, plan
from toolkit.parity.reference import Judged, Reference
from toolkit.parity.referring import refer
from toolkit.spec import Port

EPS = 2.0**-23
NOISE = 2.0**-20
TWICE_THE_LIMIT = 60


class Known(nn.Module):
    """Its input, whether that is over 1 (unsure at 1), and one value for the whole batch."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"y": x.clone(), "above": (x > 1).sum(dim=1), "least": x.min()}


def judged(number: int, x: Array) -> Judged:
    outputs = {"y": x, "above": (x > 1).sum(axis=1), "least": x.min()}
    return Judged(Case(number, {"batch": len(x)}, "ordinary", 0), {"x": x}, outputs, outputs)


def reference_of(first: Array, second: Array, mixing: tuple[str, ...] = ()) -> Reference:
    pair = judged(0, first), judged(1, second)
    both = {"x": np.concatenate([first, second])}
    spec = spec_of(Known(), Port("x", ("batch", 2)))
    noise = {("y", "ordinary"): np.full(2, NOISE), ("least", "ordinary"): np.full(1, NOISE)}
    return Reference(
        spec,
        Known(),
        "cpu",
        planned=2,
        cases=list(pair),
        slices={"y": Slicing(1), "least": Slicing(None)},
        noise=noise,  # type: ignore[arg-type]
        batch_trial=BatchTrial(*pair, {"x": second}, both, mixing),
    )


def row(first: float, second: float) -> Array:
    return np.array([[first, second]], dtype=np.float32)


Change = Callable[[dict[str, Array]], Mapping[str, Array]]


def names_of(reference: Reference, change: Change, limits: Limits = USUAL) -> list[str]:
    """The findings where a candidate is right but for a change of what both batches give."""

    def run(inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        x = inputs["x"]
        outputs = dict(judged(0, x).eager)
        return change(outputs) if len(x) == 2 else outputs

    return [
        found.message.split(" in ")[1].split(",")[0]
        for found in try_candidate(reference, run, limits)
    ]


def moved(name: str, by: Array) -> Change:
    return lambda outputs: {**outputs, name: outputs[name] + by.astype(outputs[name].dtype)}


ZEROS = reference_of(row(0.0, 0.0), row(0.0, 0.0))


def test_a_candidate_that_gives_the_same_either_way_is_not_named() -> None:
    assert names_of(ZEROS, lambda outputs: outputs) == []


def test_twice_the_limit_is_allowed_and_no_more() -> None:
    allowed = TWICE_THE_LIMIT * NOISE
    beyond = float(np.nextafter(np.float32(allowed), np.float32(1)))
    for place in range(4):
        at = np.zeros(4)
        at[place] = 1.0
        assert names_of(ZEROS, moved("y", allowed * at.reshape(2, 2))) == []
        assert names_of(ZEROS, moved("y", beyond * at.reshape(2, 2))) == ["y"]


@pytest.mark.parametrize(
    ("limits", "allowed"),
    [
        (Limits(atol={EVERY: 0.125}), 0.25),
        (Limits(rtol={"y": 0.125}), 0.25),
        (Limits(max_score=2 * MAX_SCORE), 2 * TWICE_THE_LIMIT * NOISE),
    ],
    ids=["atol", "rtol", "score"],
)
def test_twice_a_limit_that_was_said_is_allowed_and_no_more(limits: Limits, allowed: float) -> None:
    x = 1.0 if limits.rtol else 0.0
    subject = reference_of(row(x, 0.0), row(0.0, 0.0))
    at = np.array([[1.0, 0.0], [0.0, 0.0]])
    assert names_of(subject, moved("y", allowed * at), limits) == []
    assert names_of(subject, moved("y", 1.25 * allowed * at), limits) == ["y"]


def test_how_far_eager_moves_of_itself_is_allowed_beside_the_noise() -> None:
    ones = reference_of(row(1.0, 0.0), row(0.0, 0.0))
    # At 1 eager moves by one rounding, in the first column alone.
    allowed = TWICE_THE_LIMIT * (NOISE + EPS)
    assert names_of(ones, moved("y", np.array([[allowed, 0.0], [0.0, 0.0]]))) == []
    assert names_of(ones, moved("y", np.array([[allowed + 4 * EPS, 0.0], [0.0, 0.0]]))) == ["y"]
    assert names_of(ones, moved("y", np.array([[0.0, allowed], [0.0, 0.0]]))) == ["y"]


def test_integers_may_change_where_eager_changes_its_own_and_nowhere_else() -> None:
    unsure = reference_of(row(1.0, 0.0), row(0.0, 0.0))
    assert names_of(unsure, moved("above", np.array([1, 0]))) == []
    assert names_of(unsure, moved("above", np.array([0, 1]))) == ["above"]
    assert names_of(unsure, moved("above", np.array([1, 1]))) == ["above"]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_value_that_is_not_finite_in_both_alone_is_mixing(bad: float) -> None:
    assert names_of(ZEROS, moved("y", np.array([[0.0, 0.0], [bad, 0.0]]))) == ["y"]


def test_a_value_that_is_not_finite_either_way_is_none() -> None:
    undefined = reference_of(row(np.nan, 0.0), row(0.0, np.nan))
    assert "y" not in names_of(undefined, lambda outputs: outputs)


def test_another_number_of_samples_is_mixing() -> None:
    assert names_of(ZEROS, lambda outputs: {**outputs, "y": outputs["y"][:1]}) == ["y"]


def test_one_value_for_the_whole_batch_must_be_that_of_either_batch() -> None:
    allowed = np.array(TWICE_THE_LIMIT * NOISE)
    assert names_of(ZEROS, moved("least", allowed)) == []
    assert names_of(ZEROS, moved("least", 2 * allowed)) == ["least"]
    other = reference_of(row(0.0, 0.0), row(1.0, 1.0))
    assert names_of(other, lambda outputs: outputs) == ["least"]


def test_what_eager_mixes_too_is_not_held_against_a_form() -> None:
    mixing = reference_of(row(0.0, 0.0), row(0.0, 0.0), mixing=("y",))
    far = np.full((2, 2), 1.0)
    assert names_of(mixing, moved("y", far)) == []
    both = lambda outputs: {**moved("y", far)(outputs), "above": outputs["above"] + 1}  # noqa: E731
    assert names_of(mixing, both) == ["above"]


def test_an_output_that_a_form_lacks_is_found_elsewhere() -> None:
    assert names_of(ZEROS, lambda outputs: {"above": outputs["above"] + 1}) == ["above"]


def only_apart(inputs: Mapping[str, Array]) -> Mapping[str, Array]:
    """A form that takes one sample and not two."""
    if len(inputs["x"]) == 2:
        raise RunError("no batch of 2")
    return judged(0, inputs["x"]).eager


def test_a_form_that_refuses_either_batch_alone_is_found_elsewhere() -> None:
    def run(inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        raise RunError("no")

    assert try_candidate(ZEROS, run) == []


def test_a_form_that_refuses_both_together_alone_is_found_where_no_case_has_that_size() -> None:
    (found,) = try_candidate(ZEROS, only_apart)
    assert (found.name, found.severity, found.case) == ("structure", "error", 0)
    assert found.message.endswith("as one batch, which eager accepts: no batch of 2")


def test_a_form_that_refuses_both_together_is_found_elsewhere_where_a_case_has_that_size() -> None:
    both = judged(2, np.zeros((2, 2), dtype=np.float32))
    assert try_candidate(replace(ZEROS, cases=[*ZEROS.cases, both]), only_apart) == []


def test_without_a_trial_nothing_is_tried() -> None:
    untried = Reference(ZEROS.spec, Known(), "cpu", planned=2)
    assert try_candidate(untried, lambda inputs: inputs) == []
    assert told(untried, None) == []


def test_what_eager_mixes_is_told_by_its_kind() -> None:
    sampled = reference_of(row(0.0, 0.0), row(0.0, 0.0), mixing=("y",))
    whole = reference_of(row(0.0, 0.0), row(0.0, 0.0), mixing=("least", "y"))
    (first,) = told(sampled, sampled.batch_trial)
    (second,) = told(whole, whole.batch_trial)
    assert (
        first.message == "in eager itself, a sample's values depend on the others of its batch: y"
    )
    assert "none a sample: least; a sample's values" in second.message
    assert second.message.endswith("of its batch: y")
    assert (first.severity, first.case) == ("note", 0)
    assert told(ZEROS, ZEROS.batch_trial) == []


class Float32Only(nn.Module):
    """Takes no other precision: eager stands in for its oracle."""

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype != torch.float32:
            raise TypeError("float32 only")
        return x - x.mean(dim=0, keepdim=True)


def test_without_an_oracle_eager_itself_says_what_it_mixes() -> None:
    spec = spec_of(Float32Only(), Port("x", ("batch", 2)))
    reference = refer(Float32Only(), spec, plan(spec))
    assert reference.batch_trial is not None
    assert reference.batch_trial.mixing == ("output_0",)


class Faint(nn.Module):
    """Mixes by little more than the limit, and moves of itself by a rounding."""

    def __init__(self, *, narrow: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.narrow = narrow

    def forward(self, x: Tensor) -> Tensor:
        if self.narrow and x.dtype != torch.float32:
            raise TypeError("float32 only")
        return x * self.weight + 130 * EPS * x.sum(dim=0, keepdim=True)


@pytest.mark.parametrize(("narrow", "mixing"), [(False, ("output_0",)), (True, ())])
def test_what_eager_moves_of_itself_excuses_it_where_there_is_no_oracle_alone(
    narrow: bool, mixing: tuple[str, ...]
) -> None:
    module = Faint(narrow=narrow)
    spec = spec_of(module, Port("x", ("batch", 1), low=1.0, high=1.0))
    trial = refer(module, spec, plan(spec)).batch_trial
    assert trial is not None
    assert trial.mixing == mixing


def test_the_trial_is_of_ordinary_cases_that_the_oracle_judges() -> None:
    module = Faint(narrow=False)
    spec = spec_of(module, Port("x", ("batch", 1)))
    reference = refer(module, spec, plan(spec))
    others_first = sorted(reference.cases, key=lambda one: one.case.draw_class == "ordinary")
    place = next(at for at, one in enumerate(others_first) if one.case.draw_class == "ordinary")
    doubtful = replace(others_first[place], alone="it departs")
    others_first[place] = doubtful
    oracle = Oracle(module, spec, others_first[0].inputs)
    trial = try_eager(replace(reference, cases=others_first), oracle)
    assert trial is not None
    for one in (trial.first, trial.second):
        assert one.case.draw_class == "ordinary"
        assert one.alone is None

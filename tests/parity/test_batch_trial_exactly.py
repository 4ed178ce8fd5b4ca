"""Which two cases are joined to a batch, what they become, and what eager makes of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.parity.models import spec_of
from toolkit.inputs import Array
from toolkit.parity.batching import BatchTrial, try_candidate, try_eager
from toolkit.parity.compare import Slicing
from toolkit.parity.findings import error
from toolkit.parity.oracle import Oracle
from toolkit.parity.plan import Case, CaseKind
from toolkit.parity.reference import Judged, Reference
from toolkit.spec import Dimension, ModelSpec, Port


class Same(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.clone()


class Centred(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(dim=0, keepdim=True)


class Shared(nn.Module):
    """(time, batch) times one weight a step, which all samples share."""

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        return x * w[:, None]


SPEC = spec_of(Same(), Port("x", ("batch", "time")))
ALONE = "cannot run in float64"


def case(
    number: int,
    batch: int,
    time: int = 2,
    kind: CaseKind = "ordinary",
    alone: str | None = None,
) -> Judged:
    x = number + np.arange(batch * time, dtype=np.float32).reshape(batch, time)
    sizes = {"batch": batch, "time": time}
    outputs = {"output_0": x}
    return Judged(Case(number, sizes, kind, 0), {"x": x}, outputs, outputs, alone)


def reference_of(
    *cases: Judged, module: nn.Module, spec: ModelSpec = SPEC, unfit: str | None = None
) -> Reference:
    return Reference(
        spec,
        module,
        "cpu",
        planned=len(cases),
        cases=list(cases),
        unfit=unfit,
        slices={"output_0": Slicing(None)},
        noise={("output_0", "ordinary"): np.array([2.0**-20])},
    )


def trial_of(
    *cases: Judged,
    spec: ModelSpec = SPEC,
    module: nn.Module | None = None,
    unfit: str | None = None,
) -> BatchTrial | None:
    module = module or Same()
    reference = reference_of(*cases, module=module, spec=spec, unfit=unfit)
    return try_eager(reference, Oracle(module, spec, cases[0].inputs))


def joined(
    *cases: Judged, spec: ModelSpec = SPEC, unfit: str | None = None
) -> tuple[int, int] | None:
    """The numbers of the cases that are joined."""
    trial = trial_of(*cases, spec=spec, unfit=unfit)
    return None if trial is None else (trial.first.case.number, trial.second.case.number)


def test_the_fewest_samples_are_joined() -> None:
    assert joined(case(0, 3), case(1, 2), case(2, 1), case(3, 5)) == (1, 2)
    assert joined(case(0, 1), case(1, 5), case(2, 3)) == (0, 2)


def test_other_sizes_as_traced_go_before_few_samples() -> None:
    assert SPEC.traced_sizes == {"batch": 2, "time": 2}
    assert joined(case(0, 1, 5), case(1, 1, 5), case(2, 3), case(3, 2)) == (2, 3)
    assert joined(case(0, 3), case(1, 1, 5), case(2, 1, 5)) == (1, 2)


def test_cases_of_other_sizes_than_each_other_are_not_joined() -> None:
    assert joined(case(0, 1), case(1, 1, 5)) is None
    assert joined(case(0, 1), case(1, 1, 5), case(2, 2, 5)) == (1, 2)


def test_a_single_case_is_joined_to_nothing() -> None:
    assert joined(case(0, 1)) is None


def test_a_batch_without_a_sample_is_joined_to_none() -> None:
    spec = replace(SPEC, dimensions=(Dimension("batch", low=0), Dimension("time")))
    assert joined(case(0, 0), case(1, 1), case(2, 2), spec=spec) == (1, 2)
    assert joined(case(0, 1), case(1, 0), spec=spec) is None


def test_a_batch_beyond_what_the_model_takes_is_not_made() -> None:
    spec = replace(SPEC, dimensions=(Dimension("batch", low=1, high=4), Dimension("time")))
    assert joined(case(0, 3), case(1, 2), spec=spec) is None
    assert joined(case(0, 3), case(1, 2), case(2, 2), spec=spec) == (1, 2)


def test_cases_of_ordinary_values_that_the_oracle_judges_are_joined() -> None:
    cases = (case(0, 1, kind="scaled"), case(1, 1, alone=ALONE), case(2, 1), case(3, 1))
    assert joined(*cases) == (2, 3)
    assert joined(*cases[:3]) is None


def test_without_an_oracle_cases_that_it_cannot_judge_are_joined() -> None:
    cases = (case(0, 1, alone=ALONE), case(1, 1, alone=ALONE), case(2, 1, kind="scaled"))
    assert joined(*cases, unfit=ALONE) == (0, 1)


def test_without_a_dimension_called_batch_nothing_is_joined() -> None:
    spec = spec_of(Same(), Port("x", ("rows", 2)))
    cases = [
        replace(one, case=replace(one.case, sizes={"rows": 1})) for one in (case(0, 1), case(1, 1))
    ]
    assert joined(*cases, spec=spec) is None


def test_nothing_is_tried_where_eager_departs_from_itself() -> None:
    cases = [case(0, 1), case(1, 1)]
    reference = Reference(SPEC, Same(), "cpu", planned=2, cases=cases)
    reference.findings.append(error("nondeterministic", "two eager runs differ"))
    assert try_eager(reference, Oracle(Same(), SPEC, cases[0].inputs)) is None


def test_nothing_comes_of_a_batch_that_the_model_does_not_take() -> None:
    class AtMostTwo(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            if len(x) > 2:
                raise ValueError("at most two")
            return x.clone()

    cases = (case(0, 1), case(1, 2))
    assert trial_of(*cases) is not None
    assert trial_of(*cases, module=AtMostTwo()) is None


@pytest.mark.parametrize("unfit", [None, ALONE])
def test_what_eager_mixes_is_said_of_the_trial(unfit: str | None) -> None:
    alone = [case(0, 1, alone=unfit), case(1, 1, alone=unfit)]
    trial = trial_of(*alone, unfit=unfit)
    assert trial is not None
    assert trial.mixing == ()
    centred = [
        replace(one, eager=outputs, oracle=outputs)
        for one in alone
        for outputs in [{"output_0": np.zeros_like(one.inputs["x"])}]
    ]
    mixed = trial_of(*centred, module=Centred(), unfit=unfit)
    assert mixed is not None
    assert mixed.mixing == ("output_0",)


@pytest.mark.parametrize("unfit", [None, ALONE])
def test_where_nothing_mixes_eager_runs_on_both_together_and_on_nothing_else(
    unfit: str | None,
) -> None:
    seen: list[int] = []

    class Seen(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(len(x))
            return x.clone()

    module = Seen()
    cases = (case(0, 1, alone=unfit), case(1, 2, alone=unfit))
    oracle = Oracle(module, SPEC, cases[0].inputs)
    seen.clear()
    assert try_eager(reference_of(*cases, module=module, unfit=unfit), oracle) is not None
    assert seen == [3]


def test_the_first_cases_shared_inputs_go_with_both_batches() -> None:
    """Samples lie along the second axis: those of both stand beside each other there."""
    spec = spec_of(Shared(), Port("x", (2, "batch")), Port("w", (2,)))

    def weighed(number: int, samples: int) -> Judged:
        x = 10.0 * number + np.arange(2 * samples, dtype=np.float32).reshape(2, samples)
        w = np.array([1.0, number + 2.0], dtype=np.float32)
        outputs = {"output_0": x * w[:, None]}
        sizes = {"batch": samples}
        return Judged(Case(number, sizes, "ordinary", 0), {"x": x, "w": w}, outputs, outputs)

    first, second = weighed(0, 1), weighed(1, 2)
    trial = trial_of(first, second, spec=spec, module=Shared())
    assert trial is not None
    assert as_lists(trial.beside) == {"x": [[10.0, 11.0], [12.0, 13.0]], "w": [1.0, 2.0]}
    assert as_lists(trial.both) == {"x": [[0.0, 10.0, 11.0], [1.0, 12.0, 13.0]], "w": [1.0, 2.0]}
    assert trial.mixing == ()


class Doubled(nn.Module):
    """A row of sums, twice: which of its values are a sample's the shape does not say."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sum(dim=1).repeat(2)


class Mean(nn.Module):
    """One row for the whole batch."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=0)


@pytest.mark.parametrize(
    ("module", "shape", "mixing"),
    [(Doubled(), ("2*batch",), ()), (Mean(), (2,), ("output_0",))],
    ids=["twice the batch", "no batch"],
)
def test_an_extent_that_hides_the_samples_says_nothing_of_them(
    module: nn.Module, shape: tuple[str | int, ...], mixing: tuple[str, ...]
) -> None:
    spec = spec_of(module, Port("x", ("batch", 2)))
    spec = replace(spec, outputs=(Port("output_0", shape),))
    x = np.array([[1.0, 2.0]], dtype=np.float32)
    given = {"output_0": module(torch.from_numpy(x)).numpy()}
    cases = [
        Judged(Case(number, {"batch": 1}, "ordinary", 0), {"x": sign * x}, outputs, outputs)
        for number, sign in enumerate((1, -1))
        for outputs in [{"output_0": sign * given["output_0"]}]
    ]
    trial = trial_of(*cases, spec=spec, module=module)
    assert trial is not None
    assert trial.mixing == mixing


def test_a_table_of_all_pairs_of_samples_mixes_them() -> None:
    class AllPairs(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x @ x.T

    spec = replace(SPEC, outputs=(Port("output_0", ("batch", "batch")),))
    cases = [
        replace(one, eager=table, oracle=table)
        for one in (case(0, 1), case(1, 2))
        for table in [{"output_0": one.inputs["x"] @ one.inputs["x"].T}]
    ]
    trial = trial_of(*cases, spec=spec, module=AllPairs())
    assert trial is not None
    assert trial.mixing == ("output_0",)


# ---- a form whose outputs are not shaped as eager's

FormChange = Callable[[Array], dict[str, Array]]


def tried(change: FormChange) -> list[str]:
    """The findings of a form, by what it makes of its input."""
    spec = spec_of(Same(), Port("x", ("batch", 2)))
    cases = (case(0, 1), case(1, 2))
    reference = replace(
        reference_of(*cases, module=Same(), spec=spec),
        slices={"output_0": Slicing(1)},
        noise={("output_0", "ordinary"): np.full(2, 2.0**-20)},
    )
    reference.batch_trial = try_eager(reference, Oracle(Same(), spec, cases[0].inputs))
    assert reference.batch_trial is not None
    return [found.name for found in try_candidate(reference, lambda inputs: change(inputs["x"]))]


def only(x: Array) -> dict[str, Array]:
    return {"output_0": x}


@pytest.mark.parametrize(
    "change",
    [
        lambda x: only(np.repeat(x, 3, axis=1)),
        lambda x: only(x[:, 0]),
        lambda x: only(x[:1] if len(x) == 1 else x[:, :1]),
        lambda x: only(x[:, :1] if len(x) == 1 else x),
        lambda x: {},
    ],
    ids=["wider", "an axis lost", "narrower in the second", "narrower in the first", "none"],
)
def test_an_output_of_another_shape_than_eagers_is_found_elsewhere(change: FormChange) -> None:
    assert tried(change) == []


def test_an_output_more_than_eager_has_is_found_elsewhere() -> None:
    def more(x: Array) -> dict[str, Array]:
        return {"output_0": x, "more": x.sum(axis=0)}

    assert tried(more) == []


def test_a_form_that_mixes_what_is_shaped_as_eagers_is_named() -> None:
    assert tried(only) == []
    assert tried(lambda x: only(x - x.mean(axis=0))) == ["batch-dependence"]
    assert tried(lambda x: only(x[:2])) == ["batch-dependence"]


def as_lists(arrays: Mapping[str, Array]) -> dict[str, list[float]]:
    return {name: array.tolist() for name, array in arrays.items()}

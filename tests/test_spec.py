"""What a model's description refuses, and which sizes it plans."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from toolkit.errors import SpecError
from toolkit.spec import Dimension, ModelSpec, Port, TrainingPlan

BATCH = Port("x", ("batch", 3))


def test_a_free_dimension_is_traced_at_2_and_tested_at_1_2_3_and_5() -> None:
    dimension = Dimension("batch")
    assert dimension.traced == 2
    assert dimension.tested == (1, 2, 3, 5)


def test_a_range_and_a_step_are_kept_to() -> None:
    assert Dimension("height", 32, 96, 32).tested == (32, 64, 96)
    assert Dimension("batch", 4, 4).tested == (4,)
    assert Dimension("batch", 1, 2).tested == (1, 2)


def test_a_dimension_is_timed_at_its_usual_size_else_at_the_largest_tested() -> None:
    assert Dimension("time", 1, 512).timed == 5
    assert Dimension("time", 1, 512, usual=128).timed == 128
    assert 128 not in Dimension("time", 1, 512, usual=128).tested


def test_a_usual_size_out_of_the_range_is_refused() -> None:
    with pytest.raises(SpecError, match="usually 9"):
        Dimension("time", 1, 8, usual=9)


@given(st.integers(0, 50), st.none() | st.integers(0, 60), st.integers(1, 9))
def test_every_planned_size_is_allowed(low: int, extra: int | None, step: int) -> None:
    dimension = Dimension("n", low, None if extra is None else low + extra, step)
    assert dimension.traced in dimension.tested
    assert all(dimension.allows(size) for size in dimension.tested)
    assert low in dimension.tested


@pytest.mark.parametrize(
    ("low", "high", "step", "traced"),
    [(-1, None, 1, None), (3, 2, 1, None), (1, 4, 0, None), (1, 8, 2, 4)],
)
def test_a_dimension_that_contradicts_itself_is_refused(
    low: int, high: int | None, step: int, traced: int | None
) -> None:
    with pytest.raises(SpecError, match="dimension n"):
        Dimension("n", low, high, step, traced)


def test_ports_that_contradict_themselves_are_refused() -> None:
    for wrong in (
        {"dtype": "float31"},
        {"low": 1.0},
        {"low": 2.0, "high": 1.0},
        {"low": 0.0, "high": float("inf")},
    ):
        with pytest.raises(SpecError, match="port x"):
            Port("x", (3,), **wrong)
    with pytest.raises(SpecError, match="negative size"):
        Port("x", (-1,))


def test_every_name_in_a_shape_is_a_dimension() -> None:
    spec = ModelSpec("m", nn.Identity, (Port("x", ("batch", "time")),), dimensions=())
    assert [dimension.name for dimension in spec.dimensions] == ["batch", "time"]
    assert spec.traced_sizes == {"batch": 2, "time": 2}


def test_a_dimension_that_no_input_has_is_named_with_those_there_are() -> None:
    with pytest.raises(SpecError, match="called bach") as caught:
        ModelSpec("m", nn.Identity, (BATCH,), dimensions=(Dimension("bach"),))
    assert "batch" in str(caught.value.hint)


def test_names_that_stand_twice_are_refused() -> None:
    with pytest.raises(SpecError, match="input named twice: x"):
        ModelSpec("m", nn.Identity, (BATCH, BATCH))


def test_a_model_without_inputs_or_with_limits_for_unknown_formats_is_refused() -> None:
    with pytest.raises(SpecError, match="at least one input"):
        ModelSpec("m", nn.Identity, ())
    with pytest.raises(SpecError, match="unknown formats"):
        ModelSpec("m", nn.Identity, (BATCH,), limits={"tflite": "no"})


@pytest.mark.parametrize("patience", [0, -1])
def test_patience_of_less_than_an_epoch_is_refused(patience: int) -> None:
    with pytest.raises(SpecError, match=f"patience is 1 epoch or more, not {patience}"):
        TrainingPlan("digits", "cross-entropy", "accuracy", 0.9, patience=patience)


def test_a_floor_is_met_from_its_own_side_and_never_by_nan() -> None:
    accuracy = TrainingPlan("digits", "cross-entropy", "accuracy", 0.9)
    error = TrainingPlan("digits", "mse", "error", 0.1, less_is_better=True)
    assert accuracy.met_by(0.95)
    assert not accuracy.met_by(0.85)
    assert error.met_by(0.05)
    assert not error.met_by(0.2)
    assert not accuracy.met_by(float("nan"))
    assert not error.met_by(float("nan"))

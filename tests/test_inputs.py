"""Arrays drawn for a spec keep to its ranges; outputs of any nesting come back by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from toolkit.errors import BuildError, InputsError
from toolkit.flattening import flatten
from toolkit.inputs import FLAT_KINDS, OUTLIER_SCALE, Kind, draw, run_module, to_tensors
from toolkit.spec import DTYPES, ModelSpec, Port

KINDS = get_args(Kind)


def spec_of(*ports: Port) -> ModelSpec:
    return ModelSpec("m", nn.Identity, ports)


@given(
    st.sampled_from([name for name in DTYPES if name != "bool"]),
    st.sampled_from(KINDS),
    st.integers(0, 5),
)
def test_every_draw_keeps_to_the_range_of_its_port(dtype: str, kind: Kind, seed: int) -> None:
    spec = spec_of(Port("x", ("batch", 7), dtype, low=2, high=6))
    array = draw(spec, {"batch": 3}, seed, kind)["x"]
    assert array.shape == (3, 7)
    assert array.min() >= 2
    assert array.max() <= 6


FIXED = ("zeros", "ones", "lowest", "highest")
"""Kinds whose values no seed changes."""


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_draws_the_same_and_another_seed_others(kind: Kind) -> None:
    spec = spec_of(Port("x", (64,)), Port("n", (64,), "int64", low=0, high=10**6))
    first, again = draw(spec, {}, 1, kind), draw(spec, {}, 1, kind)
    other = draw(spec, {}, 2, kind)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert all(np.array_equal(first[name], other[name]) == (kind in FIXED) for name in first)


@pytest.mark.parametrize("kind", FLAT_KINDS)
def test_every_value_of_a_flat_draw_is_the_same(kind: Kind) -> None:
    ports = (Port("x", (9,)), Port("n", (9,), "int64"), Port("flag", (9,), "bool"))
    for array in draw(spec_of(*ports), {}, 0, kind).values():
        assert len(set(array.tolist())) == 1


def test_a_drawn_constant_is_neither_zero_nor_an_end_of_the_range() -> None:
    spec = spec_of(Port("x", (4,), low=0.0, high=1.0), Port("y", (4,)))
    drawn = draw(spec, {}, 0, "constant")
    assert 0 < drawn["x"][0] < 1
    assert drawn["y"][0] not in (-4, 0, 1, 4)


def test_the_full_range_of_integers_holds_both_ends() -> None:
    spec = spec_of(Port("n", (16,), "int64", low=0, high=999))
    array = draw(spec, {}, 0, "full-range")["n"]
    assert (array.min(), array.max()) == (0, 999)


def test_a_range_over_zero_holds_zero_too() -> None:
    spec = spec_of(Port("n", (16,), "int64", low=-5000, high=5000))
    assert {-5000, 0, 5000} <= set(draw(spec, {}, 0, "full-range")["n"].tolist())


def test_a_lone_integer_is_each_end_in_turn() -> None:
    spec = spec_of(Port("n", (), "int64", low=-50, high=999))
    drawn = {int(draw(spec, {}, seed, "full-range")["n"]) for seed in range(3)}
    assert drawn == {-50, 0, 999}


FLAGS = spec_of(Port("a", (3,), "bool"), Port("b", (), "bool"), Port("x", (64,)))


@pytest.mark.parametrize(("kind", "value"), [("false", False), ("true", True)])
def test_a_boolean_alone_has_one_value_and_the_others_the_opposite(kind: Kind, value: bool) -> None:
    drawn = draw(FLAGS, {}, 0, kind, "a")
    assert (drawn["a"] == value).all()
    assert drawn["b"] == (not value)
    together = draw(FLAGS, {}, 0, kind)
    assert (together["a"] == value).all()
    assert together["b"] == value
    assert len(set(drawn["x"].tolist())) == 64


RAGGED = spec_of(
    Port("tokens", ("time", "batch"), "int64", low=0, high=99),
    Port("lengths", ("batch",), "int64", low=1, up_to="time"),
    Port("mask", ("batch", "time"), "int64", low=0, high=1, mask=True),
)


@pytest.mark.parametrize(
    ("kind", "lengths"),
    [
        ("full-length", [7, 7, 7, 7]),
        ("full-range", [7, 7, 7, 7]),
        ("length-one", [1, 1, 1, 1]),
        ("sorted", [7, 5, 3, 1]),
        ("unsorted", [1, 7, 5, 3]),
    ],
)
def test_sequences_are_as_long_as_the_kind_says(kind: Kind, lengths: list[int]) -> None:
    drawn = draw(RAGGED, {"time": 7, "batch": 4}, 0, kind)
    assert drawn["lengths"].tolist() == drawn["mask"].sum(axis=1).tolist() == lengths
    assert (np.diff(drawn["mask"], axis=1) <= 0).all(), "padding stands at the end"
    assert len(set(drawn["tokens"].ravel().tolist())) > 2


def test_an_outlier_is_large_whatever_it_stands_in_for() -> None:
    for seed in range(50):
        drawn = draw(spec_of(Port("x", (1,))), {}, seed, "outliers")["x"]
        assert abs(drawn[0]) >= OUTLIER_SCALE


def test_a_sign_is_flipped_about_the_middle_of_the_range() -> None:
    spec = spec_of(Port("x", (8,)), Port("image", (8,), low=0.0, high=1.0))
    plain, flipped = draw(spec, {}, 3), draw(spec, {}, 3, "flipped")
    assert np.array_equal(flipped["x"], -plain["x"])
    assert np.allclose(flipped["image"], 1 - plain["image"])


def test_an_empty_tensor_can_be_drawn_in_every_way() -> None:
    spec = spec_of(Port("x", ("n", 3)), Port("i", ("n",), "int64"), Port("b", ("n",), "bool"))
    for kind in KINDS:
        assert all(array.size == 0 for array in draw(spec, {"n": 0}, 0, kind).values())


def test_a_missing_input_is_named() -> None:
    with pytest.raises(InputsError, match="y"):
        to_tensors(spec_of(Port("x", (1,)), Port("y", (1,))), {"x": np.zeros(1, np.float32)})


@dataclass
class Answer:
    score: torch.Tensor
    hint: torch.Tensor | None = None


ONE, TWO = torch.zeros(1), torch.ones(2)


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (ONE, ["output_0"]),
        ((ONE, TWO), ["output_0", "output_1"]),
        ([ONE, (TWO, ONE)], ["output_0", "output_1_0", "output_1_1"]),
        ({"logits": ONE, "state": (TWO, ONE)}, ["logits", "state_0", "state_1"]),
        ({"a": {"b": ONE}}, ["a_b"]),
        ((ONE, None, TWO), ["output_0", "output_2"]),
        (Answer(ONE), ["score"]),
        ({"answer": Answer(ONE, TWO)}, ["answer_score", "answer_hint"]),
        ((ONE, 3.0), ["output_0", "output_1"]),
    ],
)
def test_every_nesting_is_flattened_to_names(value: object, names: list[str]) -> None:
    assert list(flatten(value)) == names


def test_declared_names_are_used_when_they_are_as_many() -> None:
    assert list(flatten((ONE, TWO), ["mean", "variance"])) == ["mean", "variance"]
    assert list(flatten((ONE, TWO), ["mean"])) == ["output_0", "output_1"]


@pytest.mark.parametrize(
    "value", [{"a": (ONE, TWO), "a_0": ONE}, {"output_0": ONE, "": TWO}, {1: ONE, "1": TWO}]
)
def test_no_output_is_lost_where_two_have_the_same_name(value: object) -> None:
    assert len(flatten(value)) == sum(1 for _ in _tensors(value))


def _tensors(value: object) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    members = value.values() if isinstance(value, dict) else value
    return [tensor for member in members for tensor in _tensors(member)]  # type: ignore[attr-defined]


def test_what_is_no_tensor_is_refused_by_its_type() -> None:
    with pytest.raises(BuildError, match="str"):
        flatten({"text": "hello"})


def test_arrays_go_through_a_module_and_come_back_named() -> None:
    spec = ModelSpec("m", nn.Identity, (Port("x", (2,)),), (Port("y", (2,)),))
    outputs = run_module(nn.Identity(), spec, {"x": np.array([1, 2], np.float32)})
    assert list(outputs) == ["y"]
    assert outputs["y"].tolist() == [1.0, 2.0]

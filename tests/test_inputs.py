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
from toolkit.inputs import Kind, draw, run_module, to_tensors
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


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_draws_the_same_and_another_seed_others(kind: Kind) -> None:
    spec = spec_of(Port("x", (64,)), Port("n", (64,), "int64"), Port("flag", (64,), "bool"))
    first, again = draw(spec, {}, 1, kind), draw(spec, {}, 1, kind)
    other = draw(spec, {}, 2, kind)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    constant = kind in ("zeros", "ones", "lowest", "highest")
    assert all(np.array_equal(first[name], other[name]) == constant for name in first)


def test_the_full_range_of_integers_holds_both_ends() -> None:
    spec = spec_of(Port("n", (16,), "int64", low=0, high=999))
    array = draw(spec, {}, 0, "full-range")["n"]
    assert (array.min(), array.max()) == (0, 999)


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

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from torch import nn

from toolkit.parity.plan import DRAW_CLASSES, plan, size_points
from toolkit.spec import Dimension, ModelSpec, Port


def spec(*inputs: Port, dimensions: tuple[Dimension, ...] = ()) -> ModelSpec:
    return ModelSpec("m", nn.Identity, inputs, (Port("y", (1,)),), dimensions)


IMAGES = spec(Port("image", ("batch", 3, 8, 8)))
SEQUENCES = spec(
    Port("tokens", ("time", "batch"), "int64", low=0, high=99), Port("state", (2, "batch", 4))
)


def test_a_batch_is_tested_at_its_least_value_two_three_and_five() -> None:
    assert {case.sizes["batch"] for case in plan(IMAGES)} == {1, 2, 3, 5}


def test_dimensions_vary_alone_and_together() -> None:
    points = {tuple(point.values()) for point in size_points(SEQUENCES)}
    assert {(size, 2) for size in (1, 2, 3, 5)} <= points
    assert {(2, size) for size in (1, 2, 3, 5)} <= points
    assert {(1, 1), (3, 3), (5, 5)} <= points
    assert any(time != batch and 2 not in (time, batch) for time, batch in points)


def test_a_dimension_with_another_range_is_tested_inside_it() -> None:
    heights = Dimension("height", low=32, high=128, step=32)
    tested = {
        case.sizes["height"]
        for case in plan(spec(Port("x", (1, 3, "height", 32)), dimensions=(heights,)))
    }
    assert tested == {32, 64, 96}


@pytest.mark.parametrize("model", [IMAGES, SEQUENCES, spec(Port("x", (4, 4)))])
def test_every_draw_class_has_at_least_four_cases(model: ModelSpec) -> None:
    count = Counter(case.draw_class for case in plan(model))
    assert all(count[draw_class] >= 4 for draw_class in DRAW_CLASSES)


def test_every_size_of_an_image_model_gets_three_seeds() -> None:
    seeds = Counter(case.sizes["batch"] for case in plan(IMAGES) if case.kind == "ordinary")
    assert seeds == {1: 3, 2: 3, 3: 3, 5: 3}


def test_the_plan_holds_at_least_24_cases_for_one_dynamic_dimension() -> None:
    assert len(plan(IMAGES)) >= 24


def test_the_same_seed_gives_the_same_values_and_another_seed_others() -> None:
    first, again, other = (plan(IMAGES, seed=seed)[0].inputs(IMAGES) for seed in (0, 0, 1))
    assert np.array_equal(first["image"], again["image"])
    assert not np.array_equal(first["image"], other["image"])


def test_every_draw_keeps_to_the_range_of_its_port() -> None:
    bounded = spec(
        Port("image", ("batch", 5), low=0.0, high=1.0),
        Port("label", ("batch",), "int64", low=3, high=7),
    )
    for case in plan(bounded):
        arrays = case.inputs(bounded)
        assert 0.0 <= arrays["image"].min() <= arrays["image"].max() <= 1.0
        assert 3 <= arrays["label"].min() <= arrays["label"].max() <= 7


def test_integers_reach_both_ends_of_their_range() -> None:
    ends = [
        case.inputs(SEQUENCES)["tokens"] for case in plan(SEQUENCES) if case.kind == "full-range"
    ]
    assert ends
    assert any(tokens.min() == 0 for tokens in ends)
    assert any(tokens.max() == 99 for tokens in ends)


def test_the_users_own_arrays_are_a_case_of_the_plan() -> None:
    own = {"image": np.ones((7, 3, 8, 8), np.float32)}
    last = plan(IMAGES, given=(own,))[-1]
    assert last.kind == "given"
    assert last.sizes == {"batch": 7}
    assert last.inputs(IMAGES) is own

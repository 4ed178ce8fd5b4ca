from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations
from typing import get_args

import numpy as np
import pytest
from torch import nn

from toolkit.inputs import NORMAL_BOUND, OF_SOME_INPUTS, Kind
from toolkit.parity.budget import certain_cases
from toolkit.parity.plan import DRAW_CLASSES, WIDE_CASES, plan, size_points, widest
from toolkit.spec import Dimension, ModelSpec, Port


def spec(*inputs: Port, dimensions: tuple[Dimension, ...] = ()) -> ModelSpec:
    return ModelSpec("m", nn.Identity, inputs, (Port("y", (1,)),), dimensions)


IMAGES = spec(Port("image", ("batch", 3, 8, 8)))
SEQUENCES = spec(
    Port("tokens", ("time", "batch"), "int64", low=0, high=99), Port("state", (2, "batch", 4))
)


def test_a_batch_is_tested_at_its_least_value_two_three_and_five() -> None:
    sizes = {case.sizes["batch"] for case in plan(IMAGES) if case.kind != "wide"}
    assert sizes == {1, 2, 3, 5}


def test_wide_batches_are_tried_where_samples_are_small() -> None:
    wide = [case for case in plan(IMAGES) if case.kind == "wide"]
    assert [case.sizes["batch"] for case in wide] == [512] * WIDE_CASES
    assert {case.draw_class for case in wide} == {"ordinary"}
    assert not {case.number for case in wide} & certain_cases(IMAGES, plan(IMAGES))


def test_a_wide_batch_holds_every_integer_of_a_range() -> None:
    tokens = spec(
        Port("tokens", ("batch", "time"), "int64", low=-5, high=994),
        Port("lengths", ("batch",), "int64", low=1, up_to="time"),
    )
    first, *_ = (case for case in plan(tokens) if case.kind == "wide")
    drawn = first.inputs(tokens)
    assert set(drawn["tokens"].ravel().tolist()) == set(range(-5, 995))
    assert set(drawn["lengths"].tolist()) == {tokens.traced_sizes["time"]}
    assert first.inputs(tokens)["tokens"].tolist() == drawn["tokens"].tolist()


def test_a_wide_batch_of_integers_of_any_size_can_be_drawn() -> None:
    whole = spec(Port("x", ("batch", 4), "int64", low=-(2.0**62), high=2.0**62))
    first, *_ = (case for case in plan(whole) if case.kind == "wide")
    assert len(np.unique(first.inputs(whole)["x"])) == 512 * 4


def test_the_larger_a_sample_is_the_narrower_a_wide_batch() -> None:
    photographs = spec(Port("image", ("batch", 3, 64, 64)))
    assert widest(photographs) == 42
    assert widest(spec(Port("image", ("batch", 3, 224, 224)))) is None
    assert not any(case.kind == "wide" for case in plan(spec(Port("x", (4, 8)))))


def test_a_wide_batch_keeps_to_the_range_and_step_of_its_dimension() -> None:
    x = Port("x", ("batch", 8))
    assert widest(spec(x, dimensions=(Dimension("batch", 1, 100),))) == 100
    assert widest(spec(x, dimensions=(Dimension("batch", 1, 8),))) is None
    assert widest(spec(x, dimensions=(Dimension("batch", 3, 500, step=7),))) == 500


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


TALE = Port("tokens", ("batch", "time"), "int64", low=0, high=99)
MASK = Port("mask", ("batch", "time"), "int64", low=0, high=1, mask=True)
LENGTHS = Port("lengths", ("batch",), "int64", low=1, up_to="time")
EVERYTHING = spec(
    Port("x", ("batch", 4)),
    TALE,
    Port("flag", (), "bool"),
    Port("other", ("batch",), "bool"),
    MASK,
    LENGTHS,
)


def test_every_promised_kind_of_values_is_planned() -> None:
    assert {case.kind for case in plan(EVERYTHING)} == set(get_args(Kind))


def test_what_is_about_some_inputs_has_ordinary_floats_beside() -> None:
    for case in plan(EVERYTHING):
        if case.kind in OF_SOME_INPUTS:
            values = case.inputs(EVERYTHING)["x"]
            assert len(set(values.ravel().tolist())) == values.size
            assert np.abs(values).max() < NORMAL_BOUND + 1


def test_every_pair_of_booleans_takes_all_four_values_beside_ordinary_floats() -> None:
    flags = ("a", "b", "c")
    model = spec(Port("x", ("batch", 4)), *(Port(name, (), "bool") for name in flags))
    cases = [case for case in plan(model) if case.kind in ("false", "true")]
    for one, other in combinations(flags, 2):
        drawn = [case.inputs(model) for case in cases]
        assert len({(bool(each[one]), bool(each[other])) for each in drawn}) == 4
    assert len(cases) == 8


def test_of_one_boolean_and_of_two_no_case_is_planned_twice() -> None:
    for names in (("a",), ("a", "b")):
        model = spec(Port("x", (4,)), *(Port(name, (), "bool") for name in names))
        cases = [case for case in plan(model) if case.kind in ("false", "true")]
        drawn = [tuple(bool(case.inputs(model)[name]) for name in names) for case in cases]
        assert len(drawn) == len(set(drawn)) == 2 ** len(names)


def test_what_some_inputs_can_be_is_tried_at_the_traced_sizes() -> None:
    first = {case.kind: case.sizes for case in reversed(plan(EVERYTHING))}
    assert all(first[kind] == EVERYTHING.traced_sizes for kind in OF_SOME_INPUTS)


def test_ragged_sequences_are_tried_with_as_many_lengths_as_there_are() -> None:
    ragged = [case for case in plan(EVERYTHING) if case.kind == "unsorted"]
    lengths = [case.inputs(EVERYTHING)["lengths"].tolist() for case in ragged]
    assert [1, 5, 4, 3, 2] in lengths


def test_a_model_of_one_floating_input_pays_nothing_for_the_others() -> None:
    assert len(plan(IMAGES)) == 29 + WIDE_CASES
    assert not {case.kind for case in plan(IMAGES)} & set(OF_SOME_INPUTS)


def test_all_kinds_of_inputs_together_cost_at_most_twelve_cases() -> None:
    floats = spec(Port("x", ("batch", "time", 4)))
    everything = spec(Port("x", ("batch", "time", 4)), *EVERYTHING.inputs[1:])
    assert len(plan(everything)) <= len(plan(floats)) + 12


def test_a_model_without_floats_has_no_larger_ones() -> None:
    tokens = spec(TALE)
    assert {case.draw_class for case in plan(tokens)} == {"ordinary", "flat"}


def test_both_values_and_both_ends_and_every_length_run_whatever_the_budget() -> None:
    cases = plan(EVERYTHING)
    certain = certain_cases(EVERYTHING, cases)
    covered = {(case.kind, case.flag) for case in cases if case.number in certain}
    expected = {(case.kind, case.flag) for case in cases if case.kind in OF_SOME_INPUTS}
    assert expected <= covered


def test_held_out_samples_stand_before_the_users_own_and_one_always_runs() -> None:
    batches = [{"image": np.full((size, 3, 8, 8), size, np.float32)} for size in (1, 3)]
    own = {"image": np.ones((7, 3, 8, 8), np.float32)}
    *_, first, second, last = cases = plan(IMAGES, given=(own,), held_out=batches)
    assert [one.kind for one in (first, second, last)] == ["held-out", "held-out", "given"]
    assert (first.sizes, second.sizes) == ({"batch": 1}, {"batch": 3})
    assert {first.number, last.number} <= certain_cases(IMAGES, cases)
    assert [case.number for case in cases] == [*range(len(cases))]


def test_ordinary_values_are_drawn_at_sizes_that_only_real_samples_have() -> None:
    batches = [
        {"image": np.zeros((size, 3, 8, 8), np.float32)} for size in (1, 7, 7, 9, 11, 13, 15)
    ]
    drawn = [case for case in plan(IMAGES, held_out=batches) if case.kind == "ordinary"]
    without = [case for case in plan(IMAGES) if case.kind == "ordinary"]
    further = [case.sizes["batch"] for case in drawn if case not in without]
    assert further == [7, 9, 11, 13]


def test_nothing_is_drawn_at_a_size_that_the_model_does_not_take() -> None:
    narrow = replace(IMAGES, dimensions=(Dimension("batch", 1, 6),))
    own = {"image": np.zeros((7, 3, 8, 8), np.float32)}
    assert max(case.sizes["batch"] for case in plan(narrow, given=(own,)) if not case.given) == 5


def test_every_drawn_case_is_the_same_for_the_same_seed() -> None:
    for first, again in zip(plan(EVERYTHING, seed=4), plan(EVERYTHING, seed=4), strict=True):
        assert first == again
        arrays = first.inputs(EVERYTHING)
        for name, array in again.inputs(EVERYTHING).items():
            assert np.array_equal(array, arrays[name])


def test_a_case_about_one_boolean_names_it() -> None:
    alone = [case for case in plan(EVERYTHING) if case.flag is not None]
    assert {case.flag for case in alone} == {"flag"}
    assert "false in flag alone" in str(alone[0])


def test_the_users_own_arrays_are_a_case_of_the_plan() -> None:
    own = {"image": np.ones((7, 3, 8, 8), np.float32)}
    last = plan(IMAGES, given=(own,))[-1]
    assert last.kind == "given"
    assert last.sizes == {"batch": 7}
    assert last.inputs(IMAGES) is own

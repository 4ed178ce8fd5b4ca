"""Ports of a candidate and of its reference, matched by name, else by position."""

from __future__ import annotations

import pytest

from toolkit.parity.matching import PortsError, fixed_sizes, match_inputs, match_outputs
from toolkit.runtimes.base import DeclaredPort
from toolkit.spec import Port

IMAGE = Port("image", ("batch", 3, 8, 8))
MASK = Port("mask", ("batch", 8), "bool")
TOKENS = Port("tokens", ("batch", "time"), "int64")


def declared(name: str, shape: tuple[int | str | None, ...], dtype: str) -> DeclaredPort:
    return DeclaredPort(name, shape, dtype)


IN_IMAGE = declared("in0", (None, 3, 8, 8), "float32")
IN_MASK = declared("in1", (None, 8), "bool")


def test_names_that_agree_match_whatever_their_order() -> None:
    found = [declared("mask", (2, 8), "bool"), declared("image", (2, 3, 8, 8), "float32")]
    matching = match_inputs([IMAGE, MASK], found)
    assert dict(matching.own) == {"image": "image", "mask": "mask"}
    assert matching.told() == []


def test_names_that_differ_match_by_position_and_say_so() -> None:
    matching = match_inputs([IMAGE, MASK], [IN_IMAGE, IN_MASK])
    assert dict(matching.own) == {"image": "in0", "mask": "in1"}
    (found,) = matching.told()
    assert (found.name, found.severity) == ("structure", "note")
    assert "in0 as image, in1 as mask" in found.message


def test_one_name_that_differs_is_enough_for_positions() -> None:
    found = [declared("image", (2, 3, 8, 8), "float32"), IN_MASK]
    assert match_inputs([IMAGE, MASK], found).by_position


def test_an_input_that_an_export_dropped_is_known_by_the_names_of_the_others() -> None:
    matching = match_inputs([IMAGE, MASK], [declared("mask", (None, 8), "bool")])
    assert dict(matching.own) == {"mask": "mask"}
    assert [found.severity for found in matching.told()] == ["note"]
    assert "without the input image" in matching.told()[0].message


def test_a_dropped_input_is_known_by_the_shapes_of_the_others_where_they_leave_one_way() -> None:
    matching = match_inputs([TOKENS, IMAGE, MASK], [IN_IMAGE, IN_MASK])
    assert dict(matching.own) == {"image": "in0", "mask": "in1"}
    assert matching.dropped == ("tokens",)


def test_fewer_inputs_that_fit_in_two_ways_are_a_fault() -> None:
    twin = Port("other", IMAGE.shape)
    with pytest.raises(PortsError, match=r"the input in0, .* takes the inputs image, other"):
        match_inputs([IMAGE, twin], [IN_IMAGE])


def test_more_inputs_than_the_reference_are_a_fault() -> None:
    with pytest.raises(PortsError, match="takes the inputs in0, in1"):
        match_inputs([IMAGE], [IN_IMAGE, IN_MASK])


@pytest.mark.parametrize(
    "found",
    [declared("image", (None, 3, 8), "float32"), declared("image", (None, 3, 8, 8), "int64")],
    ids=["rank", "dtype"],
)
def test_an_input_of_another_rank_or_dtype_is_a_fault(found: DeclaredPort) -> None:
    with pytest.raises(PortsError, match=r"takes image as .* takes image as float32 of rank 4"):
        match_inputs([IMAGE], [found])


def test_what_a_candidate_does_not_say_of_its_inputs_is_no_fault() -> None:
    assert match_inputs([IMAGE], [DeclaredPort("image", None, None)]).told() == []


def test_outputs_match_by_name_else_by_position() -> None:
    assert not match_outputs(["a", "b"], ["b", "a"]).by_position
    matching = match_outputs(["a", "b"], ["x", "y"])
    assert dict(matching.own) == {"a": "x", "b": "y"}
    assert "x as a, y as b" in matching.told()[0].message


@pytest.mark.parametrize("own", [["a"], ["a", "b", "c"], ["a", "c", "d"]])
def test_no_output_is_ever_left_out(own: list[str]) -> None:
    with pytest.raises(PortsError, match="gives the outputs a, b"):
        match_outputs(["a", "b"], own)


def test_a_size_that_a_candidate_fixes_is_known_unless_it_contradicts_itself() -> None:
    ports = [IMAGE, MASK]
    once = [declared("image", (4, 3, 8, 8), "float32"), declared("mask", (None, 8), "bool")]
    twice = [declared("image", (4, 3, 8, 8), "float32"), declared("mask", (5, 8), "bool")]
    assert fixed_sizes(ports, once, match_inputs(ports, once)) == {"batch": 4}
    assert fixed_sizes(ports, twice, match_inputs(ports, twice)) == {}

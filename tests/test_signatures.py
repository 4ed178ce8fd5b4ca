"""How named inputs become the arguments of `forward`."""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from toolkit.calling import Call, Constant, call_from, described
from toolkit.errors import InputsError
from toolkit.inputs import arguments
from toolkit.probing import complete
from toolkit.signatures import call_of, parameter_names, required_parameters
from toolkit.spec import ModelSpec, Port

IMAGE = torch.ones(2, 3)
MASK = torch.zeros(2, 3)


@dataclass
class Sample:
    image: Tensor
    mask: Tensor | None = None


class States(NamedTuple):
    hidden: Tensor
    cell: Tensor


class Annotated(nn.Module):
    def forward(
        self,
        sample: Sample | None,
        states: States,
        pyramid: list[Tensor],
        extras: dict[str, Tensor] | None = None,
        *,
        scale: float = 1.0,
    ) -> object:
        return sample, states, pyramid, extras, scale


class Plain(nn.Module):
    def forward(self, a: Any, b: Any = None, *, c: Any = None) -> Any:
        return a, b, c


class AnyKeyword(nn.Module):
    def forward(self, a: Tensor, **more: Tensor) -> Tensor:
        return a + sum(more.values())


def spec(*paths: str, **constants: Constant) -> ModelSpec:
    ports = tuple(Port(path.replace(".", "_"), (2, 3), path=path) for path in paths)
    return ModelSpec("net", nn.Identity, ports, constants=constants)


def handed(
    module: nn.Module, spec: ModelSpec, *tensors: Tensor
) -> tuple[tuple[object, ...], dict[str, object]]:
    return call_of(module, spec).bind(tensors)


def test_annotations_say_what_members_are_built_as() -> None:
    paths = ["sample.image", "sample.mask", "states.hidden", "states.cell"]
    paths += ["pyramid.0", "pyramid.1", "extras.edge"]
    tensors = [torch.full((2, 3), float(number)) for number in range(len(paths))]
    (sample, states, pyramid, extras), keywords = handed(Annotated(), spec(*paths), *tensors)
    assert isinstance(sample, Sample)
    assert isinstance(states, States)
    assert (sample.image, sample.mask) == (tensors[0], tensors[1])
    assert states == (tensors[2], tensors[3])
    assert pyramid == tensors[4:6]
    assert extras == {"edge": tensors[6]}
    assert not keywords


def test_without_annotations_numbers_make_a_tuple_and_names_a_dict() -> None:
    (first, second), _ = handed(Plain(), spec("a.0", "a.1", "b.x"), IMAGE, MASK, IMAGE)
    assert first == (IMAGE, MASK)
    assert second == {"x": IMAGE}


def test_what_comes_after_a_parameter_that_is_left_out_goes_by_keyword() -> None:
    assert handed(Plain(), spec("a", "c"), IMAGE, MASK) == ((IMAGE,), {"c": MASK})


def test_constants_stand_where_their_parameter_is() -> None:
    call = call_of(Plain(), spec("a", b=0.5, c=None))
    assert call.bind([IMAGE]) == ((IMAGE, 0.5), {"c": None})


def test_a_parameter_that_takes_any_keyword_takes_every_other_name() -> None:
    completed = complete(spec("a", "left", "right"), AnyKeyword())
    assert arguments(completed, [IMAGE, MASK, MASK]) == ((IMAGE,), {"left": MASK, "right": MASK})


def test_inputs_in_order_need_no_call_of_their_own() -> None:
    assert call_of(Plain(), spec("a", "b")).is_plain
    assert not call_of(Plain(), spec("a", "c")).is_plain


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (spec("b"), "needs a too"),
        (spec("a.1"), r"numbered from 0: a\.0 is missing"),
        (spec("a", "a.0"), "lies inside an input that is a tensor"),
        (spec("a", d=1), "has no parameter d"),
    ],
    ids=["required", "gap", "tensor-and-members", "unknown"],
)
def test_inputs_that_forward_does_not_take_are_refused(given: ModelSpec, complaint: str) -> None:
    with pytest.raises(InputsError, match=complaint):
        call_of(Plain(), given)


def test_a_call_written_down_and_read_again_hands_over_the_same() -> None:
    given = spec("a.0", "a.1.x", "c", b="text")
    call = call_of(Plain(), given)
    names = [port.name for port in given.inputs]
    assert call_from(described(call, names), names) == call


@pytest.mark.parametrize(
    "tree",
    [{}, {"positional": [{"input": "z"}], "keywords": {}}, {"positional": [3], "keywords": {}}],
)
def test_what_is_no_call_is_refused(tree: dict[str, object]) -> None:
    with pytest.raises(InputsError, match="describes no call"):
        call_from(tree, ["a"])


def test_an_object_whose_class_is_not_at_hand_is_said() -> None:
    call = call_of(Annotated(), spec("sample.image", "states.hidden", "states.cell", "pyramid.0"))
    names = ["image", "hidden", "cell", "level"]
    read: Call = call_from(described(call, names), names)
    with pytest.raises(InputsError, match="class is not at hand"):
        read.bind([IMAGE] * 4)


class Variadic(nn.Module):
    def forward(self, *parts: Tensor, flag: bool = False, offset: Tensor | None = None) -> object:
        return parts, flag, offset


def test_beside_any_number_of_inputs_keyword_only_parameters_go_by_name() -> None:
    call = call_of(Variadic(), spec("left", "right", "offset", flag=True))
    positional, keywords = call.bind([IMAGE, MASK, IMAGE])
    assert positional == (IMAGE, MASK)
    assert keywords == {"offset": IMAGE, "flag": True}


def test_a_constant_that_no_keyword_takes_is_refused() -> None:
    with pytest.raises(InputsError, match="no keyword-only parameter nosuch"):
        call_of(Variadic(), spec("left", nosuch=1))


def test_a_bare_list_says_nothing_of_its_members() -> None:
    class Bare(nn.Module):
        def forward(self, states: typing.List) -> Tensor:  # type: ignore[type-arg] # noqa: UP006
            first: Tensor = states[0]
            return first

    (states,), _ = handed(Bare(), spec("states.0", "states.1"), IMAGE, MASK)
    assert states == [IMAGE, MASK]


def test_the_parameters_of_forward_are_named_in_order() -> None:
    class Two(nn.Module):
        def forward(self, a: int, b: int = 1, *, c: int = 2) -> None: ...

    class Many(nn.Module):
        def forward(self, *parts: int) -> None: ...

    assert parameter_names(Two()) == ["a", "b", "c"]
    assert required_parameters(Two()) == ["a"]
    assert parameter_names(Many()) == []

"""What a module does not say of itself is found by looking at it and running it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from toolkit import probing
from toolkit.errors import InputsError
from toolkit.grammar import parse_input
from toolkit.spec import ModelSpec, Port


class Calls(nn.Module):
    """A module whose forward is the given function of one tensor."""

    def __init__(self, function: Callable[[torch.Tensor], object]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> object:
        return self.function(x)


class Pairing(nn.Module):
    def forward(self, left: torch.Tensor, right: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
        return left.sum(1) - right * scale


def complete(module: nn.Module, *inputs: str) -> ModelSpec:
    ports = tuple(parse_input(text) for text in inputs)
    return probing.complete(ModelSpec("m", lambda: module, ports), module)


def outputs(function: Callable[[torch.Tensor], object], shape: str = "batch,8") -> Sequence[Port]:
    return complete(Calls(function), f"x={shape}").outputs


def test_inputs_go_in_the_order_of_forward() -> None:
    spec = complete(Pairing(), "right=batch", "left=batch,3")
    assert [port.name for port in spec.inputs] == ["left", "right"]


def test_inputs_may_go_by_position() -> None:
    spec = complete(Pairing(), "arg1=batch", "arg0=batch,3")
    assert [port.name for port in spec.inputs] == ["arg0", "arg1"]


def test_an_input_that_forward_does_not_have_is_named_with_the_nearest() -> None:
    with pytest.raises(InputsError, match="no parameter lefft") as caught:
        complete(Pairing(), "lefft=batch,3", "right=batch")
    assert "left" in str(caught.value.hint)


@pytest.mark.parametrize("given", ["right=batch", "left=batch,3"])
def test_an_input_that_is_missing_is_named(given: str) -> None:
    missing = "left" if given.startswith("right") else "right"
    with pytest.raises(InputsError, match=missing):
        complete(Pairing(), given)


def test_two_words_for_the_same_parameter_are_refused() -> None:
    with pytest.raises(InputsError, match="left"):
        complete(Pairing(), "left=batch,3", "arg0=batch,3")


def test_integers_stay_inside_the_smallest_embedding() -> None:
    module = nn.Sequential(nn.Embedding(5, 2))
    (port,) = complete(module, "input=batch,time:int64").inputs
    assert (port.low, port.high) == (0, 4)


@dataclass
class Answer:
    score: torch.Tensor
    hint: torch.Tensor | None = None


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (lambda x: x, ["output_0"]),
        (lambda x: (x, x + 1), ["output_0", "output_1"]),
        (lambda x: {"logits": x, "states": [x, x]}, ["logits", "states_0", "states_1"]),
        (Answer, ["score"]),
        (lambda x: (x, None), ["output_0"]),
    ],
)
def test_outputs_are_named_by_the_flattening_rule(
    function: Callable[[torch.Tensor], object], names: list[str]
) -> None:
    assert [port.name for port in outputs(function)] == names


def test_the_dynamic_axes_of_an_output_are_found() -> None:
    (port,) = outputs(lambda x: x.transpose(1, 2), "batch,time,3")
    assert port.shape == ("batch", 3, "time")


def test_an_axis_that_follows_a_dimension_has_a_name_of_its_own() -> None:
    (port,) = outputs(lambda x: torch.cat([x, x]), "batch,3")
    assert port.shape == ("output_0_0", 3)


def test_a_static_axis_of_the_traced_size_keeps_its_number() -> None:
    (port,) = outputs(lambda x: x[:, :2], "batch,8")
    assert port.shape == ("batch", 2)


def test_dtypes_are_read_off() -> None:
    assert [port.dtype for port in outputs(lambda x: (x.argmax(1), x > 0, x.double()))] == [
        "int64",
        "bool",
        "float64",
    ]


def test_a_shape_that_does_not_fit_says_which_was_tried() -> None:
    with pytest.raises(InputsError, match=r"running it on input \(2, 7\) raised") as caught:
        complete(nn.Sequential(nn.Linear(8, 4)), "input=batch,7")
    assert "\n" not in caught.value.message


def test_an_entry_that_forward_asks_a_dict_for_is_named() -> None:
    class Masked(nn.Module):
        def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
            return batch["x"] * batch["mask"]

    with pytest.raises(InputsError, match="KeyError: 'mask'") as caught:
        complete(Masked(), "batch.x=batch,7")
    assert caught.value.hint == "forward asks for the entry 'mask': --input batch.mask=… gives it"


def test_a_module_that_returns_no_tensor_is_refused() -> None:
    with pytest.raises(InputsError, match="no tensor"):
        outputs(lambda x: None)

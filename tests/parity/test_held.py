"""Which numbers of a form are not the module's, whatever an exporter does to whole tensors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from toolkit.inputs import Array
from toolkit.parity.held import Departing, departing


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 4, 3)
        self.second = nn.Linear(6, 6)


def _held(module: nn.Module) -> dict[str, Array]:
    return {name: one.detach().numpy().copy() for name, one in module.named_parameters()}


def _departing(module: nn.Module, held: dict[str, Array]) -> Departing:
    return departing(module, held.items())


def test_the_numbers_of_the_module_itself_do_not_depart() -> None:
    module = Two()
    assert _departing(module, _held(module)).tensors == {}


@pytest.mark.parametrize("value", [2.0, -3e30, float("nan"), float("inf"), 0.0])
def test_a_number_that_was_changed_departs(value: float) -> None:
    module = Two()
    held = _held(module)
    held["first.weight"][2, 1, 0, 2] = value
    found = _departing(module, held)
    assert (str(found), found.count) == ("first.weight[2, 1, 0, 2]", 1)
    whole = found.tensors["first.weight"].numpy()
    assert np.array_equal(whole[2, 1, 0, 2], np.float32(value), equal_nan=True)
    whole[2, 1, 0, 2] = module.first.weight[2, 1, 0, 2].item()
    assert np.array_equal(whole, module.first.weight.detach().numpy())


def test_a_normalisation_folded_into_the_weights_is_no_departure() -> None:
    module = Two()
    held = _held(module)
    held["first.weight"] *= np.array([0.3, -2.0, 1.1, 17.0], np.float32)[:, None, None, None]
    assert _departing(module, held).tensors == {}


def test_behind_a_folded_normalisation_a_number_departs_without_its_factor() -> None:
    module = Two()
    held = _held(module)
    held["first.weight"] *= np.float32(4.0)
    held["first.weight"][1, 0, 0, 0] = 2.0
    found = _departing(module, held)
    assert str(found) == "first.weight[1, 0, 0, 0]"
    assert found.tensors["first.weight"][1, 0, 0, 0].item() == pytest.approx(0.5)


def test_a_large_tensor_is_compared_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolkit.parity.held.BLOCK", 7)
    module = Two()
    held = _held(module)
    held["second.weight"] *= np.arange(1, 7, dtype=np.float32)[:, None]
    held["second.weight"][4, 5] = 9.0
    assert str(_departing(module, held)) == "second.weight[4, 5]"


@pytest.mark.filterwarnings("error")
def test_a_number_may_be_out_of_range_without_its_factor() -> None:
    module = Two()
    held = _held(module)
    held["second.weight"] *= np.float32(0.01)
    held["second.weight"][0, 0] = 3e38
    assert _departing(module, held).tensors["second.weight"][0, 0].item() == np.inf


def test_what_is_no_number_in_both_does_not_depart() -> None:
    module = Two()
    with torch.no_grad():
        module.first.weight[0, 0, 0, 0] = float("nan")
    held = _held(module)
    held["first.weight"] *= np.float32(4.0)
    assert _departing(module, held).tensors == {}


def test_a_bias_has_no_factor() -> None:
    module = Two()
    held = _held(module)
    held["second.bias"][3] *= 2
    assert str(_departing(module, held)) == "second.bias[3]"


def test_several_are_counted_and_the_first_is_named() -> None:
    module = Two()
    held = _held(module)
    held["second.bias"][3] = held["second.weight"][0, 1] = 9.0
    assert str(_departing(module, held)) == "second.weight[0, 1] and 1 more"


@pytest.mark.parametrize("name", ["first.weight", "second.weight"])
def test_a_tensor_in_another_layout_is_not_compared(name: str) -> None:
    module = Two()
    held = _held(module)
    held[name] = np.ascontiguousarray(np.swapaxes(held[name], 0, 1)).reshape(held[name].shape)
    assert _departing(module, held).tensors == {}


def test_names_that_the_module_does_not_have_say_nothing() -> None:
    module = Two()
    strange = {"val_7": np.ones(3, np.float32), "first.bias": np.ones((2, 2), np.float32)}
    assert _departing(module, strange).tensors == {}

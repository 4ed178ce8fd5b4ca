"""Programs of operators: captured, written down, read back, cut into parts, compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.reproduction.networks import Branching, Sound
from toolkit import probing
from toolkit.reproduction.capturing import at_any_size, at_fixed_sizes
from toolkit.reproduction.emitting import Wanted, script
from toolkit.reproduction.job import draft, load
from toolkit.reproduction.program import Cutter, Program, values
from toolkit.reproduction.recording import LEVELS, as_it_runs
from toolkit.reproduction.reducing import alike
from toolkit.reproduction.trial import tried
from toolkit.reproduction.two_paths import TwoPaths, runs_alike, shorter
from toolkit.reproduction.writing import Fault, reproduce
from toolkit.spec import ModelSpec, Port
from toolkit.weights import Built, WeightsRecord

TRACE = Wanted("trace", 20)


def built(module: nn.Module) -> Built:
    """A network with one input of eight features and any batch."""
    own = module.eval()
    spec = ModelSpec("net", lambda: own, (Port("x", ("batch", 8)),))
    return Built(probing.complete(spec, own), own, WeightsRecord("constructed", "0"))


def result(program: Program, inputs: tuple[Tensor, ...]) -> Tensor:
    """What comes out of a program."""
    value = values(program, inputs)[program.outputs[0].name]
    assert isinstance(value, Tensor)
    return value


class InPlace(nn.Module):
    """Writes into what it has computed."""

    def forward(self, x: Tensor) -> Tensor:
        y = torch.zeros_like(x)
        y[:, 0] = x[:, 1]
        return y + x


@pytest.mark.parametrize("network", [Sound, Branching, InPlace])
def test_a_captured_program_computes_what_the_network_does(network: type[nn.Module]) -> None:
    module = network()
    x = torch.randn(3, 8)
    program = at_fixed_sizes(built(module), (x,))
    torch.testing.assert_close(result(program, (x,)), module(x))


@pytest.mark.parametrize("level", LEVELS)
def test_a_recorded_program_takes_the_path_that_its_inputs_take(level: type) -> None:
    module = Branching()
    two, three = torch.randn(2, 8), torch.randn(3, 8)
    first = as_it_runs(built(module), (two,), level)
    second = as_it_runs(built(module), (three,), level)
    torch.testing.assert_close(result(second, (three,)), module(three))
    assert not runs_alike(first, second)
    assert runs_alike(first, as_it_runs(built(module), (two + 1,), level))


def test_a_program_is_read_back_from_its_script_as_it_was(tmp_path: Path) -> None:
    module = Sound()
    two, three = (torch.randn(2, 8),), (torch.randn(3, 8),)
    program = at_any_size(built(module), two, three)
    again = load(draft(program, tmp_path, 0, TRACE), tmp_path)
    assert isinstance(again, Program)
    assert [str(node.target) for node in again.operators] == [
        str(node.target) for node in program.operators
    ]
    assert again.dynamic == ((0,),)
    torch.testing.assert_close(result(again, three), module(*three))


def test_a_part_takes_the_values_of_what_was_cut_as_its_inputs() -> None:
    module = Sound()
    x = torch.randn(3, 8)
    cutter = Cutter.of(at_fixed_sizes(built(module), (x,)))
    before, active, after = cutter.program.operators
    part = cutter.part([active], {before})
    assert [str(node.target) for node in part.operators] == ["aten.relu.default"]
    torch.testing.assert_close(part.failing[0], module.before(x))
    assert cutter.part([after]).operators != part.operators


def test_two_paths_are_cut_down_to_where_they_part() -> None:
    module = Branching()
    level = LEVELS[0]
    first = as_it_runs(built(module), (torch.randn(2, 8),), level, "first_")
    second = as_it_runs(built(module), (torch.randn(3, 8),), level, "second_")
    paths = TwoPaths(first, second, ((0,),), "order")
    least = next(iter(shorter(paths)))
    assert [node.name for node in least.operators] == ["mul"]
    assert tried(script(paths, TRACE, "stored")).kind == "value"
    assert tried(script(least, TRACE, "stored")).kind == "value"


def test_what_a_sound_export_computes_is_no_fault() -> None:
    x = torch.randn(3, 8)
    assert tried(script(at_fixed_sizes(built(Sound()), (x,)), TRACE, "stored")).kind == ""


def test_a_fault_that_plain_torch_does_not_show_gets_no_script(tmp_path: Path) -> None:
    case = {"x": np.ones((3, 8), np.float32)}
    fault = Fault(built(Sound()), "trace", 20, "value", "off by 1", case)
    target = tmp_path / "trace-value-0.py"
    assert reproduce(fault, target, lambda: None) is None
    assert not target.exists()


def test_an_error_is_known_again_by_its_words() -> None:
    said = "No ONNX function found for aten.lgamma"
    assert alike(said, "export failed: No ONNX function found for prims.lgamma (install more)")
    assert not alike(said, "the dimension batch is specialised to 2")
